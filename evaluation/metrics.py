"""Metrics with cluster-bootstrap intervals, in plain NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure with its 95 % interval and the number of rows behind it."""

    value: float
    low: float
    high: float
    rows: int

    def as_json(self) -> dict[str, float | int]:
        """Return the figure rounded to four digits."""
        return {"value": round(self.value, 4), "low": round(self.low, 4), "high": round(self.high, 4),
                "rows": self.rows}


def bootstrap(statistic: Callable[[Integers], float], groups: Sequence[str], seed: int = 0) -> Measured:
    """Return a statistic of row numbers with a percentile interval over resampled groups.

    Near-copies share a group, so groups, not rows, are drawn (cluster bootstrap). Without rows nothing is known:
    value and interval are NaN.
    """
    if not groups:
        return Measured(float("nan"), float("nan"), float("nan"), 0)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    clusters = [np.array(rows) for rows in members.values()]
    random = np.random.default_rng(seed)
    everything = np.arange(len(groups))
    draws = []
    for _ in range(RESAMPLES):
        drawn = np.concatenate([clusters[i] for i in random.integers(0, len(clusters), len(clusters))])
        value = statistic(drawn)
        if not np.isnan(value):
            draws.append(value)
    low, high = np.percentile(draws, INTERVAL) if draws else (float("nan"), float("nan"))
    return Measured(statistic(everything), float(low), float(high), len(groups))


def accuracy(predicted: Integers, truth: Integers) -> float:
    """Return the share of equal labels; NaN without rows."""
    return float((predicted == truth).mean()) if len(truth) else float("nan")


def top_k(scores: Floats, truth: Integers, k: int) -> float:
    """Return the share of rows whose label is among the ``k`` highest of ``scores`` (N, C)."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float((best == truth[:, None]).any(axis=1).mean()) if len(truth) else float("nan")


def quadratic_kappa(predicted: Integers, truth: Integers, levels: int) -> float:
    """Return Cohen's kappa with quadratic weights (Cohen 1968)."""
    table = np.zeros((levels, levels))
    np.add.at(table, (truth, predicted), 1.0)
    distance = (np.arange(levels)[:, None] - np.arange(levels)[None, :]) ** 2
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(1.0, table.sum())
    chance = float((distance * expected).sum())
    return 1.0 - float((distance * table).sum()) / chance if chance else float("nan")


def macro_f1(predicted: Integers, truth: Integers) -> float:
    """Return the mean F1 over the labels that occur; NaN without rows."""
    if not len(truth):
        return float("nan")
    scores = []
    for label in np.unique(np.concatenate([truth, predicted])):
        right = float(((predicted == label) & (truth == label)).sum())
        scores.append(2 * right / max(1.0, float((predicted == label).sum() + (truth == label).sum())))
    return float(np.mean(scores))


def calibration_error(confidence: Floats, correct: NDArray[np.bool_], bins: int = 10) -> float:
    """Return the expected calibration error over equally filled bins (Nguyen and O'Connor 2015)."""
    order = np.argsort(confidence, kind="stable")
    parts = np.array_split(order, bins)
    return float(sum(abs(confidence[part].mean() - correct[part].mean()) * len(part) for part in parts if len(part))
                 / max(1, len(order)))


def area_under_roc(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """Return the probability that a positive scores above a negative, ties counted half (Mann-Whitney)."""
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    rank = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((rank[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def micro_f1(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Return F1 over all labels of all rows, both (N, C)."""
    return float(2 * (chosen & truth).sum() / max(1, chosen.sum() + truth.sum()))
