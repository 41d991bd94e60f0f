"""Taking a new bundle or knowledge base without dropping a request."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from knowledge_base.errors import KnowledgeBaseError
from models.bundle import BundleError
from serving.dependencies import Admin, ServicesOf, body_schema, parse, read_body
from serving.errors import ProblemError
from serving.schemas import ReloadIn

router = APIRouter(prefix="/v1/admin", tags=["admin"])


@router.post("/reload", openapi_extra=body_schema(ReloadIn))
async def post_reload(services: ServicesOf, _caller: Admin, request: Request) -> dict[str, Any]:
    """Load bundle and knowledge base again from where they were loaded; what is refused leaves the old in force."""
    body = await read_body(request)
    part = parse(ReloadIn, body).part if body.strip() else "all"
    try:
        core = await services.reload(part)
    except BundleError as error:
        raise ProblemError(422, "invalid_bundle", str(error)) from error
    except KnowledgeBaseError as error:
        faults = [{"field": f"{fault.file}:{fault.line}:{fault.field}", "message": fault.expected}
                  for fault in error.faults]
        raise ProblemError(422, "invalid_knowledge_base", str(error), errors=faults) from error
    return {"reloaded": part, "versions": {"bundle": core.bundle.version,
                                           "knowledge_base": core.knowledge_base.version}}
