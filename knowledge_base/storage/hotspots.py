"""Counting reports by event and by category and region over time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, case, func, select

from knowledge_base.storage.database import Database
from knowledge_base.storage.events import event_id
from knowledge_base.storage.tables import answers, event_members, reports

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class EventCount:
    """An event: reports in all, in the window and in the past before it."""

    event_id: str
    first_report: str
    title: str
    category: str
    region: str | None
    reports: int
    recent: int
    before: int
    first_at: int
    last_at: int


@dataclass(frozen=True, slots=True)
class CellCount:
    """Reports of a category in a region, in the window and in the past before it."""

    category: str
    region: str | None
    recent: int
    before: int


def _counts(now: int, window_days: int, past_days: int) -> tuple[ColumnElement[int], ColumnElement[int]]:
    start = now - window_days * DAY_SECONDS
    at = reports.c.effective_at
    recent = func.sum(case(((at > start) & (at <= now), 1), else_=0))
    before = func.sum(case(((at <= start) & (at > start - past_days * DAY_SECONDS), 1), else_=0))
    return recent, before


def event_counts(database: Database, now: int, window_days: int, past_days: int, limit: int) -> list[EventCount]:
    """Return the events with two or more reports of which one is recent, most recent reports first."""
    recent, before = (column.label(name) for column, name in
                      zip(_counts(now, window_days, past_days), ("recent", "before"), strict=True))
    at = reports.c.effective_at
    counted = (select(event_members.c.event_number, func.count().label("reports"), recent, before,
                      func.min(at).label("first_at"), func.max(at).label("last_at"))
               .join(reports, reports.c.id == event_members.c.report_id)
               .group_by(event_members.c.event_number)
               .having(func.count() >= 2, recent > 0).order_by(recent.desc(), func.max(at).desc()).limit(limit))
    with database.reading() as connection:
        rows = connection.execute(counted).all()
        firsts = [connection.execute(
            select(reports.c.id, reports.c.title, reports.c.region, answers.c.category)
            .join(event_members, event_members.c.report_id == reports.c.id)
            .join(answers, answers.c.report_id == reports.c.id)
            .where(event_members.c.event_number == row.event_number)
            .order_by(at, reports.c.sequence).limit(1)).one() for row in rows]
    return [EventCount(event_id(row.event_number), first.id, first.title, first.category, first.region, row.reports,
                       row.recent, row.before, row.first_at, row.last_at)
            for row, first in zip(rows, firsts, strict=True)]


def cell_counts(database: Database, now: int, window_days: int, past_days: int) -> list[CellCount]:
    """Return the counts of every category and region with a recent report."""
    recent, before = _counts(now, window_days, past_days)
    start = now - (window_days + past_days) * DAY_SECONDS
    query = (select(answers.c.category, reports.c.region, recent, before)
             .join(answers, answers.c.report_id == reports.c.id)
             .where(reports.c.effective_at > start, reports.c.effective_at <= now)
             .group_by(answers.c.category, reports.c.region).having(recent > 0))
    with database.reading() as connection:
        return [CellCount(*row) for row in connection.execute(query).all()]
