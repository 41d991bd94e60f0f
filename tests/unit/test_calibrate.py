"""Fitted constants keep what they promise, within stated binomial bounds over simulated draws."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.stats import betabinom, binom, binomtest

from evaluation.metrics import quadratic_kappa
from models.bundle import DecisionThresholds
from models.calibration import prediction_set, softmax, urgency_level
from models.decision import Confidence, decide
from training.calibrate import (
    NEVER,
    error_bound,
    fit_decision,
    fit_prediction_set,
    fit_shares,
    fit_temperatures,
    fit_urgency_cuts,
    split_logits,
)
from training.losses import head_loss

UNLIKELY = 1e-6  # how often a right implementation may fail one bound
SPREAD = 5.0  # standard errors


def draw_labels(random: np.random.Generator, probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    below = (probabilities.cumsum(axis=1) < random.random((len(probabilities), 1))).sum(axis=1)
    return np.asarray(below.clip(max=probabilities.shape[1] - 1), dtype=np.int64)


def one_hot(labels: NDArray[np.int64], size: int) -> torch.Tensor:
    return torch.from_numpy(np.eye(size, dtype=np.float32)[labels])


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.8])
def test_a_known_temperature_is_found(temperature: float) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2.5, (3000, 9))
    scaled = logits / temperature
    probabilities = softmax(scaled.astype(np.float32)).astype(np.float64)
    target = one_hot(draw_labels(random, probabilities), 9)
    found = fit_temperatures({"category": torch.from_numpy(logits).float()}, {"category": target})["category"]
    # Fisher information of log T is the summed variance of the scaled logits under the model.
    information = ((probabilities * scaled**2).sum(1) - (probabilities * scaled).sum(1) ** 2).sum()
    assert abs(np.log(found / temperature)) <= SPREAD / np.sqrt(information)


@pytest.mark.parametrize("temperature", [0.6, 1.8])
def test_a_known_temperature_of_independent_labels_is_found(temperature: float) -> None:
    random = np.random.default_rng(2)
    logits = random.normal(-1, 2, (3000, 5))
    probabilities = 1 / (1 + np.exp(-logits / temperature))
    target = torch.from_numpy((random.random(logits.shape) < probabilities).astype(np.float32))
    found = fit_temperatures({"co": torch.from_numpy(logits).float()}, {"co": target})["co"]
    information = (probabilities * (1 - probabilities) * (logits / temperature) ** 2).sum()
    assert abs(np.log(found / temperature)) <= SPREAD / np.sqrt(information)


def test_unlabelled_rows_do_not_move_a_temperature() -> None:
    random = np.random.default_rng(3)
    logits = torch.from_numpy(random.normal(0, 2, (400, 4))).float()
    target = one_hot(random.integers(0, 4, 400), 4)
    half = target.clone()
    half[200:] = float("nan")
    expected = fit_temperatures({"kind": logits[:200]}, {"kind": target[:200]})
    assert fit_temperatures({"kind": logits}, {"kind": half})["kind"] == pytest.approx(expected["kind"], rel=1e-3)
    assert fit_temperatures({"kind": logits}, {"kind": torch.full_like(target, float("nan"))}) == {"kind": 1.0}


def test_shares_lower_the_loss_and_trust_the_better_part() -> None:
    random = np.random.default_rng(4)
    truth = random.normal(0, 2, (3000, 6))
    target = one_hot(draw_labels(random, softmax(truth.astype(np.float32)).astype(np.float64)), 6)
    good = torch.from_numpy(truth + random.normal(0, 0.5, truth.shape)).float()
    noise = torch.from_numpy(random.normal(0, 2, truth.shape)).float()
    deep, wide = fit_shares({"category": good}, {"category": noise}, {"category": target})["category"]
    assert deep > 0.8
    assert 0 <= wide < 0.1

    def loss(shares: tuple[float, float]) -> float:
        return float(head_loss("category", good * shares[0] + noise * shares[1], target, smoothing=0.0))
    assert loss((deep, wide)) < loss((1.0, 1.0))
    assert loss((deep, wide)) <= min(loss((deep * 1.1, wide)), loss((deep * 0.9, wide))) + 1e-6


@pytest.mark.parametrize("rows", [30, 400])
def test_prediction_sets_cover_fresh_rows(rows: int) -> None:
    """Covered fresh rows are at least beta-binomial (k, n + 1 - k), k = ceil(0.9 (n + 1)): split conformal."""
    random = np.random.default_rng(rows)

    def draw(size: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        logits = random.normal(0, 4, (size, 12)).astype(np.float32)
        return logits, draw_labels(random, softmax(logits, 2.0).astype(np.float64))  # the network is overconfident
    for _ in range(10):
        logits, labels = draw(rows)
        threshold = fit_prediction_set(softmax(logits), labels)
        fresh, truth = draw(600)
        sets = [prediction_set(one, threshold) for one in softmax(fresh)]
        covered = sum(int(label) in chosen for label, chosen in zip(truth, sets, strict=True))
        rank = int(np.ceil(0.9 * (rows + 1)))
        assert covered >= betabinom.ppf(UNLIKELY, 600, rank, rows + 1 - rank)
        assert rows < 100 or np.mean([len(chosen) for chosen in sets]) < 7.0  # not everything


def test_the_set_threshold_is_the_conformal_rank() -> None:
    probabilities = np.tile(np.array([[0.6, 0.3, 0.1]], dtype=np.float32), (19, 1))
    labels = np.array([0] * 10 + [1] * 7 + [2] * 2)
    assert fit_prediction_set(probabilities, labels) == pytest.approx(0.1)  # ceil(20 * 0.9) = 18th of 19
    labels = np.array([0] * 10 + [1] * 8 + [2])
    assert fit_prediction_set(probabilities, labels) == pytest.approx(0.3)


@pytest.mark.parametrize(("errors", "decided"), [(0, 45), (1, 60), (7, 200), (40, 41), (5, 5), (0, 0)])
def test_the_error_bound_is_scipys(errors: int, decided: int) -> None:
    if decided == 0:
        assert error_bound(errors, decided) == 1.0
        return
    interval = binomtest(errors, decided).proportion_ci(0.8, method="exact")  # two-sided 80 %: 10 % above
    assert error_bound(errors, decided) == pytest.approx(interval.high)


@pytest.mark.parametrize(("budget", "slope"), [(0.05, 0.4), (0.10, 1.0)])
def test_the_error_budget_is_kept_at_the_promised_confidence(budget: float, slope: float) -> None:
    """Confidences are uniform from 0.5 to 1 and err with (1 - c) * slope, so above t the error is (1 - t) * slope / 2.

    Of 200 thresholds, those that break the budget are at most binomial (200, 0.1).
    """
    random = np.random.default_rng(5)
    draws, broken, used = 200, 0, 0
    for _ in range(draws):
        confidence = random.uniform(0.5, 1.0, 600).astype(np.float32)
        fit = fit_decision(confidence, random.random(600) > (1 - confidence) * slope, budget)
        if fit.threshold < NEVER:
            used += 1
            broken += (1 - fit.threshold) * slope / 2 > budget
    assert broken <= binom.ppf(1 - UNLIKELY, draws, 0.1)
    assert used > draws / 2


def test_the_hardest_case_still_keeps_the_promise() -> None:
    """Where every threshold errs a little above the budget, nine of ten draws must refuse."""
    random = np.random.default_rng(6)
    draws, budget = 300, 0.05
    broken = 0
    for _ in range(draws):
        confidence = random.random(800).astype(np.float32)
        broken += fit_decision(confidence, random.random(800) > budget + 1e-6, budget).threshold < NEVER
    assert broken <= binom.ppf(1 - UNLIKELY, draws, 0.1)


@pytest.mark.parametrize(("rows", "wrong"), [(0, 0), (10, 0), (43, 0), (500, 500), (500, 250)])
def test_it_refuses_where_the_budget_cannot_be_kept(rows: int, wrong: int) -> None:
    random = np.random.default_rng(7)
    correct = random.permutation(np.arange(rows) >= wrong)
    fit = fit_decision(random.random(rows).astype(np.float32), correct, 0.05)
    assert (fit.threshold, fit.share, fit.decided) == (NEVER, 0.0, 0)
    sure = Confidence(1.0, 1.0, 4, 0.0, "low", possible_duplicate=False)
    assert decide(sure, DecisionThresholds(0.05, fit.threshold, fit.threshold)).route == "review"


def test_all_right_decides_nearly_all() -> None:
    confidence = np.random.default_rng(8).random(500).astype(np.float32)
    fit = fit_decision(confidence, np.ones(500, dtype=bool), 0.05)
    assert fit.share > 0.95
    assert fit.errors == 0
    assert fit.threshold == np.sort(confidence)[::-1][fit.decided - 1]


def test_what_it_reports_is_what_its_threshold_decides() -> None:
    """Ties are decided together in service, so they must be counted together here."""
    random = np.random.default_rng(9)
    confidence = np.round(random.uniform(0.5, 1.0, 600), 1).astype(np.float32)
    correct = random.random(600) < confidence
    for budget in (0.05, 0.1, 0.2):
        fit = fit_decision(confidence, correct, budget)
        decided = confidence >= fit.threshold
        assert (fit.decided, fit.errors) == (decided.sum(), (~correct[decided]).sum())
    saturated = fit_decision(np.ones(100, dtype=np.float32), np.arange(100) < 60, 0.05)
    assert saturated.threshold == NEVER


def test_urgency_cuts_are_best_of_the_grid() -> None:
    random = np.random.default_rng(10)
    levels = random.choice([1, 2, 3, 4], 2000, p=[0.02, 0.15, 0.6, 0.23])
    logits = (-1.5 * np.abs(levels[:, None] - np.arange(1, 5)) + random.normal(0, 1.0, (2000, 4))).astype(np.float32)
    probabilities = softmax(logits)
    cuts = fit_urgency_cuts(probabilities, levels)
    assert cuts == sorted(cuts)

    def kappa(tried: list[float]) -> float:
        return quadratic_kappa(np.array([urgency_level(one, tried) for one in probabilities]) - 1, levels - 1, 4)
    assert kappa(cuts) >= kappa([1.5, 2.5, 3.5])
    assert kappa(cuts) >= max(kappa([1.5, 2.2, 3.2]), kappa([1.5, 2.8, 3.8]))


def test_joined_logits_are_cut_in_order() -> None:
    parts = split_logits(torch.arange(10.0).reshape(2, 5), {"kind": 2, "lead": 3})
    assert parts["kind"].tolist() == [[0, 1], [5, 6]]
    assert parts["lead"].tolist() == [[2, 3, 4], [7, 8, 9]]
