"""Fitting the duplicate scorer on labelled pairs and on sampled pairs that can't be duplicates."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from knowledge_base.duplicates import FEATURES, PairSide, pair_features
from knowledge_base.elements import extract_elements
from models.contract import FloatArray, Predictor, Report
from training.pairs import LabelledPair
from training.schema import TrainingRow
from training.times import parse_time

PRECISION = 0.97
NEGATIVES_A_PAIR = 5
_MOST_DRAWS = 50
_REGION = re.compile(r"[A-Z]\d+[市区县]")


@dataclass(frozen=True, slots=True, eq=False)
class PairSet:
    """Features (N, 10), whether each pair is a duplicate (N,), and where it comes from (N,)."""

    features: FloatArray
    duplicate: NDArray[np.bool_]
    drawn: list[str]


def make_sides(messages: Sequence[tuple[str, str, datetime | None]], predictor: Predictor) -> list[PairSide]:
    """Score messages (title, text, time) and return them as sides of pairs."""
    sides = []
    for at in range(0, len(messages), 16):
        chunk = messages[at:at + 16]
        predictions = predictor.predict([Report(text=text, title=title) for title, text, _ in chunk])
        for (title, text, time), prediction in zip(chunk, predictions, strict=True):
            places = tuple(span.text for span in extract_elements(f"{title}\n{text}").places)
            category = predictor.category_labels[int(prediction.category.argmax())]
            sides.append(PairSide(title, text, prediction.embedding, places, category, time))
    return sides


def sample_negatives(rows: Sequence[TrainingRow], count: int, seed: int) -> list[tuple[TrainingRow, TrainingRow]]:
    """Draw pairs from different masked districts: four of five of one category, the others at random.

    A duplicate is about one place, so two messages that name different districts first are none.
    """
    order = random.Random(seed)  # noqa: S311
    placed = [(row, match.group()) for row in rows if row.category and (match := _REGION.search(row.title + row.text))]
    by_category: dict[str, list[tuple[TrainingRow, str]]] = {}
    for row, region in placed:
        by_category.setdefault(str(row.category), []).append((row, region))
    drawn: list[tuple[TrainingRow, TrainingRow]] = []
    for _ in range(_MOST_DRAWS * count):
        if len(drawn) == count:
            break
        one, region = order.choice(placed)
        pool = by_category[str(one.category)] if len(drawn) % 5 else placed
        other, elsewhere = order.choice(pool)
        if other.group != one.group and elsewhere != region:
            drawn.append((one, other))
    return drawn


def build_pair_set(pairs: Sequence[LabelledPair], negatives: Sequence[tuple[TrainingRow, TrainingRow]],
                   predictor: Predictor) -> PairSet:
    """Return features of labelled pairs (duplicate where the label is 2) and of sampled negatives."""
    messages: dict[str, tuple[str, str, datetime | None]] = {}
    for pair in pairs:
        for side in (pair.a, pair.b):
            messages[side["id"]] = (side["title"], side["text"], parse_time(side.get("time")))
    for one, other in negatives:
        for row in (one, other):
            messages.setdefault(row.id, (row.title, row.text, None))
    sides = dict(zip(messages, make_sides(list(messages.values()), predictor), strict=True))
    couples = [(sides[pair.a["id"]], sides[pair.b["id"]]) for pair in pairs]
    couples += [(sides[one.id], sides[other.id]) for one, other in negatives]
    return PairSet(np.stack([pair_features(*couple) for couple in couples]),
                   np.array([pair.label == 2 for pair in pairs] + [False] * len(negatives)),
                   [pair.drawn for pair in pairs] + ["sampled"] * len(negatives))


def fit_duplicates(pairs: PairSet) -> dict[str, Any]:
    """Return the bundle's section ``duplicates``: logistic weights, and the threshold of the stated precision."""
    scaler = StandardScaler().fit(pairs.features)
    model = LogisticRegression(C=1.0, max_iter=1000).fit(scaler.transform(pairs.features), pairs.duplicate)
    spread = np.where(scaler.scale_ > 0, scaler.scale_, 1.0)
    weights = model.coef_[0] / spread
    constant = float(model.intercept_[0] - (weights * scaler.mean_).sum())
    weights[FEATURES.index("same_reporter")] = 0.0  # no pair of the data knows its reporters
    scores = 1 / (1 + np.exp(-(pairs.features @ weights + constant)))
    return {"weights": {**dict(zip(FEATURES, map(float, weights), strict=True)), "constant": constant},
            "threshold": (threshold := precision_threshold(scores, pairs.duplicate)),
            "possible": min(0.5, threshold),
            "near_cosine": float(np.quantile(pairs.features[pairs.duplicate, 0], 0.25))}


def precision_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_], precision: float = PRECISION) -> float:
    """Return the lowest score from which on at least ``precision`` of the pairs are duplicates."""
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(truth[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(right >= precision)
    return float(scores[order[good[-1]]]) if len(good) else 1.0
