"""What people say of an answer afterwards: corrections and outcomes, append-only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from knowledge_base.storage.database import Database, now_text
from knowledge_base.storage.errors import UnknownReportError
from knowledge_base.storage.events import join_event, leave_event, number_of
from knowledge_base.storage.records import Correction, Outcome
from knowledge_base.storage.rows import insert_row
from knowledge_base.storage.tables import corrections, outcomes, reports

DUPLICATE_FIELDS = ("duplicate_of", "not_duplicate_of")


def _require(connection: Connection, report_id: str) -> None:
    if connection.execute(select(reports.c.id).where(reports.c.id == report_id)).scalar() is None:
        raise UnknownReportError("no report with this id is stored")


def add_correction(database: Database, report_id: str, field: str, value: object, reason: str,
                   actor: str) -> Correction:
    """Append a correction; one about duplicates also moves the report into or out of the other's event.

    Raises:
        UnknownReportError: the report, or the other report that the value names, is not stored.
    """
    with database.writing() as connection:
        _require(connection, report_id)
        if field in DUPLICATE_FIELDS:
            _require(connection, str(value))
            _move(connection, report_id, field, str(value))
        columns: dict[str, Any] = {"report_id": report_id, "field": field, "value": value, "reason": reason,
                                   "actor": actor, "recorded_at": now_text()}
        number = insert_row(connection, corrections, columns)
    return Correction(number=number, **columns)


def _move(connection: Connection, report_id: str, field: str, other: str) -> None:
    if field == "duplicate_of":
        join_event(connection, report_id, other)
    elif (number := number_of(connection, report_id)) is not None and number == number_of(connection, other):
        leave_event(connection, report_id)


def corrections_of(database: Database, report_id: str) -> list[Correction]:
    """Return the corrections of a report, oldest first."""
    query = select(corrections).where(corrections.c.report_id == report_id).order_by(corrections.c.number)
    with database.reading() as connection:
        return [Correction(**row) for row in connection.execute(query).mappings()]


def add_outcome(database: Database, report_id: str, outcome: Outcome) -> Outcome:
    """Append what became of a report and return it with its time of recording.

    Raises:
        UnknownReportError: no report has this id.
    """
    recorded_at = now_text()
    with database.writing() as connection:
        _require(connection, report_id)
        connection.execute(insert(outcomes).values(
            report_id=report_id, handled_by=outcome.handled_by, co_handlers=list(outcome.co_handlers),
            finding=outcome.finding, closed_at=outcome.closed_at, recorded_at=recorded_at))
    return Outcome(outcome.handled_by, outcome.co_handlers, outcome.finding, outcome.closed_at, recorded_at)


def outcomes_of(database: Database, report_id: str) -> list[Outcome]:
    """Return the recorded outcomes of a report, oldest first."""
    query = select(outcomes).where(outcomes.c.report_id == report_id).order_by(outcomes.c.number)
    with database.reading() as connection:
        return [Outcome(row["handled_by"], tuple(row["co_handlers"]), row["finding"], row["closed_at"],
                        row["recorded_at"]) for row in connection.execute(query).mappings()]
