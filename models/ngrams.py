"""Character n-grams of a report: the input of the network's wide part, and the source of keywords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from models.contract import FloatArray

NGRAM_SIZES = (1, 2, 3, 4)
WIDE_CHARACTERS = 800


def ngrams_of(text: str) -> Iterator[str]:
    """Yield every character n-gram of the text, with repetitions."""
    for size in NGRAM_SIZES:
        for start in range(len(text) - size + 1):
            yield text[start:start + size]


def weigh_ngrams(text: str, index: Mapping[str, int], idf: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the ids (n,) of the known n-grams in the text and their TF-IDF weights (n,) of unit length.

    Term frequency is sublinear: 1 + log(count).
    """
    counts = Counter(i for ngram in ngrams_of(text[:WIDE_CHARACTERS]) if (i := index.get(ngram)) is not None)
    ids = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    weights = (1.0 + np.log(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))) * idf[ids]
    norm = float(np.linalg.norm(weights))
    return ids, np.asarray(weights / norm if norm else weights, dtype=np.float32)
