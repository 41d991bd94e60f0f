"""How much a reviewer should ask whether a report is true: an interpretable score, never a verdict.

A few named signals are weighed and added (``false_report_weights``): what the report says (``text_signals``) and how it
came (``behaviour``). Anonymity, anger, spelling, region and the reporter's person are no signals. While too few
outcomes are known the score of anything but a plain advert stays at or below 0.6, and behaviour alone lifts none
to the band ``high``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from knowledge_base import behaviour
from knowledge_base.elements import Elements
from knowledge_base.false_report_weights import CODES, Weights, read_weights
from knowledge_base.rumour import read_rumour_wording
from knowledge_base.text_signals import text_signals
from models.contract import Prediction

__all__ = ["CODES", "INSUFFICIENT_HISTORY", "Circumstances", "FalseReport", "band", "score_false_report", "weigh"]

MOST_WITHOUT_OUTCOMES = 0.6
MOST_BY_BEHAVIOUR_WITHOUT_OUTCOMES = 0.49
MEDIUM_FROM = 0.3
HIGH_FROM = 0.5
INSUFFICIENT_HISTORY = "insufficient_history"
PLAIN_ADVERT = "plain_advert"


@dataclass(frozen=True, slots=True)
class FalseReport:
    """A score in [0, 1], its band ``low``, ``medium`` or ``high``, and stable reason codes."""

    score: float
    band: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a report came: the signals of behaviour, the weights in force, the day of receipt in China."""

    signals: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    weights: Weights | None = None
    received: date | None = None


def score_false_report(prediction: Prediction, elements: Elements, text: str,
                       circumstances: Circumstances | None = None) -> FalseReport:
    """Return whether a reviewer should ask if a report is true, and why; ``text`` is normalised.

    Raises:
        KnowledgeBaseError: a shipped file of weights is missing or broken.
    """
    known = circumstances or Circumstances()
    strengths = text_signals(text, elements, prediction, read_rumour_wording(), known.received)
    return weigh({**strengths, **known.signals}, known.weights or read_weights())


def weigh(strengths: Mapping[str, float], weights: Weights) -> FalseReport:
    """Return the score of these signals, with the ceilings that hold while too few outcomes are known."""
    score = weights.score(strengths)
    reasons = tuple(code for code in CODES if strengths.get(code, 0.0) > 0)
    if not weights.enough_history:
        by_text = weights.score({code: one for code, one in strengths.items() if code not in behaviour.CODES})
        score = max(by_text, min(score, MOST_BY_BEHAVIOUR_WITHOUT_OUTCOMES))
        score = score if PLAIN_ADVERT in strengths else min(score, MOST_WITHOUT_OUTCOMES)
        reasons = (*reasons, INSUFFICIENT_HISTORY)
    return FalseReport(round(score, 4), band(score), reasons)


def band(score: float) -> str:
    """Return the band of a score."""
    if score >= HIGH_FROM:
        return "high"
    return "medium" if score >= MEDIUM_FROM else "low"
