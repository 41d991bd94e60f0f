"""Taking reports in, and giving them back."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from knowledge_base.storage.feedback import corrections_of, outcomes_of, withheld_from
from knowledge_base.storage.records import Correction, StoredReport
from knowledge_base.storage.reports import find_report
from models.contract import Report
from serving import intake
from serving.auth import Caller
from serving.batch import NdjsonResponse, answers
from serving.dependencies import (
    Admission,
    Intake,
    IntakeOrReviewer,
    ServicesOf,
    body_schema,
    json_body,
)
from serving.schemas import ReportIn
from serving.services import Services

router = APIRouter(prefix="/v1", tags=["reports"])
ReportBody = Annotated[ReportIn, Depends(json_body(ReportIn))]


def json_response(body: str) -> Response:
    """Return JSON that is ready as text."""
    return Response(body.encode(), media_type="application/json")


@router.post("/reports", openapi_extra=body_schema(ReportIn))
async def post_report(services: ServicesOf, _caller: Intake, _admission: Admission, sent: ReportBody) -> Response:
    """Record a report, score it, route it."""
    return json_response(await intake.record(services, sent.report()))


@router.post("/predict", openapi_extra=body_schema(ReportIn))
async def post_predict(services: ServicesOf, _caller: Intake, _admission: Admission, sent: ReportBody) -> Response:
    """Answer a report without storing it."""
    return json_response(await intake.predict(services, sent.report()))


@router.post("/reports:batch", openapi_extra=body_schema(ReportIn, "application/x-ndjson"),
             response_class=NdjsonResponse)
async def post_batch(services: ServicesOf, caller: Intake, _admission: Admission, request: Request) -> Response:
    """Record many reports, one JSON a line, answered in order; a bad line answers an error line."""
    return NdjsonResponse(answers(services, request, caller.actor))


@router.get("/reports/{report_id}")
async def get_report(services: ServicesOf, caller: IntakeOrReviewer, report_id: str) -> dict[str, Any]:
    """Return a stored report with its prediction, corrections and outcomes.

    A reviewer who is about to give the second reading does not see the first.
    """
    return await asyncio.to_thread(_full_report, services, report_id, caller)


def _full_report(services: Services, report_id: str, caller: Caller) -> dict[str, Any]:
    stored = find_report(services.database, report_id)
    withheld = caller.role == "reviewer" and withheld_from(services.database, report_id, caller.actor)
    corrections = [correction_sent(correction) for correction in corrections_of(services.database, report_id)
                   if not withheld]
    outcomes = [{"handled_by": outcome.handled_by, "co_handlers": list(outcome.co_handlers),
                 "finding": outcome.finding, "closed_at": outcome.closed_at, "recorded_at": outcome.recorded_at}
                for outcome in outcomes_of(services.database, report_id)]
    return {**summary(stored), "corrections": corrections, "outcomes": outcomes} | (
        {"withheld": True} if withheld else {})


def correction_sent(correction: Correction) -> dict[str, Any]:
    """Return an entry of the corrections as it is sent."""
    return {"number": correction.number, "field": correction.field, "value": correction.value,
            "reason": correction.reason, "by": correction.actor, "recorded_at": correction.recorded_at,
            "entry": correction.entry, "reading": correction.reading, "undoes": correction.undoes,
            "versions": {"bundle": correction.bundle, "knowledge_base": correction.knowledge_base},
            "hash": correction.hash}


def summary(stored: StoredReport) -> dict[str, Any]:
    """Return a stored report with its prediction, without who reported it."""
    return {"id": stored.report.id, "stored_at": stored.stored_at, "report": as_sent(stored.report),
            "prediction": json.loads(stored.body)}


def as_sent(report: Report) -> dict[str, Any]:
    """Return a report as it was sent, without the reporter's pseudonym."""
    return {"title": report.title, "text": report.text,
            "received_at": report.received_at.isoformat() if report.received_at else None,
            "region": report.region, "channel": report.channel, "reporter": {"anonymous": report.anonymous},
            "attachments": [{"type": kind, "count": count} for kind, count in report.attachments]}
