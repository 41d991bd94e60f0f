"""Fitting the wide part: linear one-vs-rest classifiers over TF-IDF character n-grams, for every output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC
from torch import Tensor

from models.contract import SIGMOID_HEADS, FloatArray

NGRAMS = 40_000
OPENING_NGRAMS = 15_000
SVM_REGULARISATION = {"category": 1.0, "lead": 0.5, "kind": 0.2, "urgency": 0.3, "verifiability": 0.3, "xinfang": 1.0}
LOGISTIC_REGULARISATION = 5.0
FEWEST_POSITIVES = 3
ABSENT = -6.0

Features = Sequence[tuple[NDArray[np.int64], FloatArray]]


def sparse_matrix(features: Features, width: int) -> scipy.sparse.csr_matrix:
    """Return the features as a sparse float32 matrix (N, width)."""
    starts = np.cumsum([0, *(len(ids) for ids, _ in features)])
    return scipy.sparse.csr_matrix((np.concatenate([weights for _, weights in features]),
                                    np.concatenate([ids for ids, _ in features]), starts), (len(features), width))


def fit_wide(features: Features, targets: Mapping[str, Tensor], width: int) -> tuple[FloatArray, FloatArray]:
    """Return the table (width, sum of sizes) and the bias (sum of sizes,), float32.

    Single-label heads get linear SVM margins, multi-label heads logistic regressions; an output with fewer than
    three positive rows answers a constant.
    """
    matrix = sparse_matrix(features, width)
    tables, biases = [], []
    for head, soft in targets.items():
        known = ~np.isnan(soft[:, 0].numpy())
        rows, values = matrix[known], soft[known].numpy()
        hard = values.argmax(1) if head not in SIGMOID_HEADS else None
        for output in range(values.shape[1]):
            positive = values[:, output] > 0.5 if hard is None else hard == output
            weights, bias = _fit_output(rows, positive, head)
            tables.append(weights)
            biases.append(bias)
    return np.stack(tables, axis=1).astype(np.float32), np.array(biases, dtype=np.float32)


def _fit_output(rows: scipy.sparse.csr_matrix, positive: NDArray[np.bool_], head: str) -> tuple[FloatArray, float]:
    if positive.sum() < FEWEST_POSITIVES or positive.all():
        return np.zeros(rows.shape[1], dtype=np.float32), ABSENT if not positive.all() else -ABSENT
    model = (LogisticRegression(C=LOGISTIC_REGULARISATION, solver="liblinear", random_state=0) if head in SIGMOID_HEADS
             else LinearSVC(C=SVM_REGULARISATION[head], random_state=0))
    model.fit(rows, positive)
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def wide_logits(features: Features, table: FloatArray, bias: FloatArray) -> FloatArray:
    """Return the joined outputs (N, sum of sizes) of the wide part, float32."""
    return np.asarray(sparse_matrix(features, len(table)) @ table + bias, dtype=np.float32)
