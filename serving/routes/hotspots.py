"""Events and surges that stand above their own past."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from knowledge_base.storage.daily_counts import growing_events
from serving.dependencies import Reviewer, ServicesOf
from serving.hotspot_sections import MOST_LISTED, PAST_WEEKS, WEEK_DAYS, hotspots
from serving.services import Services

router = APIRouter(prefix="/v1", tags=["hotspots"])


def _hotspots(services: Services) -> dict[str, Any]:
    now = services.clock()
    seconds = int(now.timestamp())
    findings, cells = services.hotspot_counts.look(seconds)
    with services.database.reading() as connection:
        events = growing_events(connection, seconds, WEEK_DAYS, WEEK_DAYS * PAST_WEEKS, MOST_LISTED)
    return hotspots(now, findings, cells, events, services.active.core.knowledge_base)


@router.get("/hotspots")
async def get_hotspots(services: ServicesOf, _caller: Reviewer) -> dict[str, Any]:
    """Return growing events, and categories by region with more reports than their own past explains."""
    return await asyncio.to_thread(_hotspots, services)
