"""Fitting the constants that a bundle ships: shares, temperatures, prediction sets, decision thresholds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import beta
from torch import Tensor, nn

from evaluation.metrics import quadratic_kappa
from models.contract import FloatArray
from training.losses import head_loss

_STEPS = 60
COVERAGE = 0.90
NEVER = 1.01
_FIRST_TESTED_SHARE = 8
URGENT_LEVEL = 2


def _minimise(parameters: list[nn.Parameter], loss_of: object) -> None:
    optimiser = torch.optim.LBFGS(parameters, lr=0.5, max_iter=_STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss: Tensor = loss_of()  # type: ignore[operator]
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]


def fit_shares(deep: Mapping[str, Tensor], wide: Mapping[str, Tensor],
               targets: Mapping[str, Tensor]) -> dict[str, tuple[float, float]]:
    """Return for each head the weights of encoder and wide logits that minimise the calibration loss."""
    shares = {}
    for head, target in targets.items():
        logs = nn.Parameter(torch.tensor([0.0, 0.0]))

        def loss(head: str = head, target: Tensor = target, logs: nn.Parameter = logs) -> Tensor:
            weights = logs.exp()
            return head_loss(head, deep[head] * weights[0] + wide[head] * weights[1], target, smoothing=0.0)

        _minimise([logs], loss)
        shares[head] = (float(logs[0].detach().exp()), float(logs[1].detach().exp()))
    return shares


def fit_temperatures(logits: Mapping[str, Tensor], targets: Mapping[str, Tensor]) -> dict[str, float]:
    """Return one temperature a head (Guo et al. 2017), fitted by likelihood."""
    temperatures = {}
    for head, target in targets.items():
        log = nn.Parameter(torch.zeros(1))

        def loss(head: str = head, target: Tensor = target, log: nn.Parameter = log) -> Tensor:
            return head_loss(head, logits[head] / log.exp(), target, smoothing=0.0)

        _minimise([log], loss)
        temperatures[head] = float(log.detach().exp())
    return temperatures


def fit_prediction_set(probabilities: FloatArray, labels: NDArray[np.int64]) -> float:
    """Return the probability from which on a label belongs to the set, for coverage 0.90 (split conformal).

    The score of a row is one minus the probability of its label; the threshold is one minus the
    ceil((n + 1) * 0.90)-th smallest score.
    """
    scores = np.sort(1.0 - probabilities[np.arange(len(labels)), labels].astype(np.float64))
    position = min(len(scores), int(np.ceil((len(scores) + 1) * COVERAGE)))
    return float(1.0 - scores[position - 1])


def fit_urgency_cuts(probabilities: FloatArray, levels: NDArray[np.int64]) -> list[float]:
    """Return the cuts of the expected level that give the best quadratic kappa (first cut fixed at 1.5)."""
    expected = probabilities.astype(np.float64) @ np.arange(1, 5)
    grid = [(1.5, second, third) for second in np.arange(2.2, 2.81, 0.05) for third in np.arange(3.2, 3.81, 0.05)]

    def kappa(cuts: tuple[float, ...]) -> float:
        return quadratic_kappa(np.searchsorted(cuts, expected), levels - 1, 4)

    return [round(float(cut), 2) for cut in max(grid, key=kappa)]


def fit_urgent_floor(probabilities: FloatArray, levels: NDArray[np.int64], alone: NDArray[np.bool_],
                     missed: float) -> float:
    """Return the probability of levels 1 and 2 from which on a person must look first.

    ``alone`` (N,) tells which reports category and lead would let the service decide alone. Of reports of level 1 or
    2 at most the share ``missed`` is decided alone, in expectation over calibration sets (conformal risk control,
    Angelopoulos et al. 2024): the highest floor up to 0.5 that keeps it, 0 where none does.
    """
    urgent = levels <= URGENT_LEVEL
    scores = probabilities[:, :URGENT_LEVEL].sum(axis=1)
    for floor in np.round(np.arange(0.5, 0.0, -0.01), 2):
        if (float((alone & urgent & (scores < floor)).sum()) + 1) / (float(urgent.sum()) + 1) <= missed:
            return float(floor)
    return 0.0


def fit_pool(own: FloatArray, implied: FloatArray, target: Tensor) -> tuple[float, float]:
    """Return the weights of a head's own opinion and of what the category implies, by likelihood.

    ``own`` and ``implied`` are probabilities (N, C); ``target`` (N, C) soft labels, NaN where there are none.
    """
    logs = nn.Parameter(torch.tensor([0.0, -2.0]))
    mine, theirs = (torch.from_numpy(np.log(np.maximum(one, 1e-9))) for one in (own, implied))

    def loss() -> Tensor:
        weights = logs.exp()
        return head_loss("pool", mine * weights[0] + theirs * weights[1], target, smoothing=0.0)

    _minimise([logs], loss)
    return float(logs[0].detach().exp()), float(logs[1].detach().exp())


@dataclass(frozen=True, slots=True)
class DecisionFit:
    """A threshold on both confidences, and what it showed on the rows it was fitted on."""

    error_budget: float
    threshold: float
    share: float
    errors: int
    decided: int


def error_bound(errors: int, decided: int, confidence: float = 0.9) -> float:
    """Return the Clopper-Pearson upper bound of the error rate."""
    if decided == 0 or errors >= decided:
        return 1.0
    return float(beta.ppf(confidence, errors + 1, decided - errors))


def fit_decision(confidence: FloatArray, correct: NDArray[np.bool_], error_budget: float) -> DecisionFit:
    """Return the lowest threshold whose error rate is within the budget with 90 % confidence.

    Thresholds are tested from strict to loose and testing stops at the first failure (fixed-sequence testing,
    Angelopoulos et al. 2021, Learn then Test), so that the guarantee holds for the one chosen. The walk begins at
    the smallest number of cases that may hold two errors, or at an eighth of the rows, a start that does not depend on
    their labels. Cases of equal confidence are decided together, so they are counted together.
    """
    order = np.argsort(-confidence, kind="stable")
    best = DecisionFit(error_budget, NEVER, 0.0, 0, 0)
    start = next(decided for decided in range(3, 10_000) if error_bound(2, decided) <= error_budget)
    start = max(start, len(order) // _FIRST_TESTED_SHARE)
    grid = range(start, len(order) + 1, max(1, len(order) // 60))
    ranked = -confidence[order]
    for first in grid:
        decided = int(np.searchsorted(ranked, ranked[first - 1], side="right"))
        errors = int((~correct[order[:decided]]).sum())
        if error_bound(errors, decided) > error_budget:
            break
        best = DecisionFit(error_budget, float(confidence[order[decided - 1]]), decided / len(order), errors, decided)
    return best


def split_logits(joined: Tensor, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Cut joined logits (N, sum of sizes) into heads."""
    return dict(zip(sizes, torch.split(joined, list(sizes.values()), dim=-1), strict=True))


