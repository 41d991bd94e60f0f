"""Fitting the router's few weights on calibration rows that the network has not seen."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from knowledge_base.router import CO_FEATURES, LEAD_FEATURES, RouteFeatures, Router
from models.contract import Prediction
from training.examples import plain_text
from training.schema import TrainingRow

_PENALTY = 1e-3


def label_counts(rows: Iterable[TrainingRow]) -> dict[str, Any]:
    """Count leads by category, co-handlers by category, and by category and lead; the key "" counts all rows."""
    leads: dict[str, Counter[str]] = defaultdict(Counter)
    helpers: dict[str, Counter[str]] = defaultdict(Counter)
    beside: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in rows:
        if row.category and row.lead:
            leads[row.category][row.lead] += 1
        if row.category and row.co is not None:
            helpers[row.category].update(["", *row.co])
            if row.lead:
                beside[row.category][row.lead].update(["", *row.co])

    def plain(counts: Mapping[str, Counter[str]]) -> dict[str, dict[str, float]]:
        return {category: {code: float(n) for code, n in sorted(found.items())}
                for category, found in sorted(counts.items())}
    return {"lead_counts": plain(leads), "co_counts": plain(helpers),
            "beside_counts": {category: plain(found) for category, found in sorted(beside.items())}}


def features_of(router: Router, rows: Sequence[TrainingRow], predictions: Sequence[Prediction]) -> list[RouteFeatures]:
    """Return the router's features of every row."""
    return [router.features(prediction, plain_text(row)) for row, prediction in zip(rows, predictions, strict=True)]


def fit_lead(features: Sequence[RouteFeatures], truth: Sequence[int]) -> dict[str, float]:
    """Return non-negative weights of the conditional logit that maximise the likelihood of the labelled leads."""
    stacked = np.stack([one.lead for one in features]).astype(np.float64)
    rows = np.arange(len(truth))

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = stacked @ weights
        scores -= scores.max(axis=1, keepdims=True)
        powers = np.exp(scores)
        probabilities = powers / powers.sum(axis=1, keepdims=True)
        value = -np.log(probabilities[rows, truth] + 1e-12).mean() + _PENALTY * float(weights @ weights)
        expected = np.einsum("nd,ndf->nf", probabilities, stacked)
        return value, (expected - stacked[rows, truth]).mean(axis=0) + 2 * _PENALTY * weights

    start = np.array([1.0, 0.3, 1.0, 1.0, 0.5, 0.1])
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(start))
    return dict(zip(LEAD_FEATURES, map(float, fitted.x), strict=True))


def fit_co(features: Sequence[RouteFeatures], truth: NDArray[np.bool_]) -> tuple[dict[str, float], float]:
    """Return the logistic weights of co-handlers (those of evidence non-negative) and the threshold of best F1.

    ``truth`` is (rows, departments).
    """
    stacked = np.stack([one.co for one in features]).astype(np.float64)
    target = truth.astype(np.float64)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = stacked @ weights
        value = float((np.logaddexp(0, scores) - target * scores).sum(axis=1).mean())
        slope = (1 / (1 + np.exp(-scores)) - target)
        return (value + _PENALTY * float(weights @ weights),
                np.einsum("nd,ndf->f", slope, stacked) / len(stacked) + 2 * _PENALTY * weights)

    bounds = [(None, None) if name in ("lead", "constant") else (0, None) for name in CO_FEATURES]
    start = [{"head": 0.5, "beside_lead": 0.5, "constant": -1.0}.get(name, 0.1) for name in CO_FEATURES]
    fitted = minimize(loss, np.array(start), jac=True, method="L-BFGS-B", bounds=bounds)
    probabilities = 1 / (1 + np.exp(-(stacked @ fitted.x)))
    return dict(zip(CO_FEATURES, map(float, fitted.x), strict=True)), best_threshold(probabilities, truth)


def best_threshold(probabilities: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the threshold in 0.10 … 0.80 with the best micro-F1."""
    def f1(threshold: float) -> float:
        chosen = probabilities >= threshold
        return float(2 * (chosen & truth).sum() / max(1, chosen.sum() + truth.sum()))
    return float(max(np.round(np.arange(0.10, 0.81, 0.02), 2), key=f1))


def router_section(weights: dict[str, float], co: tuple[dict[str, float], float], territory_threshold: float,
                   counts: dict[str, Any]) -> dict[str, Any]:
    """Return the bundle's section ``router``."""
    return {"lead": weights, "co": co[0], "co_threshold": co[1], "territory_threshold": territory_threshold, **counts}
