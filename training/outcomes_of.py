"""What an evaluated bundle said of every held-out row: the rows by which two bundles are paired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.outcomes import Outcome
from models.contract import KINDS, XINFANG_LABELS
from training.evaluate_stage import Evaluation
from training.schema import TrainingRow

FIRST_LEVEL_LETTERS = 2
LEVELS = "1234"
Column = tuple[Sequence[str], Sequence[str], Sequence[float]]


def outcomes_of(evaluation: Evaluation) -> list[Outcome]:
    """Return the outcome of every head on every row, by id and without texts.

    ``urgency`` is the level as served, ``urgency_probable`` the most probable one; first levels go by the two letters
    that begin their categories.
    """
    scored = evaluation.scored
    xinfang = evaluation.split.xinfang_test
    truth = {name: [str(getattr(row, name)) for row in scored.rows] for name in ("category", "kind", "lead")}
    levels = [str(row.urgency or 3) for row in scored.rows]
    served = [evaluation.level(*pair) for pair in zip(scored.predictions, scored.rows, strict=True)]
    urgency, categories = scored.stack("urgency"), evaluation.bundle.category_labels
    first = evaluation.first_levels()[1]
    letters = [categories[int(np.flatnonzero(first == level)[0])][:FIRST_LEVEL_LETTERS]
               for level in range(int(first.max()) + 1)]
    columns: dict[str, Column] = {
        "first_level": ([code[:FIRST_LEVEL_LETTERS] for code in truth["category"]],
                        *_best(evaluation.first_level_probabilities(scored), letters)),
        "category": (truth["category"], *_best(scored.stack("category"), categories)),
        "kind": (truth["kind"], *_best(scored.stack("kind"), KINDS)),
        "urgency": (levels, [str(level) for level in served],
                    [float(row[level - 1]) for row, level in zip(urgency, served, strict=True)]),
        "urgency_probable": (levels, *_best(urgency, LEVELS)),
        "lead": (truth["lead"], *_best(scored.leads, evaluation.router.department_codes))}
    found = [one for head, column in columns.items() for one in _outcomes(head, scored.rows, column)]
    return found + _outcomes("xinfang", xinfang, ([str(row.xinfang) for row in xinfang],
                                                  *_best(evaluation.xinfang_scores, XINFANG_LABELS)))


def _best(table: NDArray[np.float64], codes: Sequence[str]) -> tuple[list[str], list[float]]:
    """Return the most probable code of every row and its probability."""
    return [codes[int(best)] for best in table.argmax(axis=1)], [float(value) for value in table.max(axis=1)]


def _outcomes(head: str, rows: Sequence[TrainingRow], column: Column) -> list[Outcome]:
    return [Outcome(head, row.id, row.group, len(row.title) + len(row.text), truth, predicted, confidence)
            for row, truth, predicted, confidence in zip(rows, *column, strict=True)]
