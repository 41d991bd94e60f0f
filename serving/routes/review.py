"""The review queue, and corrections as training rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from knowledge_base.storage.records import StoredReport
from knowledge_base.storage.review import corrected_reports, open_reports
from serving.dependencies import Reviewer, Scientist, ServicesOf
from serving.export import training_row
from serving.routes.reports import summary
from serving.services import Services
from serving.wording import DECISION_REASONS, named

router = APIRouter(prefix="/v1/review", tags=["review"])


def reason_zh(strategy: str, prediction: dict[str, Any]) -> str:
    """Return, in Chinese, why a report is in the queue."""
    category, lead = prediction["category"], prediction["lead_department"]
    numbers = f"类别概率{category['probability']:.2f}，主办概率{lead['probability']:.2f}"
    by_strategy = {"urgent": f"紧急程度：{prediction['urgency']['label']}", "recent": "最近收到",
                   "random": f"随机抽查（{numbers}）", "uncertain": numbers}
    codes = named(prediction["decision"]["reasons"], DECISION_REASONS)
    return "；".join(filter(None, (codes, by_strategy[strategy])))


def _entry(strategy: str, stored: StoredReport) -> dict[str, Any]:
    entry = summary(stored)
    return {"reason": reason_zh(strategy, entry["prediction"]),
            "reason_codes": entry["prediction"]["decision"]["reasons"], **entry}


@router.get("/queue")
async def get_queue(services: ServicesOf, _caller: Reviewer,
                    strategy: Literal["uncertain", "urgent", "recent", "random"] = "uncertain",
                    limit: Annotated[int, Query(ge=1, le=100)] = 20) -> dict[str, Any]:
    """Return what to look at next, with the reason for each."""
    found, waiting = await asyncio.to_thread(open_reports, services.database, strategy, limit)
    return {"strategy": strategy, "waiting": waiting, "queue": [_entry(strategy, stored) for stored in found]}


def _rows(services: Services) -> Iterator[bytes]:
    for stored in corrected_reports(services.database):
        row = training_row(services.database, stored)
        if row is not None:
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"


@router.get("/export")
async def get_export(services: ServicesOf, _caller: Scientist) -> StreamingResponse:
    """Return the corrected reports as training rows, one JSON a line, without who reported them."""
    return StreamingResponse(_rows(services), media_type="application/x-ndjson")
