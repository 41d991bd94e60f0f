"""What routes take from a request: the services, the caller, a checked body, a place among those in flight."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, JsonValue, ValidationError
from starlette.requests import ClientDisconnect

from serving.auth import ANY_ROLE, Caller, require
from serving.errors import ProblemError, validation_problem
from serving.services import Services

Sent = TypeVar("Sent", bound=BaseModel)


def services_of(request: Request) -> Services:
    """Return the running services.

    Raises:
        ProblemError: 503 while the application starts or stops.
    """
    services: Services = request.app.state.services
    return services


async def admission(request: Request) -> AsyncIterator[None]:
    """Hold a place among the requests in flight."""
    services = services_of(request)
    with services.in_flight.admit():
        services.telemetry.in_flight.set(services.in_flight.count)
        try:
            yield
        finally:
            services.telemetry.in_flight.set(services.in_flight.count - 1)


async def read_body(request: Request) -> bytes:
    """Return the body, read no further than the settings' limit of bytes and no longer than their seconds.

    Raises:
        ProblemError: 413 over the limit, whether or not a length was announced; 400 where it does not come whole.
    """
    settings = services_of(request).settings
    limit = settings.max_body_bytes
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and len(announced) < 19 and int(announced) > limit:
        raise too_large(limit)
    body = bytearray()
    try:
        async with asyncio.timeout(settings.body_within_s):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large(limit)
    except TimeoutError:
        raise ProblemError(400, "bad_request",
                           f"the body was not complete within {settings.body_within_s:g} seconds") from None
    except ClientDisconnect:
        raise ProblemError(400, "bad_request", "the connection closed before the body was complete") from None
    return bytes(body)


def too_large(limit: int) -> ProblemError:
    """Return the 413 problem."""
    return ProblemError(413, "too_large", f"the body is over {limit} bytes")


def parse(model: type[Sent], body: bytes) -> Sent:
    """Return the checked content of a JSON body.

    Raises:
        ProblemError: 422, naming the field; what was sent is not repeated.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(422, "invalid", f"the body is not UTF-8 (byte {error.start})", field="body") from None
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise validation_problem([dict(one) for one in error.errors(
            include_url=False, include_input=False, include_context=False)]) from None


def json_body(model: type[Sent]) -> Callable[[Request], Awaitable[Sent]]:
    """Return a dependency that reads and checks a JSON body."""
    async def read(request: Request) -> Sent:
        return parse(model, await read_body(request))

    return read


def body_schema(model: type[BaseModel], media_type: str = "application/json") -> dict[str, Any]:
    """Return the OpenAPI part that describes a body read by ``json_body``."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def inlined(node: JsonValue) -> JsonValue:
        if isinstance(node, dict):
            if "$ref" in node:
                return inlined(definitions[str(node["$ref"]).rsplit("/", 1)[-1]])
            return {name: inlined(value) for name, value in node.items()}
        return [inlined(value) for value in node] if isinstance(node, list) else node

    return {"requestBody": {"required": True, "content": {media_type: {"schema": inlined(schema)}}}}


ServicesOf = Annotated[Services, Depends(services_of)]
Intake = Annotated[Caller, Depends(require("intake"))]
Reviewer = Annotated[Caller, Depends(require("reviewer"))]
IntakeOrReviewer = Annotated[Caller, Depends(require("intake", "reviewer"))]
Scientist = Annotated[Caller, Depends(require("scientist"))]
Admin = Annotated[Caller, Depends(require("admin"))]
Anyone = Annotated[Caller, Depends(require(*ANY_ROLE))]
Admission = Annotated[None, Depends(admission)]
