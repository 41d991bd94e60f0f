"""Two bundles on the same rows: paired differences with cluster-bootstrap intervals, by figure, class and slice."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation import metrics
from evaluation.outcomes import HeadOutcomes

Integers = NDArray[np.int64]
Statistic = Callable[[HeadOutcomes, Integers], float]
Pairs = Mapping[str, tuple[HeadOutcomes, HeadOutcomes]]
FEWEST_ROWS_OF_A_CLASS = 5
FEWEST_ROWS_OF_A_SLICE = 30
LENGTHS = ((0, 100), (100, 300), (300, 1_000_000))


def _accuracy(outcomes: HeadOutcomes, rows: Integers) -> float:
    return metrics.accuracy(outcomes.predicted[rows], outcomes.truth[rows])


def _macro_f1(outcomes: HeadOutcomes, rows: Integers) -> float:
    return metrics.macro_f1(outcomes.predicted[rows], outcomes.truth[rows])


def _calibration(outcomes: HeadOutcomes, rows: Integers) -> float:
    return metrics.calibration_error(outcomes.confidence[rows], outcomes.correct[rows])


def _levels(outcomes: HeadOutcomes) -> Integers:
    return np.array([int(code) for code in outcomes.codes], dtype=np.int64)


def _kappa(outcomes: HeadOutcomes, rows: Integers) -> float:
    levels = _levels(outcomes)
    return metrics.quadratic_kappa(levels[outcomes.predicted[rows]] - 1, levels[outcomes.truth[rows]] - 1, 4)


def _urgent_recall(outcomes: HeadOutcomes, rows: Integers) -> float:
    levels = _levels(outcomes)
    urgent = levels[outcomes.truth[rows]] <= 2
    return float((levels[outcomes.predicted[rows]][urgent] <= 2).mean()) if urgent.any() else float("nan")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of one head; ``sign`` is 1 where more is better, -1 where less is."""

    name: str
    head: str
    statistic: Statistic
    sign: int = 1


FIGURES = (
    Figure("first_level_accuracy", "first_level", _accuracy), Figure("second_level_accuracy", "category", _accuracy),
    Figure("second_level_macro_f1", "category", _macro_f1), Figure("kind_accuracy", "kind", _accuracy),
    Figure("urgency_quadratic_kappa", "urgency", _kappa),
    Figure("urgency_recall_levels_1_2", "urgency", _urgent_recall), Figure("lead_accuracy", "lead", _accuracy),
    Figure("xinfang_accuracy", "xinfang", _accuracy), Figure("xinfang_macro_f1", "xinfang", _macro_f1),
    Figure("category_calibration_error", "category", _calibration, -1),
    Figure("kind_calibration_error", "kind", _calibration, -1),
    Figure("urgency_calibration_error", "urgency_probable", _calibration, -1),
    Figure("lead_calibration_error", "lead", _calibration, -1),
    Figure("xinfang_calibration_error", "xinfang", _calibration, -1))


@dataclass(frozen=True, slots=True)
class Difference:
    """Second bundle minus first on the same rows, with a 95 % interval over resampled groups."""

    name: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    rows: int
    sign: int = 1

    @property
    def gain(self) -> float:
        """How much better the second is (worse below zero)."""
        return self.sign * self.difference

    @property
    def surely_better(self) -> bool:
        """Whether the whole interval is on the better side."""
        return (self.low if self.sign > 0 else -self.high) > 0

    @property
    def surely_worse(self) -> bool:
        """Whether the whole interval is on the worse side."""
        return (self.high if self.sign > 0 else -self.low) < 0


def _difference(name: str, pair: tuple[HeadOutcomes, HeadOutcomes], statistic: Statistic, sign: int,
                rows: Integers | None = None) -> Difference:
    first, second = pair
    rows = np.arange(len(first.ids)) if rows is None else rows
    measured = metrics.bootstrap(lambda drawn: statistic(second, rows[drawn]) - statistic(first, rows[drawn]),
                                 [first.groups[row] for row in rows])
    return Difference(name, statistic(first, rows), statistic(second, rows), measured.value, measured.low,
                      measured.high, len(rows), sign)


def compare_figures(pairs: Pairs) -> list[Difference]:
    """Return the difference of every figure whose head both bundles answered."""
    return [_difference(figure.name, pairs[figure.head], figure.statistic, figure.sign)
            for figure in FIGURES if figure.head in pairs]


def _f1_of(label: int) -> Statistic:
    def statistic(outcomes: HeadOutcomes, rows: Integers) -> float:
        predicted, truth = outcomes.predicted[rows] == label, outcomes.truth[rows] == label
        total = predicted.sum() + truth.sum()
        return float(2 * (predicted & truth).sum() / total) if total else float("nan")
    return statistic


def compare_classes(pairs: Pairs, head: str) -> list[Difference]:
    """Return the difference of F1 of every class of a head with at least five true rows; ``rows`` counts those."""
    if head not in pairs:
        return []
    truth = pairs[head][0].truth
    found = []
    for label, code in enumerate(pairs[head][0].codes):
        count = int((truth == label).sum())
        if count >= FEWEST_ROWS_OF_A_CLASS:
            one = _difference(f"{head} {code}", pairs[head], _f1_of(label), 1)
            found.append(Difference(one.name, one.first, one.second, one.difference, one.low, one.high, count))
    return found


def _slices(pairs: Pairs) -> Iterator[tuple[str, Integers]]:
    """Yield rows of the category head by true first level and by length of the text."""
    category = pairs["category"][0]
    first_level = np.array([code[:2] for code in category.codes])[category.truth]
    for name in np.unique(first_level):
        yield f"first level {name}", np.flatnonzero(first_level == name)
    for low, high in LENGTHS:
        name = f"{low} to {high} characters" if high < LENGTHS[-1][1] else f"{low} characters and more"
        yield name, np.flatnonzero((category.characters >= low) & (category.characters < high))


def compare_slices(pairs: Pairs) -> list[Difference]:
    """Return the difference in second-level accuracy of every slice with at least thirty rows."""
    if "category" not in pairs:
        return []
    return [_difference(name, pairs["category"], _accuracy, 1, rows) for name, rows in _slices(pairs)
            if len(rows) >= FEWEST_ROWS_OF_A_SLICE]


def _padded(name: str, width: int) -> str:
    """Return the name with spaces after it; a Chinese character is two columns wide."""
    return name + " " * (width - sum(1 + (unicodedata.east_asian_width(char) in "FW") for char in name))


def table_lines(differences: list[Difference], first: str, second: str) -> list[str]:
    """Return differences as lines for a terminal."""
    lines = [f"{'':<34}{first[:12]:>13}{second[:12]:>13}{'difference':>12}   95 % interval       rows"]
    for one in differences:
        mark = " better" if one.surely_better else " worse" if one.surely_worse else ""
        lines.append(f"{_padded(one.name, 34)}{one.first:13.3f}{one.second:13.3f}{one.difference:+12.3f}   "
                     f"[{one.low:+.3f}, {one.high:+.3f}]{one.rows:8}{mark}")
    return lines
