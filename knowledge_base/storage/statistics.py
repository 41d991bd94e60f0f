"""Figures of the review desk: what was done today, how much is decided alone and how well, how far readers agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from math import sqrt
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from knowledge_base.storage.agreement import Agreement, agreements
from knowledge_base.storage.database import Database
from knowledge_base.storage.records import Correction
from knowledge_base.storage.review_tables import audit_links, review_states
from knowledge_base.storage.standing import ADJUDICATE, OPEN, SECOND, comparable, effective
from knowledge_base.storage.states import ENTRY_COLUMNS
from knowledge_base.storage.tables import answers, corrections

AUDITED_FIELDS = ("category", "lead_department")
Z_95 = 1.959964
_STATE = review_states.c


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How many of the reviewed reports were right."""

    reviewed: int
    right: int

    @property
    def share(self) -> float | None:
        """The accuracy, None where nothing was reviewed."""
        return self.right / self.reviewed if self.reviewed else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval (Wilson, Probable Inference, 1927)."""
        n = self.reviewed
        if n == 0:
            return None
        share, z = self.right / n, Z_95
        centre = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, slots=True)
class Work:
    """What was entered since a moment, by everyone (``actor`` None) or by one reviewer."""

    actor: str | None
    reports: int
    entries: int


@dataclass(frozen=True, slots=True)
class AuditSample:
    """The automatic decisions of the audit sample, and how many of those reviewed were right, in all and by field."""

    automatic: int
    overall: Accuracy
    fields: dict[str, Accuracy]


@dataclass(frozen=True, slots=True)
class Statistics:
    """The figures of the review desk; ``second_done`` counts reports with two readings."""

    today: list[Work]
    stages: dict[str, int]
    reports: int
    automatic: int
    audit: AuditSample
    second_done: int
    agreement: list[Agreement]


def statistics(database: Database, day_began: str) -> Statistics:
    """Return the figures; ``day_began`` is RFC 3339 in UTC, as entries are recorded."""
    with database.reading() as connection:
        stages, routes = _counts(connection, _STATE.stage), _counts(connection, _STATE.route)
        twice = list(_entries_by_report(connection, _STATE.second_reader.is_not(None)))
        return Statistics(_today(connection, day_began),
                          {stage: stages.get(stage, 0) for stage in (OPEN, SECOND, ADJUDICATE)},
                          sum(routes.values()), routes.get("auto", 0), _audit(connection), len(twice),
                          agreements(twice))


def _counts(connection: Connection, column: ColumnElement[str]) -> dict[str, int]:
    return {name: count for name, count in connection.execute(select(column, func.count()).group_by(column)).all()}


def _today(connection: Connection, day_began: str) -> list[Work]:
    counts = (func.count(corrections.c.report_id.distinct()), func.count())
    since = corrections.c.recorded_at >= day_began
    total = connection.execute(select(*counts).where(since)).one()
    by = connection.execute(select(corrections.c.actor, *counts).where(since).group_by(corrections.c.actor)
                            .order_by(corrections.c.actor)).all()
    return [Work(None, *total), *(Work(*row) for row in by)]


def _entries_by_report(connection: Connection, condition: ColumnElement[bool]) -> Iterator[list[Correction]]:
    query = (select(*ENTRY_COLUMNS)
             .join(audit_links, audit_links.c.correction == corrections.c.number, isouter=True)
             .join(review_states, _STATE.report_id == corrections.c.report_id).where(condition)
             .order_by(corrections.c.report_id, corrections.c.number))
    rows = (Correction(**row) for row in connection.execute(query).mappings())
    for _, entries in groupby(rows, key=lambda entry: entry.report_id):
        yield list(entries)


def _audit(connection: Connection) -> AuditSample:
    sampled = and_(_STATE.route == "auto", _STATE.audited.is_(True))
    automatic = connection.execute(select(func.count()).select_from(review_states).where(sampled)).scalar_one()
    reviewed = and_(sampled, _STATE.stage != OPEN)
    predicted = {row.report_id: {"category": row.category, "lead_department": row.lead} for row in connection.execute(
        select(answers.c.report_id, answers.c.category, answers.c.lead)
        .join(review_states, _STATE.report_id == answers.c.report_id).where(reviewed)).all()}
    found: list[dict[str, bool]] = []
    for entries in _entries_by_report(connection, reviewed):
        stated: dict[str, Any] = {entry.field: entry.value for entry in effective(entries)}
        before = predicted[entries[0].report_id]
        found.append({field: comparable(field, stated[field]) == comparable(field, before[field])
                      for field in AUDITED_FIELDS if field in stated})
    judged = [one for one in found if len(one) == len(AUDITED_FIELDS) or not all(one.values())]
    fields = {field: Accuracy(sum(field in one for one in found), sum(one.get(field, False) for one in found))
              for field in AUDITED_FIELDS}
    return AuditSample(automatic, Accuracy(len(judged), sum(all(one.values()) for one in judged)), fields)
