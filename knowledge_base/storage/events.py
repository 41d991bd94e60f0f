"""Events: reports of one and the same matter."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from knowledge_base.storage.database import Database, now_text
from knowledge_base.storage.records import EventOf
from knowledge_base.storage.rows import insert_row
from knowledge_base.storage.tables import event_members, events, reports


def event_id(number: int) -> str:
    """Return the public name of an event."""
    return f"E-{number:06d}"


def number_of(connection: Connection, report_id: str) -> int | None:
    """Return the number of the event that a report belongs to."""
    return connection.execute(
        select(event_members.c.event_number).where(event_members.c.report_id == report_id)).scalar()


def event_of(database: Database, report_id: str) -> EventOf | None:
    """Return the event of a report with the earliest report of it, by time of receipt."""
    with database.reading() as connection:
        number = number_of(connection, report_id)
        if number is None:
            return None
        earliest = connection.execute(
            select(reports.c.id).join(event_members, event_members.c.report_id == reports.c.id)
            .where(event_members.c.event_number == number)
            .order_by(reports.c.effective_at, reports.c.sequence).limit(1)).scalar_one()
    return EventOf(event_id(number), earliest)


def join_event(connection: Connection, report_id: str, duplicate_of: str) -> str | None:
    """Put a report into the event of another, made where there is none; return the event's id.

    Return None where the other report is gone (erased between scoring and storing).
    """
    if connection.execute(select(reports.c.id).where(reports.c.id == duplicate_of)).scalar() is None:
        return None
    number = number_of(connection, duplicate_of)
    if number is None:
        number = insert_row(connection, events, {"created_at": now_text()})
        connection.execute(insert(event_members).values(report_id=duplicate_of, event_number=number))
    leave_event(connection, report_id)
    connection.execute(insert(event_members).values(report_id=report_id, event_number=number))
    return event_id(number)


def leave_event(connection: Connection, report_id: str) -> None:
    """Take a report out of the event that it belongs to, if any."""
    connection.execute(delete(event_members).where(event_members.c.report_id == report_id))
