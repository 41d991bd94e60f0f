"""Scoring whether a report repeats an earlier one, from what a dispatcher compares: words, meaning, place, subject."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np

from models.contract import FloatArray
from models.text import folded

FEATURES = ("cosine", "containment", "jaccard", "title", "shared_place", "place_conflict", "number_conflict",
            "same_category", "same_reporter", "years_apart")
COMPARED_CHARACTERS = 800
_NUMBERS = re.compile(r"(?<![月\d])\d+(?=[号栋幢座期弄单])|(?<=[A-Z])\d+(?=[市区县])")
_SHINGLE = 3
_PLACE_MINIMUM = 3
_MASKED = re.compile(r"[A-Z]\d*[省市区县]")
_DAYS_A_YEAR = 365.25


@dataclass(frozen=True, eq=False)
class PairSide:
    """One report as a side of a pair; ``embedding`` has unit length."""

    title: str
    text: str
    embedding: FloatArray
    places: tuple[str, ...]
    category: str
    received_at: datetime | None = None
    region: str | None = None
    reporter_ref: str | None = None

    @cached_property
    def plain(self) -> str:
        """Normalised title and text without blanks, cut to the compared length."""
        return folded(f"{self.title}。{self.text}"[:COMPARED_CHARACTERS])

    @cached_property
    def shingles(self) -> frozenset[str]:
        """Character triples of the text."""
        return _shingles(self.plain)

    @cached_property
    def title_shingles(self) -> frozenset[str]:
        """Character triples of the title."""
        return _shingles(folded(self.title))

    @cached_property
    def specific_places(self) -> tuple[str, ...]:
        """Place names that say more than a city or district."""
        plain = (folded(_MASKED.sub("", place)) for place in self.places)
        return tuple(place for place in plain if len(place) >= _PLACE_MINIMUM)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Door, building and phase numbers."""
        return frozenset(_NUMBERS.findall(self.plain))


@dataclass(frozen=True, slots=True)
class PairScore:
    """Probability that two reports are duplicates, with reason codes."""

    score: float
    reasons: tuple[str, ...]


def _shingles(text: str) -> frozenset[str]:
    return frozenset(text[at:at + _SHINGLE] for at in range(max(1, len(text) - _SHINGLE + 1)))


def _share(common: int, size: int) -> float:
    return common / size if size else 0.0


def _places_shared(new: PairSide, earlier: PairSide) -> bool:
    return (any(place in earlier.plain for place in new.specific_places)
            or any(place in new.plain for place in earlier.specific_places))


def _comparable(one: datetime, other: datetime) -> bool:
    """Tell whether both times know their zone, or neither does."""
    return (one.tzinfo is None) == (other.tzinfo is None)


def pair_features(new: PairSide, earlier: PairSide) -> FloatArray:
    """Return the features of a pair in the order of ``FEATURES``, float32 (10,)."""
    common = len(new.shingles & earlier.shingles)
    shared = _places_shared(new, earlier)
    both_placed = bool(new.specific_places and earlier.specific_places)
    years = 0.0
    if new.received_at and earlier.received_at and _comparable(new.received_at, earlier.received_at):
        years = min(5.0, abs((new.received_at - earlier.received_at).total_seconds()) / 86400 / _DAYS_A_YEAR)
    return np.array([
        float(new.embedding @ earlier.embedding),
        _share(common, min(len(new.shingles), len(earlier.shingles))),
        _share(common, len(new.shingles | earlier.shingles)),
        (_share(len(new.title_shingles & earlier.title_shingles), len(new.title_shingles | earlier.title_shingles))
         if new.title and earlier.title else 0.0),
        shared, both_placed and not shared,
        bool(new.numbers and earlier.numbers and not new.numbers & earlier.numbers),
        new.category == earlier.category,
        bool(new.reporter_ref and new.reporter_ref == earlier.reporter_ref), years], dtype=np.float32)


class DuplicateScorer:
    """A calibrated logistic model over pair features; weights come from the bundle's section ``duplicates``."""

    def __init__(self, fitted: Mapping[str, Any]) -> None:
        weights: Mapping[str, float] = fitted.get("weights", _DEFAULT_WEIGHTS)
        self._weights = np.array([weights[name] for name in FEATURES])
        self._constant = float(weights["constant"])
        self.threshold = float(fitted.get("threshold", 0.9))
        self.possible = float(fitted.get("possible", 0.6))
        self._near = float(fitted.get("near_cosine", 0.8))

    def score(self, new: PairSide, earlier: Sequence[PairSide]) -> list[PairScore]:
        """Return a score for each earlier report, in order."""
        return [self.score_features(features) for features in (pair_features(new, side) for side in earlier)]

    def score_features(self, features: FloatArray) -> PairScore:
        """Return the score of a pair by its features (10,)."""
        logit = float(np.clip(features @ self._weights + self._constant, -30, 30))
        return PairScore(float(1 / (1 + np.exp(-logit))), self._reasons(features))

    def _reasons(self, features: FloatArray) -> tuple[str, ...]:
        found = dict(zip(FEATURES, features.tolist(), strict=True))
        reasons = (("same_text", found["containment"] >= 0.6), ("same_meaning", found["cosine"] >= self._near),
                   ("same_place", found["shared_place"] > 0), ("same_subject", found["title"] >= 0.4),
                   ("same_category", found["same_category"] > 0), ("same_reporter", found["same_reporter"] > 0))
        return tuple(code for code, holds in reasons if holds)


_DEFAULT_WEIGHTS = {"cosine": 4.0, "containment": 8.0, "jaccard": 4.0, "title": 3.0, "shared_place": 1.5,
                    "place_conflict": -1.0, "number_conflict": -1.0, "same_category": 1.0, "same_reporter": 0.0,
                    "years_apart": -0.3, "constant": -7.0}
