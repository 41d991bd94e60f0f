"""The weights of the false-report score, and how outcomes move them: logistic regression with a prior on each weight.

The score is ``sigmoid(bias + sum of weight times strength)``. No weight is below nil: no signal may speak for a report
being true, and so none can be used to hide. Shipped weights are the prior; outcomes move them by the maximum a
posteriori estimate (Gaussian prior), so that few outcomes move them little.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import exp
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from knowledge_base import behaviour, text_signals
from knowledge_base.errors import fault

WEIGHTS_FILE = Path(__file__).parent / "data" / "false_report.json"
CODES = (*text_signals.CODES, *behaviour.CODES)
SPREAD = 0.5
FEWEST_OUTCOMES, FEWEST_UNFOUNDED = 50, 10
_STEPS = 60
_SETTLED = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Weights:
    """Bias and weights in log-odds by signal code, with the outcomes that they were learned from."""

    bias: float
    by_code: Mapping[str, float]
    outcomes: int = 0
    unfounded: int = 0

    @property
    def enough_history(self) -> bool:
        """Whether enough outcomes of both kinds are known for scores to be taken at their word."""
        return (self.outcomes >= FEWEST_OUTCOMES and self.unfounded >= FEWEST_UNFOUNDED
                and self.outcomes - self.unfounded >= FEWEST_UNFOUNDED)

    def score(self, strengths: Mapping[str, float]) -> float:
        """Return the probability that these signals give, in [0, 1]."""
        return 1.0 / (1.0 + exp(-self.bias - sum(self.by_code[code] * strength
                                                 for code, strength in strengths.items())))


@dataclass(frozen=True, slots=True)
class Judged:
    """Reports with the same reasons: how many were closed, how many of them as unfounded."""

    reasons: frozenset[str]
    outcomes: int
    unfounded: int


@lru_cache(maxsize=4)
def read_weights(path: Path = WEIGHTS_FILE) -> Weights:
    """Read the shipped weights.

    Raises:
        KnowledgeBaseError: the file is missing or broken, a weight is negative, or a code lacks one.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        weights = Weights(float(read["bias"]), MappingProxyType({
            str(code): float(weight) for code, weight in read["weights"].items()}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise fault(path.name, 0, "weights", f"expected a JSON object with bias and weights "
                                             f"({type(error).__name__})") from error
    if set(weights.by_code) != set(CODES):
        raise fault(path.name, 0, "weights", f"expected exactly the codes {', '.join(CODES)}")
    if min(weights.by_code.values()) < 0:
        raise fault(path.name, 0, "weights", "expected no weight below nil")
    return weights


def fit(prior: Weights, judged: Iterable[Judged]) -> Weights:
    """Return the weights after these outcomes: the most probable ones, none below nil.

    Codes that the prior does not know are passed over. Each reason counts as at full strength. Coordinates are
    moved in turn by Newton's step, which the prior's precision keeps short, until nothing moves.
    """
    rows = [one for one in judged if one.outcomes > 0]
    codes = tuple(prior.by_code)
    start = np.array([prior.bias, *(prior.by_code[code] for code in codes)])
    if not rows:
        return prior
    present = np.array([[1.0, *(float(code in row.reasons) for code in codes)] for row in rows])
    outcomes = np.array([float(row.outcomes) for row in rows])
    unfounded = np.array([float(row.unfounded) for row in rows])
    solved = _most_probable(start, present, outcomes, unfounded)
    return Weights(float(solved[0]), MappingProxyType(dict(zip(codes, map(float, solved[1:]), strict=True))),
                   int(outcomes.sum()), int(unfounded.sum()))


def _most_probable(start: Floats, present: Floats, outcomes: Floats, unfounded: Floats) -> Floats:
    precision = 1.0 / SPREAD ** 2
    weights, logits = start.copy(), present @ start
    for _ in range(_STEPS):
        moved = 0.0
        for place in range(len(weights)):
            column = present[:, place]
            chance = 1.0 / (1.0 + np.exp(-np.clip(logits, -40.0, 40.0)))
            slope = float(column @ (unfounded - outcomes * chance)) - precision * (weights[place] - start[place])
            curve = float((column ** 2) @ (outcomes * chance * (1.0 - chance))) + precision
            wanted = weights[place] + min(1.0, max(-1.0, slope / curve))
            wanted = wanted if place == 0 else max(0.0, wanted)
            logits = logits + column * (wanted - weights[place])
            moved = max(moved, abs(wanted - weights[place]))
            weights[place] = wanted
        if moved < _SETTLED:
            break
    return weights


def count_outcomes(closed: Sequence[tuple[Iterable[str], bool]]) -> list[Judged]:
    """Return reports (reasons, whether unfounded) counted by their reasons."""
    counted: dict[frozenset[str], tuple[int, int]] = {}
    for reasons, wrong in closed:
        key = frozenset(reasons) & frozenset(CODES)
        outcomes, unfounded = counted.get(key, (0, 0))
        counted[key] = outcomes + 1, unfounded + wrong
    return [Judged(reasons, *counts) for reasons, counts in counted.items()]
