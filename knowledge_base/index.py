"""Finding the duties that match a report: dense (FAISS over duty and incident embeddings) and lexical (n-grams)."""

from __future__ import annotations

import contextlib
import hashlib
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from knowledge_base.departments import Department, Duty
from knowledge_base.loading import KnowledgeBase
from models.contract import FloatArray, Predictor
from models.text import normalise

VECTORS_FILE = "duty_vectors.npz"
_CHARACTER_BITS = 21  # a code point fits, and three of them fit an int64
_BATCH = 16
_NEIGHBOURS = 400


def duty_passages(duty: Duty) -> tuple[str, ...]:
    """Return the texts by which a duty is found: itself and its typical incidents."""
    return (duty.text, *duty.incidents)


def _key(passage: str) -> str:
    return hashlib.sha256(passage.encode()).hexdigest()[:16]


def read_vectors(path: Path, model: str) -> dict[str, FloatArray]:
    """Return stored embeddings by passage key; none where the file is missing, damaged or of another model."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            if str(stored["model"]) != model:
                return {}
            return dict(zip(stored["keys"].tolist(), stored["vectors"].astype(np.float32), strict=True))
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return {}


def write_vectors(path: Path, model: str, vectors: Mapping[str, FloatArray]) -> None:
    """Store embeddings as float16, whole or not at all."""
    partial = path.with_suffix(".partial.npz")
    np.savez(partial, model=np.array(model), keys=np.array(list(vectors), dtype="U16"),
             vectors=np.array(list(vectors.values()), dtype=np.float16))
    partial.replace(path)


def embed_duties(knowledge_base: KnowledgeBase, predictor: Predictor,
                 stored: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Return embeddings of every passage by key, computing only those that are not stored.

    What is computed has the precision of what is stored, so that a restart answers to the last digit.
    """
    passages = {_key(passage): passage for _, duty in knowledge_base.duties for passage in duty_passages(duty)}
    vectors = {key: stored[key] for key in passages if key in stored}
    lacking = [key for key in passages if key not in vectors]
    for at in range(0, len(lacking), _BATCH):
        keys = lacking[at:at + _BATCH]
        computed = predictor.embed([passages[key] for key in keys]).astype(np.float16).astype(np.float32)
        vectors.update(zip(keys, computed, strict=True))
    return vectors


def open_duty_index(knowledge_base: KnowledgeBase, predictor: Predictor, model: str,
                    stored_in: Sequence[Path], cache: Path | None = None) -> DutyIndex:
    """Return the index over all duties, embedding only passages that no file of ``stored_in`` holds.

    What was computed anew is kept in ``cache`` where that is given and writable.
    """
    stored: dict[str, FloatArray] = {}
    for path in stored_in:
        stored.update(read_vectors(path, model))
    vectors = embed_duties(knowledge_base, predictor, stored)
    if cache is not None and vectors.keys() - stored.keys():
        with contextlib.suppress(OSError):
            write_vectors(cache, model, vectors)
    return DutyIndex(knowledge_base, vectors)


@dataclass(frozen=True, slots=True)
class DutyHit:
    """A duty with its similarities to a report, both in [0, 1]."""

    department: Department
    duty: Duty
    dense: float
    lexical: float


class DutyIndex:
    """Duties searchable by embedding and by words; immutable after construction."""

    def __init__(self, knowledge_base: KnowledgeBase, vectors: Mapping[str, FloatArray]) -> None:
        self._duties = knowledge_base.duties
        passages = [(row, passage) for row, (_, duty) in enumerate(self._duties) for passage in duty_passages(duty)]
        self._owner = np.array([row for row, _ in passages], dtype=np.int64)
        matrix = np.stack([vectors[_key(passage)] for _, passage in passages]) if passages else np.zeros((0, 1))
        self._index = faiss.IndexFlatIP(matrix.shape[1])
        self._index.add(np.ascontiguousarray(matrix, dtype=np.float32))
        self._lexicon = _Lexicon(["。".join(duty_passages(duty)) for _, duty in self._duties])

    def __len__(self) -> int:
        return len(self._duties)

    def similarities(self, embedding: FloatArray, text: str) -> tuple[FloatArray, FloatArray]:
        """Return dense and lexical similarity of every duty, float32 (duties,) each.

        The dense one is the highest cosine among a duty's passages, or that of the 400th nearest passage where all
        of the duty's lie beyond it.
        """
        dense = np.zeros(len(self._duties), dtype=np.float32)
        if self._duties:
            query = np.ascontiguousarray(embedding[None, :], dtype=np.float32)
            scores, rows = self._index.search(query, min(_NEIGHBOURS, self._index.ntotal))
            dense[:] = max(0.0, float(scores[0, -1]))
            np.maximum.at(dense, self._owner[rows[0]], scores[0])
        return dense, self._lexicon.similarities(text)

    def hits(self, dense: FloatArray, lexical: FloatArray, rows: Sequence[int]) -> list[DutyHit]:
        """Return the duties of the given rows with their similarities."""
        return [DutyHit(*self._duties[row], dense=float(np.clip(dense[row], 0, 1)), lexical=float(lexical[row]))
                for row in rows]

    @property
    def departments(self) -> list[str]:
        """The department code of every duty, by row."""
        return [department.code for department, _ in self._duties]


class _Lexicon:
    """TF-IDF cosine between a report and duties over character pairs and triples, as sorted postings."""

    def __init__(self, documents: Sequence[str]) -> None:
        grams = [_grams(document) for document in documents]
        everything = np.concatenate([*grams, np.zeros(0, dtype=np.int64)])
        rows = np.repeat(np.arange(len(grams)), [len(one) for one in grams])
        self._names, ids, frequency = np.unique(everything, return_inverse=True, return_counts=True)
        self._idf = np.log((1 + len(documents)) / (1 + frequency)) + 1
        norms = np.sqrt(np.bincount(rows, weights=self._idf[ids] ** 2, minlength=len(grams)))
        order = np.argsort(ids, kind="stable")
        self._rows = rows[order]
        self._weights = (self._idf[ids] / norms[rows])[order] if len(ids) else np.zeros(0)
        self._starts = np.concatenate([[0], np.cumsum(frequency)]).astype(np.int64)
        self._size = len(documents)

    def similarities(self, text: str) -> FloatArray:
        """Return the cosine of the text with every document, float32 (documents,)."""
        grams = _grams(text)
        places = np.searchsorted(self._names, grams)
        known = places[(places < len(self._names)) & (self._names[np.minimum(places, len(self._names) - 1)] == grams)] \
            if len(self._names) else places[:0]
        if not len(known):
            return np.zeros(self._size, dtype=np.float32)
        postings = np.concatenate([np.arange(self._starts[i], self._starts[i + 1]) for i in known])
        idf = np.repeat(self._idf[known], self._starts[known + 1] - self._starts[known])
        scores = np.bincount(self._rows[postings], weights=self._weights[postings] * idf, minlength=self._size)
        return np.asarray(scores / np.linalg.norm(self._idf[known]), dtype=np.float32)


def _grams(text: str) -> NDArray[np.int64]:
    """Return the distinct character pairs and triples of the normalised text as sorted integer codes."""
    codes = np.frombuffer(normalise(text).text.encode("utf-32-le"), dtype=np.uint32).astype(np.int64)
    pairs = codes[:-1] << _CHARACTER_BITS | codes[1:]
    return np.unique(np.concatenate([pairs, pairs[:-1] << _CHARACTER_BITS | codes[2:]])) if len(pairs) else pairs
