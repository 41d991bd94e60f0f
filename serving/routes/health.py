"""Liveness, readiness, metrics: open to all, and without content."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from knowledge_base.storage.errors import StorageError
from serving.dependencies import ServicesOf
from serving.services import Services

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def get_health() -> dict[str, str]:
    """Tell that the process answers."""
    return {"status": "ok"}


def _database_answers(services: Services) -> bool:
    try:
        with services.database.reading() as connection:
            return bool(connection.execute(text("SELECT 1")).scalar() == 1)
    except StorageError:
        return False


@router.get("/readyz")
async def get_readiness(services: ServicesOf) -> JSONResponse:
    """Tell which parts are ready."""
    parts: dict[str, Any] = {"database": False, "bundle": None, "knowledge_base": None, "index": None}
    if services.ready:
        core, index = services.active.core, services.active.index
        parts = {"database": await asyncio.to_thread(_database_answers, services), "bundle": core.bundle.version,
                 "knowledge_base": core.knowledge_base.version, "index": {"reports": len(index)}}
    ready = services.ready and parts["database"]
    return JSONResponse({"ready": ready, "parts": parts}, 200 if ready else 503,
                        {} if ready else {"Retry-After": "1"})


@router.get("/metrics")
async def get_metrics(services: ServicesOf) -> Response:
    """Return the metrics in Prometheus' text format."""
    return Response(services.telemetry.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})
