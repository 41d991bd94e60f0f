"""Character n-grams of a report: the input of the network's wide part, and the source of keywords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.contract import FloatArray

NGRAM_SIZES = (1, 2, 3, 4)
WIDE_CHARACTERS = 800
OPENING_CHARACTERS = 30
OPENING_MARK = "\N{SYMBOL FOR START OF TEXT}"
OPENING_WEIGHT = 0.5


def ngrams_of(text: str) -> Iterator[str]:
    """Yield every character n-gram of the text, with repetitions."""
    for size in NGRAM_SIZES:
        for start in range(len(text) - size + 1):
            yield text[start:start + size]


def marked_ngrams(text: str) -> Iterator[str]:
    """Yield every n-gram of a report's text, then those of its opening (title or first words), marked as such."""
    yield from ngrams_of(text[:WIDE_CHARACTERS])
    for ngram in ngrams_of(text[:OPENING_CHARACTERS]):
        yield OPENING_MARK + ngram


def weigh_ngrams(text: str, index: Mapping[str, int], idf: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the ids (n,) of the known n-grams in the text and their TF-IDF weights (n,).

    Term frequency is sublinear: 1 + log(count). The weights of the text have unit length, those of its opening
    half of it.
    """
    whole = _weighed(ngrams_of(text[:WIDE_CHARACTERS]), index, idf)
    opening = _weighed((OPENING_MARK + ngram for ngram in ngrams_of(text[:OPENING_CHARACTERS])), index, idf)
    return np.concatenate([whole[0], opening[0]]), np.concatenate([whole[1], opening[1] * np.float32(OPENING_WEIGHT)])


def _weighed(ngrams: Iterator[str], index: Mapping[str, int], idf: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    counts = Counter(i for ngram in ngrams if (i := index.get(ngram)) is not None)
    ids = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    weights = (1.0 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))) * idf[ids]
    norm = float(np.linalg.norm(weights))
    return ids, np.asarray(weights / norm if norm else weights, dtype=np.float32)
