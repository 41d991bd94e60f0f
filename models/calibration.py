"""Applying fitted constants: temperatures, softmax, prediction sets. Nothing is fitted here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.contract import FloatArray

DANGER_FLOOR = 0.05


def softmax(logits: FloatArray, temperature: float = 1.0) -> FloatArray:
    """Return row-wise probabilities, float32 of the shape of ``logits``, after division by ``temperature``."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled -= scaled.max(axis=-1, keepdims=True)
    powers = np.exp(scaled)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float32)


def sigmoid(logits: FloatArray, temperature: float = 1.0) -> FloatArray:
    """Return element-wise probabilities, float32 of the shape of ``logits``."""
    scaled = np.clip(np.asarray(logits, dtype=np.float64) / temperature, -40.0, 40.0)
    return np.asarray(1.0 / (1.0 + np.exp(-scaled)), dtype=np.float32)


def log_pool(own: FloatArray, other: FloatArray, own_weight: float, other_weight: float) -> FloatArray:
    """Return the weighted geometric mean of two opinions (..., C), renormalised (Genest and Zidek 1986)."""
    scores = own_weight * np.log(np.maximum(own, 1e-9)) + other_weight * np.log(np.maximum(other, 1e-9))
    return softmax(np.asarray(scores, dtype=np.float32))


def prediction_set(probabilities: FloatArray, threshold: float) -> list[int]:
    """Return the labels of probability at least ``threshold``, most probable first; the best one always.

    With the threshold fitted by split conformal prediction the set covers the true label at the promised rate, and
    no rule gives smaller sets on average (Sadinle, Lei and Wasserman 2019).
    """
    order = np.argsort(-probabilities, kind="stable")
    return [int(index) for place, index in enumerate(order) if place == 0 or probabilities[index] >= threshold]


def urgency_level(probabilities: FloatArray, cuts: Sequence[float], *, danger: bool = False) -> int:
    """Return the urgency level 1 to 4 of one report from its probabilities (4,).

    The expected level is compared with three rising cuts, fitted for quadratic kappa: levels are ordered, so the
    single most probable one would ignore how far off the others are. Where the text names a danger to life, a
    probability of 0.05 for levels 1 and 2 together is enough for level 2: an error to the safe side.
    """
    values = np.asarray(probabilities, dtype=np.float64)
    level = 1 + sum(float(values @ np.arange(1, 5)) > cut for cut in cuts)
    return min(level, 2) if danger and float(values[:2].sum()) >= DANGER_FLOOR else level
