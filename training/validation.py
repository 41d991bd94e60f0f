"""Checking every source file row by row: what is wrong is named by file and row, never by its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.schema import (
    LABEL_COLUMNS,
    Codes,
    DatasetError,
    TrainingRow,
    numbered_lines,
    parse_label,
    parse_line,
    problems_of,
    row_from_json,
    type_problems,
)

LABELLED = ("kind", "category", "urgency", "lead", "co")
REQUIRED = {"annotated": LABELLED, "reviewer": LABELLED, "written": LABELLED, "xinfang7": ("label",)}
WHOLE_FILE = 0
PAIR_LABELS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a row of a file; rows count from 1, row 0 stands for the whole file."""

    file: str
    row: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.row}: {self.what}"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of rows: ``form`` is messages, labels, replies or pairs; ``source`` goes into the rows read from it."""

    path: Path
    form: str
    source: str


class SourceReader:
    """Reads source files and gathers their ``problems``."""

    def __init__(self, codes: Codes) -> None:
        self.codes = codes
        self.problems: list[Problem] = []

    def messages(self, file: SourceFile) -> Iterator[TrainingRow]:
        """Yield the sound messages of a file."""
        yield from (row for _, row in self.numbered_messages(file))

    def numbered_messages(self, file: SourceFile) -> Iterator[tuple[int, TrainingRow]]:
        """Yield the sound messages of a file with their row numbers."""
        seen: dict[str, int] = {}
        for number, raw in self._objects(file.path):
            wrong = type_problems(raw)
            row = None if wrong else row_from_json(raw, file.source)
            found = [*wrong, *(f"missing label {name}" for name in REQUIRED.get(file.source, ())
                               if raw.get(name) is None)]
            if row is not None:
                found += problems_of(row, self.codes) + _repeated(seen, row.id, number)
            if row is not None and not found:
                yield number, row
            self._note(file.path, number, found)

    def labels(self, file: SourceFile) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield message ids and labels of the sound rows of a label file."""
        seen: dict[str, int] = {}
        lines = self._lines(file.path)
        number, header = next(lines, (1, b""))
        if number != 1 or tuple(header.decode("utf-8", "replace").rstrip("\r\n").split("\t")) != LABEL_COLUMNS:
            self._note(file.path, WHOLE_FILE, [f"expected the columns {' '.join(LABEL_COLUMNS)}"])
            return
        for number, line in lines:
            try:
                message, labels = parse_label(line)
            except ValueError as error:
                self._note(file.path, number, [str(error)])
                continue
            row = TrainingRow(message, "", "-", "-", file.source, **labels)
            found = [] if row.category else ["missing label category"]
            found += problems_of(row, self.codes) + _repeated(seen, message, number)
            if not found:
                yield message, labels
            self._note(file.path, number, found)

    def check_replies(self, file: SourceFile) -> None:
        """Check that every row has an id and a reply."""
        for number, raw in self._objects(file.path):
            found = type_problems(raw)
            if not isinstance(raw.get("reply"), str) or not raw["reply"].strip():
                found.append("empty reply")
            self._note(file.path, number, found)

    def check_pairs(self, file: SourceFile) -> None:
        """Check that every row has two messages with ids and texts, and a label."""
        for number, raw in self._objects(file.path):
            found = []
            for side in ("a", "b"):
                message = raw.get(side)
                if not isinstance(message, dict):
                    found.append(f"side {side} is no message")
                    continue
                found += [f"side {side}: {what}" for what in type_problems(message)]
                found += [f"side {side}: missing {name}" for name in ("title", "text") if message.get(name) is None]
            if isinstance(raw.get("label"), bool) or raw.get("label") not in PAIR_LABELS:
                found.append("unknown label, expected 0, 1 or 2")
            if not isinstance(raw.get("drawn"), str):
                found.append("missing drawn")
            self._note(file.path, number, found)

    def _lines(self, path: Path) -> Iterator[tuple[int, bytes]]:
        try:
            yield from numbered_lines(path)
        except DatasetError:
            self._note(path, WHOLE_FILE, ["can't be read"])

    def _objects(self, path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
        for number, line in self._lines(path):
            try:
                raw = parse_line(line)
            except ValueError as error:
                self._note(path, number, [str(error)])
                continue
            yield number, raw

    def _note(self, path: Path, number: int, found: Sequence[str]) -> None:
        self.problems += [Problem(path.name, number, what) for what in found]


def _repeated(seen: dict[str, int], message: str, number: int) -> list[str]:
    first = seen.setdefault(message, number)
    return [] if first == number else [f"repeated id, first in row {first}"]
