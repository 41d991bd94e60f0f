"""Corrections by reviewers and outcomes from intake."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from knowledge_base.loading import KnowledgeBase
from knowledge_base.storage.errors import UnknownReportError
from knowledge_base.storage.feedback import DUPLICATE_FIELDS, add_correction, add_outcome
from knowledge_base.storage.records import Outcome
from knowledge_base.storage.reports import find_report
from serving.dependencies import Intake, Reviewer, ServicesOf, body_schema, json_body
from serving.errors import invalid
from serving.schemas import CorrectionIn, OutcomeIn
from serving.services import Services

router = APIRouter(prefix="/v1", tags=["feedback"])


def check_department(code: str, field: str, knowledge_base: KnowledgeBase) -> None:
    """Refuse a department that the knowledge base in force lacks.

    Raises:
        ProblemError: 422.
    """
    if code not in knowledge_base.department_codes:
        raise invalid(field, "expected a department code of GET /v1/departments")


def _check(services: Services, report_id: str, sent: CorrectionIn) -> None:
    knowledge_base = services.active.core.knowledge_base
    if sent.field == "category" and sent.value not in knowledge_base.taxonomy:
        raise invalid("value", "expected a category code of GET /v1/taxonomy")
    departments = map(str, sent.value if isinstance(sent.value, list) else [sent.value])
    if sent.field in ("lead_department", "co_departments"):
        for code in departments:
            check_department(code, "value", knowledge_base)
    if sent.field in DUPLICATE_FIELDS:
        if sent.value == report_id:
            raise invalid("value", "expected the id of another report")
        try:
            find_report(services.database, str(sent.value))
        except UnknownReportError:
            raise invalid("value", "expected the id of a stored report") from None


def _correct(services: Services, report_id: str, sent: CorrectionIn, actor: str) -> dict[str, Any]:
    find_report(services.database, report_id)
    _check(services, report_id, sent)
    made = add_correction(services.database, report_id, sent.field, sent.value, sent.reason, actor)
    return {"id": report_id, "correction": {"number": made.number, "field": made.field, "value": made.value,
                                            "reason": made.reason, "by": made.actor,
                                            "recorded_at": made.recorded_at}}


@router.post("/reports/{report_id}/corrections", openapi_extra=body_schema(CorrectionIn))
async def post_correction(services: ServicesOf, caller: Reviewer, report_id: str,
                          sent: Annotated[CorrectionIn, Depends(json_body(CorrectionIn))]) -> dict[str, Any]:
    """Append a reviewer's correction; the value as predicted confirms it."""
    return await asyncio.to_thread(_correct, services, report_id, sent, caller.actor)


def _conclude(services: Services, report_id: str, sent: OutcomeIn) -> dict[str, Any]:
    knowledge_base = services.active.core.knowledge_base
    if sent.handled_by is not None:
        check_department(sent.handled_by, "handled_by", knowledge_base)
    for number, code in enumerate(sent.co_handlers):
        check_department(code, f"co_handlers.{number}", knowledge_base)
    made = add_outcome(services.database, report_id,
                       Outcome(sent.handled_by, tuple(sent.co_handlers), sent.finding, sent.closed_at))
    return {"id": report_id, "outcome": {"handled_by": made.handled_by, "co_handlers": list(made.co_handlers),
                                         "finding": made.finding, "closed_at": made.closed_at,
                                         "recorded_at": made.recorded_at}}


@router.post("/reports/{report_id}/outcome", openapi_extra=body_schema(OutcomeIn))
async def post_outcome(services: ServicesOf, _caller: Intake, report_id: str,
                       sent: Annotated[OutcomeIn, Depends(json_body(OutcomeIn))]) -> dict[str, Any]:
    """Append what became of a report."""
    return await asyncio.to_thread(_conclude, services, report_id, sent)
