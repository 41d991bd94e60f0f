"""Events and surges that stand above their own past."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter

from knowledge_base.loading import KnowledgeBase
from knowledge_base.storage.hotspots import CellCount, EventCount, cell_counts, event_counts
from serving.dependencies import Reviewer, ServicesOf
from serving.sections import category_path
from serving.services import Services

router = APIRouter(prefix="/v1", tags=["hotspots"])
WINDOW_DAYS = 7
PAST_WEEKS = 8
MOST_LISTED = 50
FEWEST_REPORTS = 3
LEAST_EXPECTED = 0.5
SURGE_P = 0.01


def poisson_tail(count: int, expected: float) -> float:
    """Return the probability of ``count`` or more events where ``expected`` are expected (Poisson)."""
    below = sum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(count))
    return max(0.0, 1.0 - below)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _event(event: EventCount, knowledge_base: KnowledgeBase) -> dict[str, Any]:
    past = event.before / PAST_WEEKS
    return {"event_id": event.event_id, "first_report": event.first_report, "title": event.title,
            "category": event.category, "path": category_path(event.category, knowledge_base),
            "region": event.region, "reports": event.reports, "last_7_days": event.recent,
            "weekly_mean_before": round(past, 3), "growth": round(event.recent - past, 3),
            "first_at": _moment(event.first_at), "last_at": _moment(event.last_at)}


def _surge(cell: CellCount, knowledge_base: KnowledgeBase) -> dict[str, Any] | None:
    past = cell.before / PAST_WEEKS
    chance = poisson_tail(cell.recent, max(past, LEAST_EXPECTED))
    if cell.recent < FEWEST_REPORTS or chance >= SURGE_P:
        return None
    return {"category": cell.category, "path": category_path(cell.category, knowledge_base), "region": cell.region,
            "last_7_days": cell.recent, "weekly_mean_before": round(past, 3),
            "ratio": round(cell.recent / max(past, LEAST_EXPECTED), 2), "p_value": float(f"{chance:.3g}")}


def _hotspots(services: Services) -> dict[str, Any]:
    knowledge_base = services.active.core.knowledge_base
    now = services.clock()
    window = (int(now.timestamp()), WINDOW_DAYS, WINDOW_DAYS * PAST_WEEKS)
    events = [_event(event, knowledge_base) for event in event_counts(services.database, *window, MOST_LISTED)]
    surges = [surge for cell in cell_counts(services.database, *window)
              if (surge := _surge(cell, knowledge_base)) is not None]
    return {"as_of": now.isoformat(), "events": sorted(events, key=lambda event: -event["growth"]),
            "surges": sorted(surges, key=lambda surge: surge["p_value"])[:MOST_LISTED]}


@router.get("/hotspots")
async def get_hotspots(services: ServicesOf, _caller: Reviewer) -> dict[str, Any]:
    """Return growing events, and categories by region with more reports in 7 days than the 8 weeks before explain."""
    return await asyncio.to_thread(_hotspots, services)
