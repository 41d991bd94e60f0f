"""The figures of the review desk as they are sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from knowledge_base.storage.signals import AUDIT_SHARE, SECOND_READING_SHARE
from knowledge_base.storage.statistics import Accuracy, Statistics

CHINA = timezone(timedelta(hours=8))


def day_began(now: datetime) -> str:
    """Return when the day in China began, as entries are recorded: RFC 3339 in UTC."""
    midnight = now.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC).isoformat()


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)


def _accuracy(found: Accuracy) -> dict[str, Any]:
    interval = found.interval
    return {"reviewed": found.reviewed, "right": found.right, "accuracy": _rounded(found.share),
            "interval": [_rounded(end) for end in interval] if interval is not None else None}


def figures(found: Statistics) -> dict[str, Any]:
    """Return the figures under the names of the API."""
    everyone, *each = found.today
    return {
        "reviewed_today": {"reports": everyone.reports, "entries": everyone.entries,
                           "by": [{"by": one.actor, "reports": one.reports, "entries": one.entries} for one in each]},
        "waiting": found.stages,
        "decided_alone": {"reports": found.reports, "automatic": found.automatic,
                          "share": _rounded(found.automatic / found.reports) if found.reports else None},
        "audit_sample": {"share": AUDIT_SHARE, "automatic": found.audit.automatic, **_accuracy(found.audit.overall),
                         "fields": [{"field": field, **_accuracy(one)} for field, one in found.audit.fields.items()]},
        "second_readings": {"share": SECOND_READING_SHARE, "due": found.stages["second"], "done": found.second_done,
                            "differing": found.stages["adjudicate"]},
        "agreement": [{"field": one.field, "reviewers": list(one.reviewers) if one.reviewers else None,
                       "reports": one.reports, "agreed": _rounded(one.agreed), "kappa": _rounded(one.kappa)}
                      for one in found.agreement]}
