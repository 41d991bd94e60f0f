"""Cross-walks between our taxonomy, DB44/T 2479-2024 and the 信访 first level, each way and many to many."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from knowledge_base.tables import Row, read_table
from models.contract import XINFANG_LABELS

STANDARD_FILE, DB44_FILE, XINFANG_FILE = "db44t2479.tsv", "crosswalk_db44.tsv", "crosswalk_xinfang.tsv"
STANDARD_COLUMNS = ("code", "level1", "level2", "level3", "category")
XINFANG_COLUMNS = ("category", "xinfang", "also")
LEVEL1_DIGITS, LEVEL2_DIGITS, LEVEL3_DIGITS = 2, 4, 6


@dataclass(frozen=True, slots=True)
class StandardCategory:
    """A third-level category of DB44/T 2479-2024 (广东省 12345 诉求分类).

    ``level3`` is empty where the standard ends at the second level (the code then ends with 00); ``home`` is the one
    of our categories that fits best.
    """

    code: str
    level1: str
    level2: str
    level3: str
    home: str


@dataclass(frozen=True, slots=True)
class XinfangFit:
    """The 信访 label of a category, None where none of the seven is its own, and labels that its reports also get."""

    best: str | None
    also: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label, best first."""
        return (self.best, *self.also) if self.best else self.also


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """The standard by six-digit code; by our code its six-digit codes, best first, and its 信访 labels."""

    standard: Mapping[str, StandardCategory]
    db44t2479: Mapping[str, tuple[str, ...]]
    xinfang: Mapping[str, XinfangFit]

    def other_taxonomies(self, category: str) -> dict[str, str | None]:
        """Return the best second-level code of the standard and the 信访 label; None where there is none."""
        codes, fit = self.db44t2479.get(category, ()), self.xinfang.get(category)
        return {"db44t2479": codes[0][:LEVEL2_DIGITS] if codes else None, "xinfang": fit.best if fit else None}


def read_crosswalk(folder: Path, categories: Collection[str]) -> Crosswalk:
    """Read ``db44t2479.tsv``, ``crosswalk_db44.tsv`` and ``crosswalk_xinfang.tsv``.

    Every code of the standard has a home among our categories, whose row in the cross-walk lists it: so each is
    reached, and the two files cannot contradict each other.

    Raises:
        KnowledgeBaseError: a file is unreadable, a row is broken, or a code is unknown.
    """
    rows = list(read_table(folder / STANDARD_FILE, STANDARD_COLUMNS))
    standard: dict[str, StandardCategory] = {}
    names: dict[str, str] = {}
    for row in rows:
        standard[row.text("code")] = _standard_category(row, categories, names)
    db44 = {_category(row, categories): _standard_codes(row, standard)
            for row in read_table(folder / DB44_FILE, ("category", "db44t2479"))}
    for row in rows:
        code, home = row.text("code"), row.text("category")
        if code not in db44.get(home, ()):
            raise row.fault("category", f"expected a category that lists {code} in {DB44_FILE}, found {home}")
    xinfang = {_category(row, categories): _xinfang_fit(row)
               for row in read_table(folder / XINFANG_FILE, XINFANG_COLUMNS)}
    return Crosswalk(MappingProxyType(standard), MappingProxyType(db44), MappingProxyType(xinfang))


def _standard_category(row: Row, categories: Collection[str], names: dict[str, str]) -> StandardCategory:
    """Return a row of the standard; ``names`` holds the names of the levels above that were read before."""
    code = row.text("code")
    if len(code) != LEVEL3_DIGITS or not (code.isascii() and code.isdigit()):
        raise row.fault("code", f"expected {LEVEL3_DIGITS} digits, found {code!r}")
    for digits, column in ((LEVEL1_DIGITS, "level1"), (LEVEL2_DIGITS, "level2")):
        if (name := row.text(column)) != (known := names.setdefault(code[:digits], name)):
            raise row.fault(column, f"expected {known} as for the other codes {code[:digits]}…, found {name}")
    if not row.cells["level3"] and not code.endswith("00"):
        raise row.fault("level3", "expected a name; only a code that ends with 00 has none")
    home = _category(row, categories)
    return StandardCategory(code, row.text("level1"), row.text("level2"), row.cells["level3"], home)


def _category(row: Row, categories: Collection[str]) -> str:
    if (code := row.text("category")) not in categories:
        raise row.fault("category", f"expected a code of taxonomy.tsv, found {code!r}")
    return code


def _standard_codes(row: Row, standard: Collection[str]) -> tuple[str, ...]:
    codes = row.codes("db44t2479")
    if not codes:
        raise row.fault("db44t2479", "expected at least one code, the best first")
    if unknown := [code for code in codes if code not in standard]:
        raise row.fault("db44t2479", f"expected codes of {STANDARD_FILE}, found {', '.join(unknown)}")
    return codes


def _xinfang_fit(row: Row) -> XinfangFit:
    best, also = row.cells["xinfang"], row.codes("also")
    for column, labels in (("xinfang", (best,) if best else ()), ("also", also)):
        if unknown := [label for label in labels if label not in XINFANG_LABELS]:
            raise row.fault(column, f"expected nothing or of {', '.join(XINFANG_LABELS)}, found {', '.join(unknown)}")
    if best in also:
        raise row.fault("also", f"expected labels other than that of xinfang, found {best} again")
    if not best and not also:
        raise row.fault("also", "expected at least one label where xinfang has none")
    return XinfangFit(best or None, also)
