"""A deterministic stand-in for the network, so that everything behind it is tested in milliseconds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from models.bundle import Bundle, DecisionThresholds
from models.calibration import sigmoid, softmax
from models.contract import HEAD_SIZES, SIGMOID_HEADS, SOFTMAX_HEADS, FloatArray, Prediction, Report
from models.text import normalise

EMBEDDING_SIZE = 32


def dummy_bundle(categories: Sequence[str], departments: Sequence[str]) -> Bundle:
    """Return a bundle without files whose thresholds send about half of the reports to review."""
    return Bundle(folder=Path("dummy"), version="dummy", sha256="0" * 64,
                  model_sha256="0" * 64, category_labels=tuple(categories),
                  department_labels=tuple(departments), embedding_size=EMBEDDING_SIZE, max_tokens=128,
                  temperatures={}, prediction_set_threshold=0.1, urgency_cuts=(1.5, 2.5, 3.5),
                  decision=DecisionThresholds(0.05, 0.5, 0.5),
                  ngrams=(), ngram_idf=(), ngram_salience=(), fitted={}, metrics={})


class DummyPredictor:
    """Scores by hashed characters: equal texts answer equally, similar texts have near embeddings."""

    def __init__(self, categories: Sequence[str], departments: Sequence[str]) -> None:
        self.category_labels = tuple(categories)
        self.department_labels = tuple(departments)
        self._sizes = {**HEAD_SIZES, "category": len(categories), "lead": len(departments), "co": len(departments)}

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        """Score reports in order."""
        return [self._predict_one(f"{report.title}。{report.text}") for report in reports]

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return unit-length bags of hashed character pairs, float32 (len(texts), 32)."""
        vectors = np.full((len(texts), EMBEDDING_SIZE), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            plain = normalise(text).text
            for pair in pairwise(plain):
                vectors[row, int.from_bytes(hashlib.blake2b("".join(pair).encode(), digest_size=2).digest())
                        % EMBEDDING_SIZE] += 1.0
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def _predict_one(self, text: str) -> Prediction:
        seed = int.from_bytes(hashlib.blake2b(normalise(text).text.encode(), digest_size=8).digest())
        random = np.random.default_rng(seed)
        logits = {head: random.normal(0, 2, size).astype(np.float32) for head, size in sorted(self._sizes.items())}
        scores = {head: softmax(logits[head]) for head in SOFTMAX_HEADS}
        scores |= {head: sigmoid(logits[head] - 2) for head in SIGMOID_HEADS}
        return Prediction(**scores, embedding=self.embed([text])[0], keywords=(text[:2],))
