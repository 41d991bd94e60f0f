"""How long bundles take for one report, measured side by side so that a busy machine slows both."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from models.contract import Predictor, Report

ROUNDS = 5


def median_latencies(predictors: Sequence[Predictor], reports: Sequence[Report], rounds: int = ROUNDS) -> list[float]:
    """Return each predictor's median time for one report in milliseconds.

    They take turns at every report, and another one begins in every round.
    """
    times: list[list[float]] = [[] for _ in predictors]
    for first in range(rounds):
        order = [(first + place) % len(predictors) for place in range(len(predictors))]
        for report in reports:
            for place in order:
                started = time.perf_counter()
                predictors[place].predict([report])
                times[place].append((time.perf_counter() - started) * 1000)
    return [median(taken) for taken in times]
