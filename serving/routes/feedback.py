"""Corrections by reviewers and outcomes from intake."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from knowledge_base.loading import KnowledgeBase
from knowledge_base.storage.chain_head import head_path, keep_head
from knowledge_base.storage.errors import StorageError, UndoError, UnknownReportError
from knowledge_base.storage.feedback import add_corrections, add_outcome, undo_correction
from knowledge_base.storage.records import Change, Correction, Outcome
from knowledge_base.storage.reports import find_report
from knowledge_base.storage.standing import DUPLICATE_FIELDS
from serving.auth import Caller
from serving.dependencies import Intake, Reviewer, ServicesOf, body_schema, json_body
from serving.errors import invalid
from serving.routes.reports import correction_sent
from serving.schemas import CorrectionIn, OutcomeIn, ReviewIn, UndoIn
from serving.services import Services
from serving.telemetry import log_failure

router = APIRouter(prefix="/v1", tags=["feedback"])


def check_department(code: str, field: str, knowledge_base: KnowledgeBase) -> None:
    """Refuse a department that the knowledge base in force lacks.

    Raises:
        ProblemError: 422.
    """
    if code not in knowledge_base.department_codes:
        raise invalid(field, "expected a department code of GET /v1/departments")


def _check(services: Services, report_id: str, sent: CorrectionIn, at: str = "value") -> None:
    knowledge_base = services.active.core.knowledge_base
    if sent.field == "category" and sent.value not in knowledge_base.taxonomy:
        raise invalid(at, "expected a category code of GET /v1/taxonomy")
    departments = map(str, sent.value if isinstance(sent.value, list) else [sent.value])
    if sent.field in ("lead_department", "co_departments"):
        for code in departments:
            check_department(code, at, knowledge_base)
    if sent.field in DUPLICATE_FIELDS:
        if sent.value == report_id:
            raise invalid(at, "expected the id of another report")
        try:
            find_report(services.database, str(sent.value))
        except UnknownReportError:
            raise invalid(at, "expected the id of a stored report") from None


def _keep_head(services: Services) -> None:
    """Keep the head of the chain beside the database; what was entered is safe whether or not that works."""
    try:
        keep_head(services.database, head_path(services.settings.database_path))
    except (OSError, StorageError) as error:
        log_failure("chain_head_failed", error)


def _enter(services: Services, report_id: str, sent: list[CorrectionIn], actor: str, *,
           whole: bool) -> list[Correction]:
    find_report(services.database, report_id)
    for number, one in enumerate(sent):
        _check(services, report_id, one, f"corrections.{number}.value" if whole else "value")
    made = add_corrections(services.database, report_id, [Change(one.field, one.value, one.reason) for one in sent],
                           actor, confirm_others=whole)
    _keep_head(services)
    return made


@router.post("/reports/{report_id}/corrections", openapi_extra=body_schema(CorrectionIn))
async def post_correction(services: ServicesOf, caller: Reviewer, report_id: str,
                          sent: Annotated[CorrectionIn, Depends(json_body(CorrectionIn))]) -> dict[str, Any]:
    """Append a reviewer's correction; the value as predicted confirms it."""
    made = await asyncio.to_thread(_enter, services, report_id, [sent], caller.actor, whole=False)
    return {"id": report_id, "correction": correction_sent(made[0])}


@router.post("/reports/{report_id}/review", openapi_extra=body_schema(ReviewIn))
async def post_review(services: ServicesOf, caller: Reviewer, report_id: str,
                      sent: Annotated[ReviewIn, Depends(json_body(ReviewIn))]) -> dict[str, Any]:
    """Append a whole reading at once: corrections, and confirmations of the labels that they do not name."""
    made = await asyncio.to_thread(_enter, services, report_id, sent.corrections, caller.actor, whole=True)
    return {"id": report_id, "corrections": [correction_sent(one) for one in made]}


def _undo(services: Services, report_id: str, sent: UndoIn, caller: Caller) -> dict[str, Any]:
    try:
        made = undo_correction(services.database, report_id, sent.number, sent.reason, caller.actor,
                               may_see_all=caller.role != "reviewer")
    except UndoError:
        raise invalid("number", "expected the number of a correction of this report that is in force") from None
    _keep_head(services)
    return {"id": report_id, "correction": correction_sent(made)}


@router.post("/reports/{report_id}/undo", openapi_extra=body_schema(UndoIn))
async def post_undo(services: ServicesOf, caller: Reviewer, report_id: str,
                    sent: Annotated[UndoIn, Depends(json_body(UndoIn))]) -> dict[str, Any]:
    """Take a correction back by a new entry."""
    return await asyncio.to_thread(_undo, services, report_id, sent, caller)


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
