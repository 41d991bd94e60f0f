"""Many reports in one request: lines are scored together, stored and answered in the order sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from knowledge_base.storage.errors import StorageError
from models.contract import Prediction, Report
from serving import intake
from serving.dependencies import parse, too_large
from serving.errors import ProblemError, storage_problem
from serving.schemas import ReportIn
from serving.services import Active, Services
from serving.telemetry import log_failure

AHEAD = 32
MOST_WAITING_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the request; ``content`` is None where the line was over the limit."""

    number: int
    content: bytes | None


async def lines_of(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[Line]:
    """Yield the lines of a stream that are not blank, none held beyond ``limit`` bytes."""
    number, pending, overlong = 1, bytearray(), False
    async for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            overlong = overlong or len(pending) + len(part) > limit
            line = None if overlong else bytes(pending + part)
            pending.clear()
            if line is None or line.strip():
                yield Line(number, line)
            number, overlong = number + 1, False
        overlong = overlong or len(pending) + len(rest) > limit
        if overlong:
            pending.clear()
        else:
            pending += rest
    if overlong or pending.strip():
        yield Line(number, None if overlong else bytes(pending))


class _Intake:
    """Takes lines in while answers go out, so that a client may send all before it reads; bounded in bytes."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[Line | None] = asyncio.Queue()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def fill(self, lines: AsyncIterator[Line]) -> None:
        try:
            async for line in lines:
                await self._room.wait()
                self._bytes += len(line.content or b"")
                if self._bytes > MOST_WAITING_BYTES:
                    self._room.clear()
                self._lines.put_nowait(line)
        except ClientDisconnect:
            pass
        finally:
            self._lines.put_nowait(None)

    async def next(self) -> Line | None:
        line = await self._lines.get()
        if line is not None:
            self._bytes -= len(line.content or b"")
            if self._bytes <= MOST_WAITING_BYTES:
                self._room.set()
        return line


@dataclass(frozen=True, slots=True)
class _Scored:
    report: Report
    started: float
    prediction: Prediction | None


_Work = asyncio.Queue[tuple[Line, asyncio.Task[_Scored]] | None]


async def _score(services: Services, active: Active, line: Line) -> _Scored:
    if line.content is None:
        raise too_large(services.settings.max_body_bytes)
    report = parse(ReportIn, line.content).report()
    started = time.perf_counter()
    if await intake.replayed(services, report) is not None:
        return _Scored(report, started, None)
    return _Scored(report, started, await intake.scored(services, active, report))


async def _answer(services: Services, active: Active, line: Line, scoring: asyncio.Task[_Scored]) -> str:
    try:
        scored = await scoring
        if scored.prediction is None:
            return await intake.record(services, scored.report)
        return await intake.conclude(services, active, scored.report, scored.prediction, scored.started)
    except ProblemError as problem:
        return _error_line(line, problem)
    except StorageError as error:
        return _error_line(line, storage_problem(error))
    except Exception as error:
        log_failure("line_failed", error)
        return _error_line(line, ProblemError(500, "internal", "this line failed; it is in the log by time and place"))


def _error_line(line: Line, problem: ProblemError) -> str:
    return json.dumps({"line": line.number, **problem.document()}, ensure_ascii=False)


async def _feed(services: Services, active: Active, taken: _Intake, actor: str, at_work: _Work) -> None:
    """Start to score lines as they come, at most ``AHEAD`` before the one being answered."""
    while (line := await taken.next()) is not None:
        await _pace(services, actor)
        await at_work.put((line, asyncio.create_task(_score(services, active, line))))
    await at_work.put(None)


async def answers(services: Services, request: Request, actor: str) -> AsyncIterator[bytes]:
    """Yield one line of JSON for each line of the request, in order; a bad line yields an error line."""
    taken = _Intake()
    at_work: _Work = asyncio.Queue(AHEAD)
    with services.borrow() as active:
        lines = lines_of(request.stream(), services.settings.max_body_bytes)
        feeders = [asyncio.create_task(taken.fill(lines)),
                   asyncio.create_task(_feed(services, active, taken, actor, at_work))]
        try:
            while (begun := await at_work.get()) is not None:
                yield (await _answer(services, active, *begun)).encode() + b"\n"
        finally:
            for feeder in feeders:
                feeder.cancel()
            await asyncio.gather(*feeders, return_exceptions=True)
            while not at_work.empty():
                if (left := at_work.get_nowait()) is not None:
                    left[1].cancel()
                    await asyncio.gather(left[1], return_exceptions=True)


async def _pace(services: Services, actor: str) -> None:
    while (delay := services.limiter.delay(actor)) > 0:
        await asyncio.sleep(delay)


class NdjsonResponse(Response):
    """Sends lines while the request's body is still being read; the stock response would read that body away."""

    media_type = "application/x-ndjson"

    def __init__(self, lines: AsyncIterator[bytes], status_code: int = 200) -> None:
        self._lines = lines
        self.status_code = status_code
        self.background = None
        self.body = b""
        self.init_headers({"X-Accel-Buffering": "no"})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for line in self._lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
