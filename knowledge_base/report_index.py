"""The index of stored reports' embeddings: saved now and then, made whole from the database at start."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import faiss
import numpy as np

from models.contract import FloatArray

FORMAT = 1


class ReportIndex(Protocol):
    """Nearest stored reports by inner product; implementations are thread-safe."""

    def add(self, sequence: int, embedding: FloatArray) -> None:
        """Add a report under its database sequence, in place of an earlier one."""
        ...

    def search(self, embedding: FloatArray, k: int) -> list[tuple[int, float]]:
        """Return up to ``k`` (sequence, inner product), nearest first."""
        ...

    def __len__(self) -> int:
        """Return the number of reports held."""
        ...


class FlatReportIndex:
    """Exact search with FAISS over embeddings of unit length, float32 (E,)."""

    def __init__(self, size: int, space: str) -> None:
        self.size = size
        self.space = space
        self._lock = threading.Lock()
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(size))
        self._held: set[int] = set()
        self._saved: tuple[int, int] | None = None
        self._changes = 0

    def __len__(self) -> int:
        """Return the number of reports held."""
        return len(self._held)

    @property
    def highest(self) -> int:
        """The highest sequence held, 0 where there is none."""
        with self._lock:
            return max(self._held, default=0)

    def add(self, sequence: int, embedding: FloatArray) -> None:
        """Add a report under its database sequence, in place of an earlier one.

        Raises:
            ValueError: the embedding is not of this index's size.
        """
        vector = np.ascontiguousarray(embedding, dtype=np.float32).reshape(1, -1)
        if vector.shape[1] != self.size:
            raise ValueError(f"embedding of size {vector.shape[1]}, expected {self.size}")
        key = np.array([sequence], dtype=np.int64)
        with self._lock:
            if sequence in self._held:
                self._index.remove_ids(key)
            self._index.add_with_ids(vector, key)
            self._held.add(sequence)
            self._changes += 1

    def search(self, embedding: FloatArray, k: int) -> list[tuple[int, float]]:
        """Return up to ``k`` (sequence, inner product), nearest first."""
        vector = np.ascontiguousarray(embedding, dtype=np.float32).reshape(1, -1)
        with self._lock:
            if not self._held or k < 1:
                return []
            products, sequences = self._index.search(vector, min(k, len(self._held)))
        return [(int(sequence), float(product))
                for sequence, product in zip(sequences[0], products[0], strict=True) if sequence >= 0]

    def save(self, path: Path) -> bool:
        """Write the index to a file durably if it has changed since; return whether it was written."""
        with self._lock:
            state = (len(self._held), self._changes)
            if state == self._saved and path.exists():
                return False
            payload = faiss.serialize_index(self._index).tobytes()
            highest = max(self._held, default=0)
        header = json.dumps({"format": FORMAT, "space": self.space, "size": self.size, "count": state[0],
                             "highest": highest, "sha256": hashlib.sha256(payload).hexdigest()})
        _write_durably(path, header.encode() + b"\n" + payload)
        self._saved = state
        return True

    @classmethod
    def load(cls, path: Path, size: int, space: str) -> FlatReportIndex | None:
        """Return the index in a file, or None where it is missing, truncated, changed or of another network."""
        try:
            header_line, _, payload = path.read_bytes().partition(b"\n")
            header = json.loads(header_line)
            wanted = {"format": FORMAT, "space": space, "size": size, "sha256": hashlib.sha256(payload).hexdigest()}
            if any(header.get(name) != value for name, value in wanted.items()):
                return None
        except (OSError, ValueError, AttributeError):
            return None
        index = cls(size, space)
        index._index = faiss.deserialize_index(np.frombuffer(payload, dtype=np.uint8))
        index._held = {int(sequence) for sequence in faiss.vector_to_array(index._index.id_map)}
        index._saved = (len(index._held), 0)
        return index


def _write_durably(path: Path, content: bytes) -> None:
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def open_index(path: Path, size: int, space: str, count: Callable[[int], tuple[int, int]],
               embeddings_after: Callable[[int], Iterable[tuple[int, FloatArray]]]) -> FlatReportIndex:
    """Return an index that holds what the database holds.

    ``count(up_to)`` returns the number of embeddings up to a sequence and the highest sequence of all;
    ``embeddings_after(sequence)`` yields those beyond it. A saved index that is unreadable, ahead of the
    database, or does not hold as many as the database has is built anew.
    """
    index = FlatReportIndex.load(path, size, space)
    if index is not None:
        in_database, highest = count(index.highest)
        if index.highest > highest or in_database != len(index):
            index = None
    if index is None:
        index = FlatReportIndex(size, space)
    for sequence, embedding in embeddings_after(index.highest):
        index.add(sequence, embedding)
    return index
