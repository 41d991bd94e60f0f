"""The two-level taxonomy of reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from knowledge_base.tables import read_table

COLUMNS = ("code", "level1", "level2", "scope")


@dataclass(frozen=True, slots=True)
class Category:
    """A second-level category with the name of its first level and what it covers."""

    code: str
    level1: str
    level2: str
    scope: str

    @property
    def path(self) -> tuple[str, str]:
        """First- and second-level name."""
        return self.level1, self.level2


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The categories in the order of the file; codes are unique."""

    categories: tuple[Category, ...]
    _by_code: dict[str, Category] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the codes."""
        object.__setattr__(self, "_by_code", {category.code: category for category in self.categories})

    def __contains__(self, code: object) -> bool:
        """Return whether a category has this code."""
        return code in self._by_code

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes in the order of the file."""
        return tuple(self._by_code)

    def category(self, code: str) -> Category:
        """Return the category of a code.

        Raises:
            KeyError: no category has this code.
        """
        return self._by_code[code]

    def path(self, code: str) -> tuple[str, str]:
        """Return first- and second-level name of a code.

        Raises:
            KeyError: no category has this code.
        """
        return self._by_code[code].path


def read_taxonomy(path: Path) -> Taxonomy:
    """Read ``taxonomy.tsv``.

    Raises:
        KnowledgeBaseError: the file is unreadable or a row is broken.
    """
    return Taxonomy(tuple(Category(*(row.text(column) for column in COLUMNS)) for row in read_table(path, COLUMNS)))
