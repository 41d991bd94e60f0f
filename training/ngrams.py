"""Character n-gram features of the wide part: which n-grams, and their TF-IDF weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.ngrams import NGRAM_SIZES, OPENING_MARK, WIDE_CHARACTERS, marked_ngrams


def _counted(texts: Sequence[str], classes: Sequence[int],
             names: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Count texts by n-gram and class (N, C), and by class (C,); texts of class -1 are left out."""
    index = {ngram: i for i, ngram in enumerate(names)}
    joint, totals = np.zeros((len(names), max(classes) + 1)), np.zeros(max(classes) + 1)
    for text, label in zip(texts, classes, strict=True):
        if label >= 0:
            totals[label] += 1
            known = {i for n in marked_ngrams(text) if (i := index.get(n)) is not None}
            joint[list(known), label] += 1
    return joint, totals


def choose_ngrams(texts: Sequence[str], classes: Sequence[int], size: int, openings: int = 0,
                  minimum: int = 3) -> list[str]:
    """Return the n-grams whose presence tells most about the classes: ``size`` anywhere, ``openings`` of openings.

    N-grams in fewer than ``minimum`` texts are left out; so are texts of class -1. Sorted.
    """
    counts = Counter(ngram for text in texts for ngram in set(marked_ngrams(text)))
    names = sorted(ngram for ngram, count in counts.items()
                   if count >= minimum and (openings or not ngram.startswith(OPENING_MARK)))
    order = np.argsort(-mutual_information(*_counted(texts, classes, names)), kind="stable")
    ranked = [names[i] for i in order]
    return sorted([*[name for name in ranked if not name.startswith(OPENING_MARK)][:size],
                   *[name for name in ranked if name.startswith(OPENING_MARK)][:openings]])


def salience_of(texts: Sequence[str], classes: Sequence[int], names: Sequence[str]) -> NDArray[np.float32]:
    """Return how much each n-gram's presence says when it is there: KL(class | present || class), float32 (N,)."""
    joint, totals = _counted(texts, classes, names)
    given = (joint + totals / totals.sum()) / (joint.sum(axis=1, keepdims=True) + 1)
    prior = totals / totals.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(given > 0, given * np.log(given / prior), 0.0).sum(axis=1), dtype=np.float32)


def wordness_of(texts: Sequence[str], names: Sequence[str]) -> NDArray[np.float32]:
    """Return how freely each n-gram stands between its neighbours, float32 (N,) in [0, 1].

    It is the smaller of the entropies of left and right neighbouring character (in nats, capped at 2, then halved):
    a piece of a word has always the same neighbour on one side (Jin and Tanaka-Ishii 2006). N-grams of openings get 0.
    """
    index = {name: i for i, name in enumerate(names)}
    sides: list[tuple[Counter[str], Counter[str]]] = [(Counter(), Counter()) for _ in names]
    for text in texts:
        plain = f"^{text[:WIDE_CHARACTERS]}$"
        for size in NGRAM_SIZES[1:]:
            for start in range(1, len(plain) - size):
                found = index.get(plain[start:start + size])
                if found is not None:
                    sides[found][0][plain[start - 1]] += 1
                    sides[found][1][plain[start + size]] += 1
    freedom = [min(_entropy(left), _entropy(right)) for left, right in sides]
    return np.asarray(np.clip(np.array(freedom) / 2.0, 0.0, 1.0), dtype=np.float32)


def _entropy(counts: Counter[str]) -> float:
    shares = np.array(list(counts.values()), dtype=np.float64)
    if not len(shares):
        return 0.0
    shares /= shares.sum()
    return float(-(shares * np.log(shares)).sum())


def mutual_information(joint: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the information in nats of each n-gram's presence about the class.

    ``joint`` (N, C) counts texts of class c with n-gram n; ``totals`` (C,) counts texts of class c.
    """
    size = totals.sum()
    present = joint.sum(axis=1, keepdims=True)
    information = np.zeros(len(joint))
    for part, marginal in ((joint, present), (totals - joint, size - present)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(part * size / (marginal * totals))
            information += np.where(part > 0, part / size * ratio, 0.0).sum(axis=1)
    return information


def inverse_document_frequency(texts: Iterable[str], ngrams: Sequence[str]) -> NDArray[np.float32]:
    """Return smoothed IDF, float32 (len(ngrams),): log((1 + n) / (1 + df)) + 1 (scikit-learn's)."""
    index = {ngram: i for i, ngram in enumerate(ngrams)}
    frequency = np.zeros(len(ngrams))
    count = 0
    for text in texts:
        count += 1
        frequency[[index[n] for n in set(marked_ngrams(text)) if n in index]] += 1
    return np.asarray(np.log((1 + count) / (1 + frequency)) + 1, dtype=np.float32)

