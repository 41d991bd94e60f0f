"""Deciding alone or handing to a person, with stable reason codes."""

from __future__ import annotations

from dataclasses import dataclass

from models.bundle import DecisionThresholds

URGENT_LEVELS = (1, 2)


@dataclass(frozen=True, slots=True)
class Decision:
    """``route`` is ``auto`` or ``review``; ``reasons`` says why it is not automatic."""

    route: str
    reasons: tuple[str, ...]
    error_budget: float


@dataclass(frozen=True, slots=True)
class Confidence:
    """What the decision looks at, all probabilities calibrated.

    ``danger``: the text names a danger to life; ``disputed``: departments are known to contest the duty.
    """

    category: float
    lead: float
    urgency_level: int
    urgent_probability: float
    false_report_band: str
    possible_duplicate: bool
    degraded: tuple[str, ...] = ()
    danger: bool = False
    disputed: bool = False


def decide(confidence: Confidence, thresholds: DecisionThresholds) -> Decision:
    """Return ``auto`` only where the fitted thresholds keep the promised error budget.

    Comparisons are put so that a confidence that is not a number asks for review.
    """
    reasons = []
    if not confidence.category >= thresholds.category:
        reasons.append("category_uncertain")
    if not confidence.lead >= thresholds.lead:
        reasons.append("lead_uncertain")
    if confidence.disputed:
        reasons.append("duty_disputed")
    if (confidence.urgency_level in URGENT_LEVELS or confidence.danger
            or not confidence.urgent_probability < thresholds.urgent):
        reasons.append("urgent")
    if confidence.false_report_band == "high":
        reasons.append("possible_false_report")
    if confidence.possible_duplicate:
        reasons.append("possible_duplicate")
    if confidence.degraded:
        reasons.append("degraded")
    return Decision("review" if reasons else "auto", tuple(reasons), thresholds.error_budget)
