"""Applying temperatures, prediction sets and urgency cuts."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from models.calibration import prediction_set, sigmoid, softmax, urgency_level


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_softmax_and_sigmoid_are_scipys(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(0, 5, (7, 11)).astype(np.float32)
    np.testing.assert_allclose(softmax(logits, temperature),
                               scipy_softmax(logits.astype(np.float64) / temperature, axis=1), rtol=1e-5)
    np.testing.assert_allclose(sigmoid(logits, temperature), expit(logits.astype(np.float64) / temperature), rtol=1e-5)
    assert softmax(logits).dtype == sigmoid(logits).dtype == np.float32


def test_extreme_logits_stay_finite() -> None:
    logits = np.array([1e30, -1e30, 0.0], dtype=np.float32)
    assert softmax(logits).tolist() == [1.0, 0.0, 0.0]
    assert np.all((sigmoid(logits) >= 0) & (sigmoid(logits) <= 1))
    assert logits.tolist()[2] == 0.0


def test_a_higher_temperature_is_less_sure() -> None:
    logits = np.array([2.0, 1.0, -1.0], dtype=np.float32)
    sure = [float(softmax(logits, temperature).max()) for temperature in (0.5, 1.0, 2.0, 10.0)]
    assert sure == sorted(sure, reverse=True)
    assert sigmoid(logits[:1], 2.0)[0] < sigmoid(logits[:1])[0]


@pytest.mark.parametrize(("threshold", "labels"), [
    (0.9, [2]), (0.5, [2]), (0.3, [2, 0]), (0.16, [2, 0]), (0.15, [2, 0, 1]), (0.05, [2, 0, 1, 3]),
    (0.0, [2, 0, 1, 3])])
def test_a_prediction_set_holds_what_reaches_the_threshold(threshold: float, labels: list[int]) -> None:
    assert prediction_set(np.array([0.3, 0.15, 0.5, 0.05], dtype=np.float64), threshold) == labels


def test_a_prediction_set_is_never_empty_and_in_order() -> None:
    random = np.random.default_rng(1)
    for _ in range(200):
        probabilities = random.dirichlet(np.full(8, 0.5)).astype(np.float32)
        chosen = prediction_set(probabilities, float(random.uniform(0.01, 1.1)))
        assert chosen[0] == int(probabilities.argmax())
        assert np.all(np.diff(probabilities[chosen]) <= 0)


@pytest.mark.parametrize(("probabilities", "level"), [
    ([1, 0, 0, 0], 1), ([0, 1, 0, 0], 2), ([0, 0, 1, 0], 3), ([0, 0, 0, 1], 4),
    ([0.5, 0.5, 0, 0], 1), ([0.49, 0.51, 0, 0], 2), ([0.45, 0, 0, 0.55], 3)])
def test_the_urgency_level_is_cut_from_the_expected_level(probabilities: list[float], level: int) -> None:
    assert urgency_level(np.array(probabilities, dtype=np.float32), (1.5, 2.5, 3.5)) == level


def test_shifting_to_a_lower_level_never_raises_the_number() -> None:
    random = np.random.default_rng(2)
    for _ in range(200):
        probabilities = random.dirichlet(np.ones(4)).astype(np.float32)
        before = urgency_level(probabilities, (1.5, 2.4, 3.3))
        source = int(random.integers(1, 4))
        moved = probabilities[source] * 0.5
        probabilities[source] -= moved
        probabilities[source - 1] += moved
        assert urgency_level(probabilities, (1.5, 2.4, 3.3)) <= before


@pytest.mark.parametrize(("urgent", "danger", "level"), [(0.06, True, 2), (0.06, False, 3), (0.04, True, 3)])
def test_a_named_danger_errs_to_the_safe_side(urgent: float, danger: bool, level: int) -> None:
    probabilities = np.array([0.0, urgent, 1.0 - urgent, 0.0], dtype=np.float64)
    assert urgency_level(probabilities, (1.5, 2.5, 3.5), danger=danger) == level
