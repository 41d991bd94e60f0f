"""What stands for a code in each of the three taxonomies: ours, DB44/T 2479-2024 and the 信访 first level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from knowledge_base.crosswalk import LEVEL1_DIGITS, LEVEL2_DIGITS, LEVEL3_DIGITS, Crosswalk
from knowledge_base.taxonomy import Taxonomy
from models.contract import XINFANG_LABELS


@dataclass(frozen=True, slots=True)
class Equivalents:
    """What stands for a code, best first; ``taxonomy`` says whose it is: unified, db44t2479 or xinfang.

    ``level2`` and ``level3`` are codes of the standard with four and six digits.
    """

    taxonomy: str
    code: str
    path: tuple[str, ...]
    categories: tuple[str, ...]
    level2: tuple[str, ...]
    level3: tuple[str, ...]
    xinfang: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Translator:
    """Translates codes both ways.

    Our category and a code of the standard stand for each other where ``crosswalk_db44.tsv`` pairs them, ours and a
    信访 label where ``crosswalk_xinfang.tsv`` does. A code of the standard and a label stand for each other where the
    label is the best of the code's home; where that has none, no label does.
    """

    crosswalk: Crosswalk
    taxonomy: Taxonomy
    _categories: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _below: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the standard's codes of every level."""
        below: dict[str, list[str]] = {}
        for code in self.crosswalk.standard:
            for digits in (LEVEL1_DIGITS, LEVEL2_DIGITS, LEVEL3_DIGITS):
                below.setdefault(code[:digits], []).append(code)
        object.__setattr__(self, "_below", below)
        object.__setattr__(self, "_categories", _by_standard_code(self.crosswalk))

    @property
    def standard_codes(self) -> tuple[str, ...]:
        """The standard's codes of two, four and six digits, in order."""
        return tuple(sorted(self._below))

    def find(self, code: str) -> Equivalents:
        """Return what stands for a code of any of the three taxonomies, or a 信访 label.

        Raises:
            KeyError: none has this code.
        """
        if code in self.taxonomy:
            return self._of_category(code)
        if code in XINFANG_LABELS:
            return self._of_label(code)
        return self._of_standard(code)

    def _of_category(self, code: str) -> Equivalents:
        codes, fit = self.crosswalk.db44t2479.get(code, ()), self.crosswalk.xinfang.get(code)
        return Equivalents("unified", code, self.taxonomy.path(code), (code,), _second_level(codes), codes,
                           fit.labels if fit else ())

    def _of_standard(self, code: str) -> Equivalents:
        below = tuple(self._below[code])
        first = self.crosswalk.standard[below[0]]
        names = (first.level1, first.level2, first.level3)[:len(code) // LEVEL1_DIGITS]
        labels = _most_frequent(label for label in map(self._label, below) if label)
        return Equivalents("db44t2479", code, tuple(filter(None, names)), self._categories.get(code, ()),
                           _second_level(below), below, labels)

    def _of_label(self, label: str) -> Equivalents:
        fits = self.crosswalk.xinfang
        own = tuple(code for code, fit in fits.items() if fit.best == label)
        also = tuple(code for code, fit in fits.items() if label in fit.also)
        codes = tuple(code for code in self.crosswalk.standard if self._label(code) == label)
        return Equivalents("xinfang", label, (label,), own + also,
                           _most_frequent(code[:LEVEL2_DIGITS] for code in codes), codes, (label,))

    def _label(self, code: str) -> str | None:
        fit = self.crosswalk.xinfang.get(self.crosswalk.standard[code].home)
        return fit.best if fit else None


def _second_level(codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code[:LEVEL2_DIGITS] for code in codes))


def _most_frequent(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(value for value, _ in Counter(values).most_common())


def _by_standard_code(crosswalk: Crosswalk) -> dict[str, tuple[str, ...]]:
    """Return our categories by code of two, four and six digits, best first.

    A third-level code's home comes first. Above that level it is the home of the most codes below, the category's own
    best code counting twice. Then follow the others by how far up their list has the code.
    """
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for category, codes in crosswalk.db44t2479.items():
        for place, code in enumerate(codes):
            for digits in (LEVEL1_DIGITS, LEVEL2_DIGITS, LEVEL3_DIGITS):
                ranks = found.setdefault(code[:digits], {})
                homes, nearest = ranks.get(category, (0, place))
                ranks[category] = homes + (crosswalk.standard[code].home == category), nearest
    return {code: tuple(sorted(ranks, key=partial(_rank, len(code), ranks))) for code, ranks in found.items()}


def _rank(digits: int, ranks: Mapping[str, tuple[int, int]], category: str) -> tuple[int, int]:
    homes, nearest = ranks[category]
    own = digits < LEVEL3_DIGITS and nearest == 0
    return -(homes + own), nearest
