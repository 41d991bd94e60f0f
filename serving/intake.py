"""Answering a report and, for intake, storing it before the answer is sent."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import numpy as np

from knowledge_base.storage.records import NewAnswer, StoredAnswer
from knowledge_base.storage.reports import store_report, stored_answer
from knowledge_base.storage.signals import signals_of
from models.contract import Prediction, Report
from serving.engine import Answered
from serving.errors import overloaded
from serving.schemas import content_hash
from serving.services import Active, Services
from serving.telemetry import log_failure


def as_json(body: dict[str, Any]) -> str:
    """Return the JSON of an answer as it is stored and sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


async def scored(services: Services, active: Active, report: Report) -> Prediction:
    """Return what the network says of a report.

    Raises:
        ProblemError: 503, where the network fails.
    """
    try:
        with services.telemetry.stage("predict"):
            return await active.batcher.predict(report)
    except Exception as error:
        log_failure("predict_failed", error, "predict")
        raise overloaded("the network could not score this report; nothing was stored") from None


async def predict(services: Services, report: Report) -> str:
    """Return the JSON of the answer to a report; nothing is stored."""
    started = time.perf_counter()
    with services.borrow() as active:
        prediction = await scored(services, active, report)
        answered = await asyncio.to_thread(active.engine.consider, report, prediction, started)
    _count(services, answered)
    return as_json(answered.body)


async def replayed(services: Services, report: Report) -> str | None:
    """Return the JSON stored for this id and content, or None where the id is new.

    Raises:
        IdConflictError: the id is stored with other content.
    """
    stored = await asyncio.to_thread(stored_answer, services.database, report.id, content_hash(report))
    return stored.body if stored else None


async def record(services: Services, report: Report) -> str:
    """Return the JSON of the answer to a report, which is stored when this returns.

    Raises:
        IdConflictError: the id is stored with other content.
        ProblemError: 503, where the network fails.
    """
    if (body := await replayed(services, report)) is not None:
        return body
    started = time.perf_counter()
    with services.borrow() as active:
        prediction = await scored(services, active, report)
        return await conclude(services, active, report, prediction, started)


async def conclude(services: Services, active: Active, report: Report, prediction: Prediction,
                   started: float) -> str:
    """Consider and store a scored report, one at a time, so that each sees all those stored before it."""
    async with services.storing:
        work = asyncio.ensure_future(asyncio.to_thread(_consider_and_store, services, active, report, prediction,
                                                       started))
        try:
            answered, stored = await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise
    if stored.created:
        services.telemetry.stored.inc()
        _count(services, answered)
    return stored.body


def _consider_and_store(services: Services, active: Active, report: Report, prediction: Prediction,
                        started: float) -> tuple[Answered, StoredAnswer]:
    answered = active.engine.consider(report, prediction, started)

    def render(event_id: str | None) -> str:
        if event_id is not None:
            answered.body["duplicate"]["event_id"] = event_id
        return as_json(answered.body)

    with services.telemetry.stage("store"):
        stored = store_report(services.database, _new_answer(report, answered, active), render)
    if stored.created:
        active.index.add(stored.sequence, prediction.embedding)
    return answered, stored


def _new_answer(report: Report, answered: Answered, active: Active) -> NewAnswer:
    body, prediction = answered.body, answered.prediction
    certainty = min(body["category"]["probability"], body["lead_department"]["probability"])
    head_lead = active.core.predictor.department_labels[int(np.argmax(prediction.lead))]
    return NewAnswer(
        report=report, content_hash=content_hash(report), embedding=prediction.embedding,
        embedding_space=active.space, places=answered.places, kind=body["kind"]["label"],
        category=body["category"]["code"], urgency=body["urgency"]["level"], lead=body["lead_department"]["code"],
        verifiability=int(np.argmax(prediction.verifiability)) + 1, route=body["decision"]["route"],
        certainty=certainty,
        bundle=body["versions"]["bundle"], knowledge_base=body["versions"]["knowledge_base"],
        duplicate_of=answered.matched, signals=signals_of(body, certainty, head_lead))


def _count(services: Services, answered: Answered) -> None:
    decision = answered.body["decision"]
    services.telemetry.decided(decision["route"], decision["reasons"], answered.degraded)
