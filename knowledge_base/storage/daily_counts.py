"""Counting stored reports by category, region and day, and events by how they grow."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, case, func, select

from knowledge_base.storage.events import event_id
from knowledge_base.storage.tables import answers, event_members, reports

DAY_SECONDS = 86_400
CHINA_SECONDS = 8 * 3600
_DAY = (reports.c.effective_at + CHINA_SECONDS) // DAY_SECONDS
_COUNTS = (select(answers.c.category, reports.c.region, _DAY.label("day"), func.count().label("came"))
           .join(answers, answers.c.report_id == reports.c.id)
           .where(reports.c.sequence > bindparam("after"), reports.c.sequence <= bindparam("up_to"),
                  reports.c.effective_at >= bindparam("since"))
           .group_by(answers.c.category, reports.c.region, _DAY))


@dataclass(frozen=True, slots=True)
class DayCount:
    """Reports of a category in a region on a day, numbered from 1970 in China."""

    category: str
    region: str | None
    day: int
    count: int


@dataclass(frozen=True, slots=True)
class EventGrowth:
    """An event with reports in all, in the window and in the past before it; times in seconds since 1970."""

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


def china_day(seconds: int) -> int:
    """Return the day in China of a moment in seconds since 1970, numbered from 1970."""
    return (seconds + CHINA_SECONDS) // DAY_SECONDS


def count_days(connection: Connection, sequence: int, since_day: int) -> tuple[list[DayCount], int]:
    """Return the counts of the reports beyond a sequence from a day on, and the last sequence counted."""
    highest = connection.execute(select(func.max(reports.c.sequence))).scalar() or 0
    if highest <= sequence:
        return [], sequence
    rows = connection.execute(_COUNTS, {"after": sequence, "up_to": highest,
                                        "since": since_day * DAY_SECONDS - CHINA_SECONDS})
    return [DayCount(row.category, row.region, int(row.day), int(row.came)) for row in rows], int(highest)


def growing_events(connection: Connection, now: int, window_days: int, past_days: int,
                   limit: int) -> list[EventGrowth]:
    """Return the events with two or more reports of which one is recent, those with most recent reports first.

    Only events with a recent report are read, so that old ones cost nothing.
    """
    at = reports.c.effective_at
    start = now - window_days * DAY_SECONDS
    touched = (select(event_members.c.event_number).distinct()
               .join(reports, reports.c.id == event_members.c.report_id).where(at > start, at <= now))
    recent = func.sum(case(((at > start) & (at <= now), 1), else_=0)).label("recent")
    before = func.sum(case(((at <= start) & (at > start - past_days * DAY_SECONDS), 1), else_=0)).label("before")
    counted = (select(event_members.c.event_number, func.count().label("reports"), recent, before,
                      func.min(at).label("first_at"), func.max(at).label("last_at"))
               .join(reports, reports.c.id == event_members.c.report_id)
               .where(event_members.c.event_number.in_(touched)).group_by(event_members.c.event_number)
               .having(func.count() >= 2).order_by(recent.desc(), func.max(at).desc()).limit(limit))
    rows = connection.execute(counted).all()
    firsts = [connection.execute(
        select(reports.c.id, reports.c.title, reports.c.region, answers.c.category)
        .join(event_members, event_members.c.report_id == reports.c.id)
        .join(answers, answers.c.report_id == reports.c.id)
        .where(event_members.c.event_number == row.event_number)
        .order_by(at, reports.c.sequence).limit(1)).one() for row in rows]
    return [EventGrowth(event_id(row.event_number), first.id, first.title, first.category, first.region, row.reports,
                        row.recent, row.before, row.first_at, row.last_at)
            for row, first in zip(rows, firsts, strict=True)]
