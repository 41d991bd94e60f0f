"""Errors as application/problem+json with stable codes; what a client sent is never repeated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from knowledge_base.storage.errors import IdConflictError, StorageUnavailableError, UnknownReportError

TITLES = {
    "unauthenticated": "No valid key", "forbidden": "Not allowed", "not_found": "Not found",
    "method_not_allowed": "Method not allowed", "id_conflict": "Id used for other content",
    "too_large": "Body too large", "invalid": "Invalid request", "invalid_bundle": "Bundle refused",
    "invalid_knowledge_base": "Knowledge base refused", "rate_limited": "Too many requests",
    "overloaded": "Overloaded", "internal": "Internal error", "bad_request": "Bad request",
}
_CODES_BY_STATUS = {401: "unauthenticated", 403: "forbidden", 404: "not_found", 405: "method_not_allowed",
                    413: "too_large", 422: "invalid", 429: "rate_limited", 503: "overloaded"}
_PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_MAX_LISTED = 20


class ProblemError(Exception):
    """A request that is answered with a problem document; ``detail`` never holds what the client sent."""

    def __init__(self, status: int, code: str, detail: str, *, field: str | None = None,
                 errors: Sequence[dict[str, str]] = (), retry_after_s: int | None = None) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s

    def document(self) -> dict[str, Any]:
        """Return the problem document of RFC 9457 with this project's members ``code``, ``field``, ``errors``."""
        document: dict[str, Any] = {"type": "about:blank", "title": TITLES[self.code], "status": self.status,
                                    "code": self.code, "detail": self.detail}
        if self.field is not None:
            document["field"] = self.field
        if self.errors:
            document["errors"] = list(self.errors)
        return document

    def response(self) -> JSONResponse:
        """Return the HTTP response."""
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s is not None else {}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return JSONResponse(self.document(), self.status, headers, media_type="application/problem+json")


def invalid(field: str, detail: str) -> ProblemError:
    """Return the 422 problem of one field."""
    return ProblemError(422, "invalid", detail, field=field, errors=[{"field": field, "message": detail}])


def overloaded(detail: str, retry_after_s: int = 1) -> ProblemError:
    """Return the 503 problem."""
    return ProblemError(503, "overloaded", detail, retry_after_s=retry_after_s)


def _field_path(location: Sequence[int | str]) -> str:
    parts = [str(part) if isinstance(part, int) or _PLAIN_NAME.fullmatch(part) else "(name withheld)"
             for part in location if part not in ("body", "query", "path")]
    return ".".join(parts) or "body"


def _message(error: dict[str, Any]) -> str:
    """Return pydantic's message where it cannot hold the input: ours come as ``value_error`` and are fixed texts."""
    message = str(error.get("msg", "invalid"))
    return message.removeprefix("Value error, ")


def validation_problem(errors: Sequence[dict[str, Any]]) -> ProblemError:
    """Return the 422 problem of pydantic's errors, without the input that they carry."""
    listed = [{"field": _field_path(error.get("loc", ())), "message": _message(error)}
              for error in errors[:_MAX_LISTED]]
    first = listed[0] if listed else {"field": "body", "message": "invalid"}
    return ProblemError(422, "invalid", f"{first['field']}: {first['message']}", field=first["field"], errors=listed)


def storage_problem(error: Exception) -> ProblemError:
    """Return the problem of a storage error."""
    if isinstance(error, IdConflictError):
        return ProblemError(409, "id_conflict", str(error), field="id")
    if isinstance(error, UnknownReportError):
        return ProblemError(404, "not_found", str(error))
    return overloaded("the database did not answer; nothing was stored, send the request again", 2)


def install_handlers(app: FastAPI) -> None:
    """Let every known exception answer as a problem document."""
    @app.exception_handler(ProblemError)
    async def on_problem(_request: Request, error: ProblemError) -> JSONResponse:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def on_validation(_request: Request, error: RequestValidationError) -> JSONResponse:
        return validation_problem(error.errors()).response()

    @app.exception_handler(HTTPException)
    async def on_http(_request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES_BY_STATUS.get(error.status_code, "bad_request")
        return ProblemError(error.status_code, code, TITLES[code]).response()

    async def on_storage(_request: Request, error: Exception) -> JSONResponse:
        return storage_problem(error).response()

    for kind in (IdConflictError, UnknownReportError, StorageUnavailableError):
        app.add_exception_handler(kind, on_storage)
