"""Which labels are probably wrong: confident learning over out-of-fold scores (Northcutt et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.contract import KINDS, FloatArray
from training.errors import TrainingError
from training.out_of_fold import FILE, HEADS, labels_of, read_out_of_fold
from training.schema import Codes, TrainingRow, read_codes
from training.sources import read_rows, split_rows


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row whose given class a model doubts: row number, given and suggested class, and by how much (0 to 1)."""

    row: int
    given: int
    suggested: int
    doubt: float


def suspects(probabilities: FloatArray, labels: NDArray[np.int64],
             also_right: Sequence[int | None] | None = None) -> list[Suspect]:
    """Return the rows that confident learning takes for mislabelled, the most doubtful first.

    A class counts as likely for a row when its probability reaches that class's mean self-confidence; a row is
    suspect when its likeliest such class is not its label. ``probabilities`` (N, C) must be out of fold;
    ``labels`` (N,) has -1 for unlabelled rows; ``also_right`` names a second class that is no error.
    """
    known = labels >= 0
    confidence = np.full(probabilities.shape[1], np.inf)
    for label in np.unique(labels[known]):
        confidence[label] = probabilities[labels == label, label].mean()
    likely = np.where(probabilities >= confidence, probabilities, -1.0)
    best = likely.argmax(axis=1)
    found = []
    for row in np.flatnonzero(known & (likely.max(axis=1) > 0) & (best != labels)).tolist():
        given, suggested = int(labels[row]), int(best[row])
        if also_right is not None and also_right[row] == suggested:
            continue
        doubt = float(probabilities[row, suggested] - probabilities[row, given])
        if doubt > 0:
            found.append(Suspect(row, given, suggested, doubt))
    return sorted(found, key=lambda one: (-one.doubt, one.row))


@dataclass(frozen=True, slots=True)
class DoubtedLabel:
    """A label of a message, by id, and what a model that never saw its group would say instead."""

    id: str
    field: str
    given: str
    suggested: str
    doubt: float


def doubted_labels(data: Path, knowledge_base: Path, run: Path) -> list[DoubtedLabel]:
    """Return the doubted labels of the real training messages, the most doubtful first.

    Raises:
        TrainingError: the run has no out-of-fold scores.
        DatasetError: a row is not fit for training.
    """
    if not (run / FILE).is_file():
        raise TrainingError(f"no {FILE} in {run.name!r}; train with --set beside_wide=true, which makes it")
    codes, scores = read_codes(knowledge_base), read_out_of_fold(run)
    known = {row.id: row for row in split_rows(read_rows(data, codes)).train if row.source != "written"}
    places = [n for n, message in enumerate(scores.ids) if message in known]
    rows = [known[scores.ids[n]] for n in places]
    labels = labels_of(rows, codes)
    found = []
    for head in HEADS:
        names = _names(head, codes)
        found += [DoubtedLabel(rows[one.row].id, head, names[one.given], names[one.suggested], one.doubt)
                  for one in suspects(scores.probabilities[head][places], labels[head], _second(head, rows, codes))]
    return sorted(found, key=lambda one: (-one.doubt, one.id, one.field))


def _names(head: str, codes: Codes) -> tuple[str, ...]:
    return {"category": codes.categories, "lead": codes.departments, "kind": KINDS,
            "urgency": ("1", "2", "3", "4")}[head]


def _second(head: str, rows: Sequence[TrainingRow], codes: Codes) -> list[int | None] | None:
    position = {code: n for n, code in enumerate(codes.categories)}
    return [position.get(row.category_alt or "") for row in rows] if head == "category" else None
