"""The review queue, its figures, and corrections as training rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from knowledge_base.storage.drawing import Asker
from knowledge_base.storage.review import Offered, Request, corrected_reports, offer, release
from knowledge_base.storage.statistics import statistics
from serving.dependencies import Reviewer, Scientist, ServicesOf, body_schema, json_body
from serving.export import training_row
from serving.figures import day_began, figures
from serving.routes.reports import summary
from serving.schemas import ReleaseIn
from serving.services import Services
from serving.wording import DECISION_REASONS, named, why_asked

router = APIRouter(prefix="/v1/review", tags=["review"])
Strategy = Literal["mixed", "uncertain", "diverse", "valuable", "urgent", "recent", "random", "second", "adjudicate"]


def _entry(offered: Offered) -> dict[str, Any]:
    shown = summary(offered.stored)
    codes = shown["prediction"]["decision"]["reasons"]
    words = why_asked(offered.draw.code, offered.draw.value)
    until = datetime.fromtimestamp(offered.until, UTC).isoformat() if offered.until is not None else None
    entry = {"reason": "；".join(filter(None, (named(codes, DECISION_REASONS), words))), "reason_codes": codes,
             "why": {"strategy": offered.draw.part, "code": offered.draw.code, "value": offered.draw.value,
                     "words": words}, "lease": {"until": until}, **shown}
    if offered.draw.part == "adjudicate":
        entry["disagreements"] = [{"field": one.field, "first": one.first, "second": one.second,
                                   "readers": list(one.readers)} for one in offered.disagreements]
    return entry


@router.get("/queue")
async def get_queue(services: ServicesOf, caller: Reviewer, strategy: Strategy = "mixed",
                    limit: Annotated[int, Query(ge=1, le=100)] = 20,
                    lease_s: Annotated[int, Query(ge=0, le=3_600)] = 600) -> dict[str, Any]:
    """Return what to look at next, with the reason for each, kept for the caller for ``lease_s`` seconds."""
    asker = Asker(caller.actor, services.clock().timestamp(), services.active.space)
    found, waiting = await asyncio.to_thread(offer, services.database, Request(strategy, limit, asker, lease_s))
    return {"strategy": strategy, "waiting": waiting, "queue": [_entry(one) for one in found]}


@router.post("/release", openapi_extra=body_schema(ReleaseIn))
async def post_release(services: ServicesOf, caller: Reviewer,
                       sent: Annotated[ReleaseIn, Depends(json_body(ReleaseIn))]) -> dict[str, int]:
    """Give back what the queue kept for the caller."""
    now = services.clock().timestamp()
    return {"released": await asyncio.to_thread(release, services.database, caller.actor, now, sent.ids)}


@router.get("/statistics")
async def get_statistics(services: ServicesOf, _caller: Reviewer) -> dict[str, Any]:
    """Return the figures of the review desk."""
    now = services.clock()
    found = await asyncio.to_thread(statistics, services.database, day_began(now))
    return {"as_of": now.isoformat(), **figures(found)}


def _rows(services: Services) -> Iterator[bytes]:
    for stored in corrected_reports(services.database):
        row = training_row(services.database, stored)
        if row is not None:
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


@router.get("/export")
async def get_export(services: ServicesOf, _caller: Scientist) -> StreamingResponse:
    """Return the corrected reports as training rows, one JSON a line, without who reported them."""
    return StreamingResponse(_rows(services), media_type="application/x-ndjson",
                             headers={"Content-Disposition": 'attachment; filename="corrections.ndjson"'})
