"""Whether a report repeats an earlier one, in the words of the contract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from knowledge_base.duplicates import PairScore, PairSide
from knowledge_base.storage.records import EarlierReport
from models.contract import Prediction, Report
from serving.earlier import EarlierReports

MOST_MATCHES = 5


class PairScorer(Protocol):
    """Scores a new report against earlier ones."""

    @property
    def threshold(self) -> float:
        """Score from which a report is named a duplicate."""
        ...

    @property
    def possible(self) -> float:
        """Score from which a person is asked."""
        ...

    def score(self, new: PairSide, earlier: Sequence[PairSide]) -> list[PairScore]:
        """Return one score for each earlier report, in order."""
        ...


@dataclass(frozen=True, slots=True)
class DuplicateFinding:
    """The contract's ``duplicate``; ``matched`` is the report whose event the new one joins."""

    section: dict[str, Any]
    matched: str | None
    possible: bool


def no_duplicate() -> DuplicateFinding:
    """Return the finding where there is nothing to compare with."""
    return DuplicateFinding({"score": 0.0, "of": None, "event_id": None, "matches": []}, None, False)


def _new_side(report: Report, prediction: Prediction, places: tuple[str, ...], category: str) -> PairSide:
    return PairSide(title=report.title, text=report.text, embedding=prediction.embedding, places=places,
                    category=category, received_at=report.received_at, region=report.region,
                    reporter_ref=report.reporter_ref)


def _earlier_side(earlier: EarlierReport) -> PairSide:
    report = earlier.report
    return PairSide(title=report.title, text=report.text, embedding=earlier.embedding, places=earlier.places,
                    category=earlier.category, received_at=report.received_at, region=report.region,
                    reporter_ref=report.reporter_ref)


def find_duplicate(report: Report, prediction: Prediction, places: tuple[str, ...], category: str,
                   scorer: PairScorer, past: EarlierReports) -> DuplicateFinding:
    """Compare a report with the nearest earlier ones."""
    candidates = past.candidates(prediction.embedding, report.region, report.id)
    if not candidates:
        return no_duplicate()
    scores = scorer.score(_new_side(report, prediction, places, category), [_earlier_side(one) for one in candidates])
    ranked = sorted(zip(scores, candidates, strict=True), key=lambda pair: (-pair[0].score, pair[1].sequence))
    best, nearest = ranked[0]
    section: dict[str, Any] = {"score": round(float(best.score), 4), "of": None, "event_id": None,
                               "matches": [_match(*pair) for pair in ranked if pair[0].score >= scorer.possible]
                               [:MOST_MATCHES]}
    if best.score < scorer.threshold:
        return DuplicateFinding(section, None, best.score >= scorer.possible)
    event = past.event_of(nearest.report.id)
    section["of"] = event.earliest_report if event else nearest.report.id
    section["event_id"] = event.event_id if event else None
    return DuplicateFinding(section, nearest.report.id, False)


def _match(score: PairScore, earlier: EarlierReport) -> dict[str, Any]:
    report = earlier.report
    return {"id": report.id, "score": round(float(score.score), 4),
            "received_at": report.received_at.isoformat() if report.received_at else None,
            "title": report.title, "reasons": list(score.reasons)}
