"""A report is decided alone only where nothing speaks against it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from models.bundle import DecisionThresholds
from models.decision import Confidence, Decision, decide

THRESHOLDS = DecisionThresholds(error_budget=0.05, category=0.8, lead=0.7)
SURE = Confidence(category=0.8, lead=0.7, urgency_level=3, urgent_probability=0.1, false_report_band="low",
                  possible_duplicate=False)


def test_at_the_thresholds_it_is_automatic() -> None:
    assert decide(SURE, THRESHOLDS) == Decision("auto", (), 0.05)


@pytest.mark.parametrize(("change", "reason"), [
    ({"category": 0.7999}, "category_uncertain"), ({"lead": 0.6999}, "lead_uncertain"),
    ({"urgency_level": 1}, "urgent"), ({"urgency_level": 2}, "urgent"), ({"urgent_probability": 0.5}, "urgent"),
    ({"false_report_band": "high"}, "possible_false_report"), ({"possible_duplicate": True}, "possible_duplicate"),
    ({"degraded": ("router",)}, "degraded")])
def test_each_doubt_alone_asks_for_review(change: dict[str, Any], reason: str) -> None:
    assert decide(replace(SURE, **change), THRESHOLDS) == Decision("review", (reason,), 0.05)


@pytest.mark.parametrize("change", [{"urgency_level": 4}, {"urgent_probability": 0.49},
                                    {"false_report_band": "medium"}])
def test_what_is_no_doubt(change: dict[str, Any]) -> None:
    assert decide(replace(SURE, **change), THRESHOLDS).route == "auto"


def test_reasons_are_named_together() -> None:
    doubtful = Confidence(0.1, 0.1, 1, 0.9, "high", True, ("index",))
    assert decide(doubtful, THRESHOLDS).reasons == ("category_uncertain", "lead_uncertain", "urgent",
                                                    "possible_false_report", "possible_duplicate", "degraded")


def test_a_threshold_that_was_never_reached_sends_everything_to_review() -> None:
    certain = replace(SURE, category=1.0, lead=1.0)
    assert decide(certain, DecisionThresholds(0.05, 1.01, 1.01)).reasons == ("category_uncertain", "lead_uncertain")


@pytest.mark.parametrize("field", ["category", "lead", "urgent_probability"])
def test_a_confidence_that_is_no_number_is_never_automatic(field: str) -> None:
    change: dict[str, Any] = {field: float("nan")}
    assert decide(replace(SURE, **change), THRESHOLDS).route == "review"


def test_a_named_danger_asks_for_a_person() -> None:
    assert decide(replace(SURE, danger=True), THRESHOLDS).reasons == ("urgent",)
