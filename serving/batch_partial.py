"""The file beside OUT in which a batch keeps what is done, so that it can go on after a stop."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from serving.batch_rows import TableError

FORMAT = 1
SAID = {"format": "the form of the file", "input_sha256": "the input", "bundle": "the model bundle",
        "knowledge_base": "the knowledge base"}


def input_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of the input.

    Raises:
        TableError: it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise TableError(f"cannot read {path.name}: {error.strerror}") from error


def partial_path(out: Path) -> Path:
    """Return where the work towards ``out`` is kept."""
    return out.with_name(out.name + ".partial")


class Partial:
    """Done rows, one JSON object a line after a header line; appended durably and held by one process alone."""

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Open or begin the file.

        Raises:
            TableError: it cannot be written, another process holds it, or it belongs to other work.
        """
        self.path = path
        self._header = {"format": FORMAT, **header}
        try:
            self._stream: BinaryIO = path.open("a+b")
        except OSError as error:
            raise TableError(f"cannot write {path.name}: {error.strerror}") from error
        try:
            self._lock()
            self._begin()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Partial:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stream.close()

    def _lock(self) -> None:
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TableError(f"another run is writing {self.path.name}; wait for it, or choose another OUT") from error

    def _begin(self) -> None:
        """Write the header of a new file, or check that of an old one and cut off a line that was torn."""
        size = self._stream.seek(0, os.SEEK_END)
        self._stream.seek(0)
        first = self._stream.readline()
        if not first.endswith(b"\n"):
            self._stream.truncate(0)
            self._append([self._header])
            return
        self._check(first)
        whole = len(first) + sum(len(line) for line in self._stream if line.endswith(b"\n"))
        if whole < size:
            self._stream.truncate(whole)

    def _check(self, first: bytes) -> None:
        try:
            found = json.loads(first)
            other = [said for name, said in SAID.items() if found.get(name) != self._header.get(name)]
        except (ValueError, AttributeError):
            other = [SAID["format"]]
        if other:
            raise TableError(f"{self.path.name} was begun with something else ({', '.join(other)}); finish that work "
                             "as it was begun, or remove the file to start over")

    def _append(self, entries: Sequence[dict[str, Any]]) -> None:
        self._stream.seek(0, os.SEEK_END)
        self._stream.write(b"".join(json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries))
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def append(self, entries: Sequence[dict[str, Any]]) -> None:
        """Add done rows; they are on the disk when this returns.

        Raises:
            TableError: they cannot be written.
        """
        try:
            self._append(entries)
        except OSError as error:
            raise TableError(f"cannot write {self.path.name}: {error.strerror}; what was done before is kept, run "
                             "again to go on") from error

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the done rows in order.

        Raises:
            TableError: a line is damaged.
        """
        with self.path.open("rb") as stream:
            stream.readline()
            for number, line in enumerate(stream, 2):
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise TableError(f"{self.path.name} is damaged in line {number}; remove it to start "
                                     "over") from error

    def remove(self) -> None:
        """Remove the file, once its rows are elsewhere."""
        self.path.unlink(missing_ok=True)
