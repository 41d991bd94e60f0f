"""Finding what a text is about by few, telling words: groups of alternatives that must all be named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

from knowledge_base.marked_yaml import Fields
from models.text import normalise

WORD_FIELDS = ("categories", "words", "not_words", "incidents")
WITHIN = 40  # characters
_START = 2  # characters


@dataclass(frozen=True, slots=True)
class WordGroups:
    """Words that a text must have: one of each of ``groups`` near each other, and none of ``not_words``."""

    groups: tuple[tuple[str, ...], ...]
    not_words: tuple[str, ...] = ()

    def spread(self, text: str, found: Collection[str]) -> int:
        """Return the length of the shortest piece of a text with a word of every group, past its end if none has.

        ``found`` are the words that the text has.
        """
        places = sorted((start, len(word), number) for number, group in enumerate(self.groups)
                        for word in group if word in found for start in _starts(text, word))
        ends = [0] * len(self.groups)
        last = [-1] * len(self.groups)
        shortest = len(text) + 1
        for start, length, number in places:
            last[number], ends[number] = start, start + length
            if min(last) >= 0:
                shortest = min(shortest, max(ends) - min(last))
        return shortest


def _starts(text: str, word: str) -> Iterator[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)


class Worded(Protocol):
    """What can be found by its words, under some categories."""

    @property
    def id(self) -> str:
        """Its stable name."""

    @property
    def words(self) -> WordGroups:
        """The words that name it."""

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories under which it may come up."""


Entry = TypeVar("Entry", bound=Worded)


class Finder(Generic[Entry]):
    """Entries with an index over their words; immutable.

    Words are looked up by their first two characters, so that a text costs one pass over its character pairs and a
    search for the few words whose beginning it has.
    """

    __slots__ = ("_by_start", "_first", "entries", "within")

    def __init__(self, entries: Sequence[Entry] = (), within: int = WITHIN) -> None:
        """Index the words of the entries; the words of a match stand within ``within`` characters."""
        self.entries = tuple(entries)
        self.within = within
        starts: dict[str, set[str]] = {}
        self._first: dict[str, list[int]] = {}
        for position, entry in enumerate(self.entries):
            for word in {*entry.words.not_words, *(word for group in entry.words.groups for word in group)}:
                starts.setdefault(word[:_START], set()).add(word)
            for word in entry.words.groups[0]:
                self._first.setdefault(word, []).append(position)
        self._by_start = {start: tuple(sorted(words)) for start, words in starts.items()}

    def __iter__(self) -> Iterator[Entry]:
        """Iterate over the entries in the order of the file."""
        return iter(self.entries)

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self.entries)

    def __eq__(self, other: object) -> bool:
        """Return whether the other finds the same entries."""
        return isinstance(other, Finder) and (self.entries, self.within) == (other.entries, other.within)

    def __hash__(self) -> int:
        """Return the hash of the entries."""
        return hash(self.entries)

    def matching(self, text: str, categories: Collection[str] | None = None) -> tuple[Entry, ...]:
        """Return the entries that a normalised text names, the most telling first.

        A match means: some piece of the text, no longer than ``within``, has at least one word of every group of
        the entry; the whole text has none of its ``not_words``; and at least one of its categories is among
        ``categories``, the codes that are plausible for this text (None: all are). It is evidence, not a verdict:
        the words may stand anywhere in the text, whoever says them, so that a long text may match several entries
        that name different leads. An entry with more groups comes before one with fewer, then the one whose words
        stand closer together, then the order of the file.
        """
        text = text.lower()
        starts = self._by_start.keys() & {*text, *map("".join, pairwise(text))}
        found = {word for start in starts for word in self._by_start[start] if word in text}
        candidates = {position for word in found & self._first.keys() for position in self._first[word]}
        ranked = []
        for position in candidates:
            entry = self.entries[position]
            if categories is not None and not any(code in categories for code in entry.categories):
                continue
            words = entry.words
            if any(map(found.isdisjoint, words.groups)) or not found.isdisjoint(words.not_words):
                continue
            if (spread := words.spread(text, found)) <= self.within:
                ranked.append((-len(words.groups), spread, position))
        return tuple(self.entries[position] for _, _, position in sorted(ranked))


def read_words(fields: Fields) -> WordGroups:
    """Read ``words``, a list of ``any: [word, …]``, and ``not_words``.

    Raises:
        KnowledgeBaseError: there is no word, or one could never be found in a normalised text.
    """
    groups = []
    for group in fields.mappings("words", ("any",)):
        words = group.texts("any")
        if not words:
            raise group.fault("any", "expected at least one word in each group")
        _refuse_unfindable(group, "any", words)
        groups.append(words)
    if not groups:
        raise fields.fault("words", "expected at least one group of words, each as - any: [word, word]")
    not_words = fields.texts("not_words")
    _refuse_unfindable(fields, "not_words", not_words)
    return WordGroups(tuple(groups), not_words)


def _refuse_unfindable(fields: Fields, field: str, words: tuple[str, ...]) -> None:
    for word in words:
        plain = normalise(word).text.lower()
        if word != plain:
            raise fields.fault(field, f"expected simplified, half-width, lower-case words: {plain!r}, found {word!r}")


def read_categories(fields: Fields, categories: Collection[str]) -> tuple[str, ...]:
    """Read the categories of an entry, at least one.

    Raises:
        KnowledgeBaseError: there is none, or a code is unknown.
    """
    codes = fields.texts("categories")
    if unknown := [code for code in codes if code not in categories]:
        raise fields.fault("categories", f"expected codes of taxonomy.tsv, found {', '.join(unknown)}")
    if not codes:
        raise fields.fault("categories", "expected at least one category")
    return codes


def read_departments_of(fields: Fields, field: str, departments: Collection[str]) -> tuple[str, ...]:
    """Read a list of departments.

    Raises:
        KnowledgeBaseError: a code is unknown.
    """
    codes = fields.texts(field)
    if unknown := [code for code in codes if code not in departments]:
        raise fields.fault(field, f"expected codes of departments.tsv, found {', '.join(unknown)}")
    return codes


def read_department(fields: Fields, field: str, departments: Collection[str]) -> str:
    """Read one department.

    Raises:
        KnowledgeBaseError: the code is missing or unknown.
    """
    if (code := fields.text(field)) not in departments:
        raise fields.fault(field, f"expected a code of departments.tsv, found {code!r}")
    return code
