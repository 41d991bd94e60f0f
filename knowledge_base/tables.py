"""Reading the tab-separated tables of the knowledge base, with line numbers for errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge_base.errors import KnowledgeBaseError, fault

NOTHING = "-"
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its cells by column name."""

    file: str
    line: int
    cells: dict[str, str]

    def text(self, column: str) -> str:
        """Return a cell that must not be empty."""
        if value := self.cells[column]:
            return value
        raise self.fault(column, "expected a text, found an empty cell")

    def codes(self, column: str) -> tuple[str, ...]:
        """Return the comma-separated codes of a cell, none repeated; an empty cell has none."""
        codes = tuple(code.strip() for code in self.cells[column].split(",") if code.strip())
        if len(set(codes)) != len(codes):
            raise self.fault(column, f"expected different codes, found {', '.join(codes)}")
        return codes

    def fault(self, column: str, expected: str) -> KnowledgeBaseError:
        """Return an error that points at a cell of this line."""
        return fault(self.file, self.line, column, expected)


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file that was written to its end.

    Raises:
        KnowledgeBaseError: the file is missing, unreadable, not UTF-8, no text, or breaks off within a line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise fault(path.name, 0, "file", f"expected a readable file ({error.strerror})") from error
    except UnicodeDecodeError as error:
        line = error.object[:error.start].count(b"\n") + 1
        raise fault(path.name, line, "file", "expected UTF-8; save the file as UTF-8") from error
    if found := _CONTROL.search(text):
        raise fault(path.name, text.count("\n", 0, found.start()) + 1, "file",
                    f"expected text, found the control character U+{ord(found[0]):04X}; save the file again")
    if text and not text.endswith("\n"):
        raise fault(path.name, text.count("\n") + 1, "file",
                    "expected a line break at the end: the file may be half written; save it again")
    return text


def read_table(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table whose first line names exactly ``columns``.

    Empty lines are skipped; ``-`` stands for an empty cell.

    Raises:
        KnowledgeBaseError: the file is unreadable, the header or a row has other columns, a key is repeated.
    """
    lines = read_text(path).splitlines()
    if not lines or lines[0].split("\t") != list(columns):
        raise fault(path.name, 1, "header", f"expected the tab-separated columns {', '.join(columns)}")
    seen: set[str] = set()
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = ["" if cell.strip() == NOTHING else cell.strip() for cell in line.split("\t")]
        if len(cells) != len(columns):
            raise fault(path.name, number, "row", f"expected {len(columns)} tab-separated cells, found {len(cells)}")
        row = Row(path.name, number, dict(zip(columns, cells, strict=True)))
        key = row.text(columns[0])
        if key in seen:
            raise row.fault(columns[0], f"expected each code once, found {key} again")
        seen.add(key)
        yield row
