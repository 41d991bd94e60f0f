"""Which labels are probably wrong: confident learning over out-of-fold scores (Northcutt et al. 2021)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.contract import FloatArray


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
