"""Around every request: its log line, its metrics, security headers, and no traceback outside."""

from __future__ import annotations

import time
import uuid

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ProblemError
from serving.telemetry import Telemetry, log_failure, logger

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
                               "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
}


class Observation:
    """Pure ASGI, so that streamed bodies pass through unbuffered."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and say so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status, request_id = time.perf_counter(), 0, uuid.uuid4().hex
        head, scope = scope["method"] == "HEAD", _as_get(scope)

        async def observed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(scope, receive, observed)
        except Exception as error:
            log_failure("request_failed", error)
            if status == 0:
                await ProblemError(500, "internal", "the service failed; the log names the place, by X-Request-Id"
                                   ).response()(scope, receive, observed)
        finally:
            self._tell(scope, "HEAD" if head else scope["method"], status, time.perf_counter() - started, request_id)

    def _tell(self, scope: Scope, method: str, status: int, seconds: float, request_id: str) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = method if method in METHODS else "other"
        self._telemetry.requests.labels(method, route, str(status)).inc()
        self._telemetry.request_seconds.labels(route).observe(seconds)
        logger.info("request", extra={
            "event": "request", "method": method, "route": route, "status": status,
            "duration_ms": round(seconds * 1000, 1), "role": scope.get("state", {}).get("role"),
            "request": request_id})


def _as_get(scope: Scope) -> Scope:
    """Return a request that asks for the head alone as the GET that it stands for (RFC 9110, 9.3.2)."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
