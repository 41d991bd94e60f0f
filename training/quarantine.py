"""Rows that training leaves out: a file of positions and reasons (never texts), and the one now in force."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from training.errors import TrainingError

FORMAT = 1


class QuarantineError(TrainingError):
    """A quarantine file that can't be used: says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Row numbers by file name, and the SHA-256 that those files had."""

    rows: Mapping[str, frozenset[int]]
    hashes: Mapping[str, str]

    @property
    def count(self) -> int:
        """How many rows are left out."""
        return sum(map(len, self.rows.values()))


_IN_FORCE: ContextVar[Quarantine | None] = ContextVar("quarantine", default=None)


def quarantined_rows(name: str) -> frozenset[int]:
    """Return the numbers of the rows of a file that are left out now."""
    quarantine = _IN_FORCE.get()
    return quarantine.rows.get(name, frozenset()) if quarantine else frozenset()


@contextmanager
def in_force(quarantine: Quarantine | None) -> Iterator[None]:
    """Leave these rows out of everything that is read inside."""
    token = _IN_FORCE.set(quarantine)
    try:
        yield
    finally:
        _IN_FORCE.reset(token)


def file_hash(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_quarantine(path: Path, reasons: Sequence[tuple[str, int, str]], files: Sequence[Path]) -> None:
    """Write the bad rows (file name, row number, reason) and the hashes of the files that they stand in."""
    rows: dict[tuple[str, int], list[str]] = {}
    for name, row, reason in reasons:
        rows.setdefault((name, row), []).append(reason)
    bad = {name for name, _ in rows}
    content = {"format": FORMAT, "files": {file.name: file_hash(file) for file in files if file.name in bad},
               "rows": [{"file": name, "row": row, "reasons": why} for (name, row), why in rows.items()]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_quarantine(path: Path, files: Sequence[Path]) -> Quarantine:
    """Read a quarantine and check that it was written for these files as they are now.

    Raises:
        QuarantineError: it can't be read, or a file that it names is another by now.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError("another format")
        hashes = {str(name): str(value) for name, value in content["files"].items()}
        rows: dict[str, set[int]] = {}
        for one in content["rows"]:
            rows.setdefault(str(one["file"]), set()).add(int(one["row"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise QuarantineError(f"{path.name} is no quarantine file ({type(error).__name__}); write one with "
                              "`fenzhuan data check --quarantine FILE`") from error
    known = {file.name: file for file in files}
    for name in rows:
        if name not in known or file_hash(known[name]) != hashes.get(name):
            raise QuarantineError(f"{name} is not the file that {path.name} was written for; run "
                                  "`fenzhuan data check --quarantine FILE` again")
    return Quarantine({name: frozenset(numbers) for name, numbers in rows.items()}, hashes)
