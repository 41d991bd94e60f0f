"""How much there is to learn from a report, read from the answer that it got."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

AUDIT_SHARE = 0.05
SECOND_READING_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Signals:
    """What makes an answer doubtful.

    ``margin`` of the two best categories in [0, 1]; ``lead_doubt`` in [0, 1], 1 where network and duties name
    different leads; ``set_size``: how many categories the prediction set holds.
    """

    margin: float
    lead_doubt: float
    set_size: int

    @property
    def parts(self) -> dict[str, float]:
        """The three doubts in [0, 1], by the code of each."""
        lead = "departments_disagree" if self.lead_doubt >= 1.0 else "lead_doubt"
        return {"small_margin": 1.0 - self.margin, lead: self.lead_doubt,
                "large_set": (self.set_size - 1) / self.set_size}

    @property
    def uncertainty(self) -> float:
        """The mean of the three doubts."""
        return sum(self.parts.values()) / 3

    @property
    def reason(self) -> tuple[str, float]:
        """The code of the largest doubt and the figure that tells it."""
        parts = self.parts
        code = max(parts, key=lambda name: parts[name])
        return code, {"small_margin": self.margin, "large_set": float(self.set_size)}.get(code, parts[code])


def signals_of(body: Mapping[str, Any], certainty: float, head_lead: str | None = None) -> Signals:
    """Return the signals of an answer; ``certainty`` stands in for what a body lacks."""
    category, lead = body.get("category") or {}, body.get("lead_department") or {}
    best = float(category.get("probability", certainty))
    others = [float(one["probability"]) for one in category.get("alternatives") or ()]
    disagrees = head_lead is not None and bool(lead) and lead["code"] != head_lead
    doubt = 1.0 if disagrees else min(1.0 - float(lead.get("probability", certainty)), 0.9999)
    return Signals(best - max(others, default=0.0), doubt, max(1, len(category.get("prediction_set") or ())))


def hashed_place(purpose: str, report_id: str) -> float:
    """Return a number in [0, 1) that is fixed for a report and independent between purposes."""
    digest = hashlib.sha256(f"fenzhuan {purpose}:{report_id}".encode("utf-8", "surrogatepass")).digest()
    return (int.from_bytes(digest[:8]) >> 11) / 2.0**53


def audit_place(report_id: str) -> float:
    """Return the place of a report in the random order; below ``AUDIT_SHARE`` it is in the audit sample."""
    return hashed_place("audit sample", report_id)


def is_read_twice(report_id: str) -> bool:
    """Tell whether a report is among those that a second reviewer reads."""
    return hashed_place("second reading", report_id) < SECOND_READING_SHARE
