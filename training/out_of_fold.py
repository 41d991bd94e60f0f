"""Out-of-fold scores of the wide part: what a model that never saw a row's group says of it.

They serve as soft labels for the encoder and show which labels are probably wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from sklearn.svm import LinearSVC

from models.contract import FloatArray
from training.examples import WideFeatures, plain_text
from training.losses import targets_of
from training.network import head_sizes
from training.ngrams import choose_ngrams, inverse_document_frequency
from training.schema import Codes, TrainingRow, read_codes
from training.sources import fraction, read_rows, split_rows
from training.views import knowledge_rows
from training.wide import ABSENT, NGRAMS, OPENING_NGRAMS, SVM_REGULARISATION, sparse_matrix

FILE = "out_of_fold.npz"
FOLDS = 5
HEADS = ("category", "kind", "urgency", "lead")


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Probabilities (N, size) by head of the rows named by ``ids``, float32."""

    ids: tuple[str, ...]
    probabilities: dict[str, FloatArray]


def score_out_of_fold(data: Path, knowledge_base: Path, run: Path, ngrams: int = NGRAMS,
                      folds: int = FOLDS, most_rows: int | None = None) -> None:
    """Leave ``out_of_fold.npz`` in ``run``: each training row scored by a model fitted on the other folds.

    Folds are drawn by group. The knowledge base's incidents are fitted on in every fold and not scored.
    """
    run.mkdir(parents=True, exist_ok=True)
    codes = read_codes(knowledge_base)
    rows = split_rows(read_rows(data, codes)).train[:most_rows]
    others = knowledge_rows(knowledge_base)
    sizes = head_sizes(len(codes.categories), len(codes.departments))
    fold = np.array([int(fraction(row.group, "fold") * folds) for row in rows])
    margins = {head: np.full((len(rows), sizes[head]), ABSENT, dtype=np.float32) for head in HEADS}
    for number in range(folds):
        held = np.flatnonzero(fold == number)
        if not len(held):
            continue
        fitted = [*(rows[i] for i in np.flatnonzero(fold != number)), *others]
        for head, found in _margins(fitted, [rows[i] for i in held], codes, ngrams).items():
            margins[head][held] = found
    targets = labels_of(rows, codes)
    np.savez(run / FILE, ids=np.array([row.id for row in rows]),
             **{head: _calibrated(margins[head], targets[head]) for head in HEADS})  # type: ignore[arg-type]


def read_out_of_fold(run: Path) -> OutOfFold:
    """Read what ``score_out_of_fold`` left in ``run``."""
    with np.load(run / FILE, allow_pickle=False) as stored:
        return OutOfFold(tuple(map(str, stored["ids"])), {head: stored[head] for head in HEADS})


def labels_of(rows: Sequence[TrainingRow], codes: Codes) -> dict[str, NDArray[np.int64]]:
    """Return class numbers by head (N,), -1 where not labelled."""
    sizes = head_sizes(len(codes.categories), len(codes.departments))
    soft = targets_of(rows, codes, {head: sizes[head] for head in sizes})
    return {head: np.where(np.isnan(soft[head][:, 0].numpy()), -1, soft[head].nan_to_num().argmax(1).numpy())
            for head in HEADS}


def _margins(fitted: Sequence[TrainingRow], held: Sequence[TrainingRow], codes: Codes,
             ngrams: int) -> dict[str, FloatArray]:
    texts = [plain_text(row) for row in fitted]
    labels = labels_of(fitted, codes)
    chosen = choose_ngrams(texts, labels["category"].tolist(), ngrams, OPENING_NGRAMS * ngrams // NGRAMS)
    features = WideFeatures(tuple(chosen), inverse_document_frequency(texts, chosen))
    known = sparse_matrix(features.weigh(texts), len(chosen))
    asked = sparse_matrix(features.weigh([plain_text(row) for row in held]), len(chosen))
    sizes = head_sizes(len(codes.categories), len(codes.departments))
    margins = {}
    for head in HEADS:
        labelled = labels[head] >= 0
        found = np.full((len(held), sizes[head]), ABSENT, dtype=np.float32)
        classes = np.unique(labels[head][labelled])
        if len(classes) > 1:
            model = LinearSVC(C=SVM_REGULARISATION[head], random_state=0).fit(known[labelled], labels[head][labelled])
            scores = model.decision_function(asked)
            found[:, model.classes_] = scores if scores.ndim > 1 else np.stack([-scores, scores], axis=1)
        margins[head] = found
    return margins


def _calibrated(margins: FloatArray, labels: NDArray[np.int64]) -> FloatArray:
    """Return softmax probabilities at the scale that fits the labels best."""
    rows = np.flatnonzero(labels >= 0)

    def softmax(scale: float) -> NDArray[np.float64]:
        scores = margins.astype(np.float64) * scale
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def loss(scale: float) -> float:
        return float(-np.log(softmax(scale)[rows, labels[rows]] + 1e-12).mean())
    best = minimize_scalar(loss, bounds=(0.2, 20.0), method="bounded").x if len(rows) else 1.0
    return softmax(float(best)).astype(np.float32)
