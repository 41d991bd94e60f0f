"""The router's weights are fitted from labels and never negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge_base.router import CO_FEATURES, LEAD_FEATURES, RouteFeatures, RouterWeights
from models.calibration import softmax
from models.contract import FloatArray
from tests.unit.small_knowledge import KNOWN, make_router, predict
from training.examples import plain_text
from training.fit_router import best_threshold, features_of, fit_co, fit_lead, label_counts, router_section
from training.schema import TrainingRow

ROWS, DEPARTMENTS = 1500, 8


def row(number: int, category: str | None, lead: str | None, co: tuple[str, ...] | None = ()) -> TrainingRow:
    return TrainingRow(str(number), "", "家里停水两天了", str(number), "test", category=category, lead=lead, co=co)


def made(lead: FloatArray, co: FloatArray) -> list[RouteFeatures]:
    nothing = np.zeros(1, dtype=np.float32)
    return [RouteFeatures(one, other, nothing, nothing) for one, other in zip(lead, co, strict=True)]


def draw_leads(weights: Sequence[float], seed: int) -> tuple[list[RouteFeatures], list[int]]:
    random = np.random.default_rng(seed)
    features = random.normal(0, 1, (ROWS, DEPARTMENTS, len(LEAD_FEATURES))).astype(np.float32)
    probabilities = softmax(np.asarray(features @ np.array(weights), dtype=np.float32)).astype(np.float64)
    truth = [int(random.choice(DEPARTMENTS, p=one / one.sum())) for one in probabilities]
    return made(features, np.zeros((ROWS, DEPARTMENTS, len(CO_FEATURES)), dtype=np.float32)), truth


def test_counts_by_category() -> None:
    rows = [row(1, "HJ01", "CGJ", ("STHJ", "GSGS")), row(2, "HJ01", "CGJ", ()), row(3, "HJ01", "STHJ", None),
            row(4, "GY01", None, ("CGJ",)), row(5, None, "GSGS")]
    assert label_counts(rows) == {"lead_counts": {"HJ01": {"CGJ": 2.0, "STHJ": 1.0}},
                                  "co_counts": {"GY01": {"": 1.0, "CGJ": 1.0},
                                                "HJ01": {"": 2.0, "GSGS": 1.0, "STHJ": 1.0}},
                                  "beside_counts": {"HJ01": {"CGJ": {"": 2.0, "GSGS": 1.0, "STHJ": 1.0}}}}


def test_known_lead_weights_are_found() -> None:
    """A weight's standard error is about 1 / sqrt(rows x variance of the feature) < 0.04; five of them are allowed."""
    truth = (1.0, 0.4, 1.6, 0.0, 0.7, 0.2)
    found = fit_lead(*draw_leads(truth, seed=1))
    assert list(found) == list(LEAD_FEATURES)
    np.testing.assert_allclose(list(found.values()), truth, atol=0.2)


def test_misleading_evidence_gets_no_weight_but_never_a_negative_one() -> None:
    found = fit_lead(*draw_leads((1.0, -1.5, 0.5, -0.8, 0.3, 0.3), seed=2))
    assert found["catalogue"] == found["lexical"] == 0.0
    assert min(found.values()) >= 0.0
    assert found["head"] > 0.5


def test_fitting_raises_the_likelihood() -> None:
    features, truth = draw_leads((0.2, 1.5, 0.0, 0.7, 0.4, 0.0), seed=3)

    def likelihood(weights: Sequence[float]) -> float:
        return float(np.mean([np.log(softmax(one.lead @ np.array(weights))[t])
                              for one, t in zip(features, truth, strict=True)]))
    fitted = list(fit_lead(features, truth).values())
    assert likelihood(fitted) > likelihood([1.0, 0.3, 1.0, 1.0, 0.5, 0.1]) + 0.05
    for n in range(len(fitted)):
        for change in (0.9, 1.1):
            moved = [value * (change if n == m else 1.0) for m, value in enumerate(fitted)]
            assert likelihood(fitted) >= likelihood(moved) - 1e-3


def test_co_weights_of_evidence_are_not_negative() -> None:
    random = np.random.default_rng(4)
    features = random.normal(0, 1, (ROWS, DEPARTMENTS, len(CO_FEATURES))).astype(np.float32)
    features[:, :, CO_FEATURES.index("constant")] = 1.0
    truth = {"head": 1.0, "usual": -0.7, "dense": 0.5, "lead": -1.2, "constant": -1.5, "scenario": 0.6}
    scores = features @ np.array([truth.get(name, 0.0) for name in CO_FEATURES])
    helpers = random.random(scores.shape) < 1 / (1 + np.exp(-scores))
    nothing = np.zeros((ROWS, DEPARTMENTS, len(LEAD_FEATURES)), dtype=np.float32)
    weights, threshold = fit_co(made(nothing, features), helpers)
    assert list(weights) == list(CO_FEATURES)
    assert weights["usual"] == 0.0
    assert weights["head"] == pytest.approx(1.0, abs=0.2)
    assert weights["scenario"] == pytest.approx(0.6, abs=0.2)
    assert weights["lead"] == pytest.approx(-1.2, abs=0.25)
    assert weights["constant"] < -1.0
    assert 0.10 <= threshold <= 0.80


def f1(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return float(2 * (chosen & truth).sum() / (chosen.sum() + truth.sum()))


def test_the_threshold_has_the_best_f1_of_its_grid() -> None:
    random = np.random.default_rng(5)
    probabilities = random.random((400, 5))
    truth = random.random((400, 5)) < probabilities**3
    chosen = best_threshold(probabilities, truth)
    grid = np.arange(0.10, 0.801, 0.02)
    assert f1(probabilities >= chosen, truth) == pytest.approx(max(f1(probabilities >= t, truth) for t in grid))
    assert best_threshold(np.array([[0.9], [0.1]]), np.array([[True], [False]])) > 0.1


def test_the_section_is_what_the_router_reads() -> None:
    section = router_section(dict.fromkeys(LEAD_FEATURES, 0.5), (dict.fromkeys(CO_FEATURES, 0.25), 0.3), 0.42,
                             label_counts([row(1, "GY01", "GSGS")]))
    weights = RouterWeights.from_fitted(section)
    assert (weights.lead, weights.co) == (dict.fromkeys(LEAD_FEATURES, 0.5), dict.fromkeys(CO_FEATURES, 0.25))
    assert (weights.co_threshold, weights.territory_threshold) == (0.3, 0.42)
    assert weights.lead_counts == {"GY01": {"GSGS": 1.0}}


def test_fitted_on_the_routers_own_features_it_trusts_a_head_that_is_right() -> None:
    router = make_router()
    random = np.random.default_rng(6)
    rows, predictions, truth = [], [], []
    for number in range(300):
        right = int(random.integers(len(KNOWN)))
        head = np.full(len(KNOWN), 0.1, dtype=np.float32)
        head[right if random.random() < 0.8 else (right + 1) % len(KNOWN)] = 0.8
        rows.append(row(number, "GY01", KNOWN[right]))
        predictions.append(predict(plain_text(rows[-1]), lead=head))
        truth.append(right)
    features = features_of(router, rows, predictions)
    fitted = make_router({"lead": fit_lead(features, truth)})
    found = [int(fitted.lead_probabilities(one).argmax()) for one in features]
    assert np.mean(np.array(found) == np.array(truth)) > 0.7
