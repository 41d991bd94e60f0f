"""Metrics equal scikit-learn's, and intervals cover as they say."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom
from sklearn import metrics as sklearn

from evaluation import metrics
from evaluation.metrics import Measured, bootstrap


@pytest.fixture(params=range(5))
def random(request: pytest.FixtureRequest) -> np.random.Generator:
    return np.random.default_rng(request.param)


def test_accuracy_and_top_k(random: np.random.Generator) -> None:
    scores, truth = random.random((80, 6)), random.integers(0, 6, 80)
    assert metrics.accuracy(scores.argmax(1), truth) == pytest.approx(sklearn.accuracy_score(truth, scores.argmax(1)))
    for k in (1, 3, 6):
        assert metrics.top_k(scores, truth, k) == pytest.approx(
            sklearn.top_k_accuracy_score(truth, scores, k=k, labels=range(6)))
    assert math.isnan(metrics.accuracy(np.array([], dtype=int), np.array([], dtype=int)))


def test_kappa(random: np.random.Generator) -> None:
    truth = random.integers(0, 4, 60)
    predicted = np.clip(truth + random.integers(-1, 2, 60), 0, 3)
    assert metrics.quadratic_kappa(predicted, truth, 4) == pytest.approx(
        sklearn.cohen_kappa_score(truth, predicted, weights="quadratic"))
    missing = np.where(truth == 0, 1, truth)
    assert metrics.quadratic_kappa(missing, missing, 4) == pytest.approx(1.0)
    assert math.isnan(metrics.quadratic_kappa(np.zeros(5, dtype=int), np.zeros(5, dtype=int), 4))


def test_f1(random: np.random.Generator) -> None:
    truth, predicted = random.integers(0, 5, 70), random.integers(1, 7, 70)
    assert metrics.macro_f1(predicted, truth) == pytest.approx(
        sklearn.f1_score(truth, predicted, average="macro", zero_division=0))
    labels, chosen = random.random((40, 6)) < 0.2, random.random((40, 6)) < 0.3
    assert metrics.micro_f1(chosen, labels) == pytest.approx(sklearn.f1_score(labels, chosen, average="micro"))
    assert metrics.micro_f1(np.zeros((3, 2), dtype=bool), np.zeros((3, 2), dtype=bool)) == 0.0


def test_area_under_roc_with_ties(random: np.random.Generator) -> None:
    truth = random.random(90) < 0.3
    for scores in (random.random(90), np.round(random.random(90), 1), np.zeros(90)):
        assert metrics.area_under_roc(scores, truth) == pytest.approx(sklearn.roc_auc_score(truth, scores))
    assert math.isnan(metrics.area_under_roc(random.random(4), np.ones(4, dtype=bool)))


def test_calibration_error() -> None:
    confidence = np.repeat([0.95, 0.65], 50)
    right = np.concatenate([np.arange(50) < 45, np.arange(50) < 15])
    assert metrics.calibration_error(confidence, right, bins=2) == pytest.approx((0.05 + 0.35) / 2)
    order = np.random.default_rng(0).permutation(100)
    assert metrics.calibration_error(confidence[order], right[order], bins=2) == pytest.approx(0.2)


def test_calibrated_confidences_have_a_small_error() -> None:
    random = np.random.default_rng(1)
    confidence = random.random(20_000)
    # Each bin of 2,000 rows has a mean deviation of at most 0.5 / sqrt(2000) = 0.011.
    assert metrics.calibration_error(confidence, random.random(20_000) < confidence) < 0.02
    assert metrics.calibration_error(confidence, random.random(20_000) < confidence**3) > 0.1


def share(values: NDArray[np.bool_], rows: NDArray[np.int64]) -> float:
    return float(values[rows].mean())


def test_bootstrap_intervals_cover_a_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 150 intervals for a share at least as many hold it as 0.91 would, at odds of 1 to 10,000 (nominal 0.95)."""
    monkeypatch.setattr(metrics, "RESAMPLES", 300)
    random, truth, draws = np.random.default_rng(2), 0.3, 150
    covered = 0
    for seed in range(draws):
        values = random.random(40) < truth
        found = bootstrap(partial(share, values), [str(n) for n in range(40)], seed)
        covered += found.low <= truth <= found.high
    assert covered >= binom.ppf(1e-4, draws, 0.91)
    assert covered < draws


def test_copies_in_a_group_do_not_narrow_the_interval() -> None:
    random = np.random.default_rng(3)
    values = random.random(50)

    def width(copies: int, *, grouped: bool) -> float:
        rows = np.repeat(values, copies)
        groups = [str(n // copies) if grouped else str(n) for n in range(len(rows))]
        found = bootstrap(lambda at: float(rows[at].mean()), groups)
        assert found.value == pytest.approx(values.mean())
        return found.high - found.low
    assert width(4, grouped=True) == pytest.approx(width(1, grouped=True), rel=1e-6)
    assert width(4, grouped=False) < 0.7 * width(4, grouped=True)


def test_a_seed_repeats_and_undefined_draws_are_left_out() -> None:
    values = np.array([np.nan, 1.0, 0.0, 1.0])

    def mean(rows: np.ndarray) -> float:
        return float(values[rows].mean())
    assert bootstrap(mean, list("abcd"), seed=5).low == bootstrap(mean, list("abcd"), seed=5).low
    found = bootstrap(mean, list("abcd"))
    assert math.isnan(found.value)
    assert 0.0 <= found.low <= found.high <= 1.0
    assert found.rows == 4


def test_without_rows_nothing_is_known() -> None:
    def fails(_rows: np.ndarray) -> float:
        raise AssertionError("there is nothing to measure")
    found = bootstrap(fails, [])
    assert all(math.isnan(value) for value in (found.value, found.low, found.high))
    assert found.rows == 0
    nothing = np.array([], dtype=int)
    assert math.isnan(metrics.macro_f1(nothing, nothing))


def test_a_figure_as_json() -> None:
    assert Measured(0.123456, 0.1, 0.2, 7).as_json() == {"value": 0.1235, "low": 0.1, "high": 0.2, "rows": 7}
