"""What people say of an answer afterwards: corrections and outcomes, append-only."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from knowledge_base.storage.chain import chain_correction
from knowledge_base.storage.database import Database, now_text
from knowledge_base.storage.errors import UndoError, UnknownReportError
from knowledge_base.storage.events import join_event, leave_event, number_of
from knowledge_base.storage.records import Change, Correction, Outcome
from knowledge_base.storage.review_tables import leases
from knowledge_base.storage.rows import insert_row
from knowledge_base.storage.standing import (
    CONFIRMED,
    CORRECTED,
    DUPLICATE_FIELDS,
    LABEL_FIELDS,
    UNDONE,
    effective,
    in_force,
    is_confirmation,
    is_withheld,
    predicted_values,
    reading_of,
)
from knowledge_base.storage.states import entries_of, refresh_state, standing_of, was_handed
from knowledge_base.storage.tables import answers, corrections, outcomes, reports


def _require(connection: Connection, report_id: str) -> None:
    if connection.execute(select(reports.c.id).where(reports.c.id == report_id)).scalar() is None:
        raise UnknownReportError("no report with this id is stored")


class _Entering:
    """One transaction of entries about one report by one reviewer; the reading is settled at its start."""

    def __init__(self, connection: Connection, report_id: str, actor: str) -> None:
        self._connection = connection
        self._report_id = report_id
        self._actor = actor
        now = standing_of(connection, report_id)
        self._reading = reading_of(now, actor, blind=was_handed(connection, report_id, actor))
        answer = connection.execute(select(answers.c.body, answers.c.bundle, answers.c.knowledge_base)
                                    .where(answers.c.report_id == report_id)).one()
        self.predicted = predicted_values(json.loads(answer.body))
        self._versions = {"bundle": answer.bundle, "knowledge_base": answer.knowledge_base}

    def change(self, change: Change) -> Correction:
        """Append a correction or confirmation."""
        if change.field in DUPLICATE_FIELDS:
            _require(self._connection, str(change.value))
            _move(self._connection, self._report_id, change.field, str(change.value))
        confirmed = is_confirmation(self.predicted, change.field, change.value)
        return self.append(change, CONFIRMED if confirmed else CORRECTED)

    def append(self, change: Change, entry: str, undoes: int | None = None) -> Correction:
        """Append an entry with its link of the chain."""
        columns: dict[str, Any] = {
            "report_id": self._report_id, "field": change.field, "value": change.value, "reason": change.reason,
            "actor": self._actor, "recorded_at": now_text(), "entry": entry, "reading": self._reading,
            "undoes": undoes, **self._versions}
        number = insert_row(self._connection, corrections, {**columns, "salt": secrets.token_hex(16)})
        return Correction(number=number, **columns, hash=chain_correction(self._connection, number))

    def finish(self) -> None:
        """Bring the review desk up to date: the report is done for now and no longer kept for this reviewer."""
        refresh_state(self._connection, self._report_id)
        self._connection.execute(update(leases).where(
            leases.c.report_id == self._report_id, leases.c.reviewer == self._actor)
            .values(until=func.min(leases.c.until, time.time())))


def add_correction(database: Database, report_id: str, field: str, value: object, reason: str,
                   actor: str) -> Correction:
    """Append a correction; one about duplicates also moves the report into or out of the other's event.

    Raises:
        UnknownReportError: the report, or the other report that the value names, is not stored.
    """
    return add_corrections(database, report_id, [Change(field, value, reason)], actor)[0]


def add_corrections(database: Database, report_id: str, changes: Sequence[Change], actor: str, *,
                    confirm_others: bool = False) -> list[Correction]:
    """Append corrections in one transaction; ``confirm_others``: labels that they do not name are confirmed.

    Raises:
        UnknownReportError: the report, or another report that a value names, is not stored; nothing is appended.
    """
    with database.writing() as connection:
        _require(connection, report_id)
        entering = _Entering(connection, report_id, actor)
        named = {change.field for change in changes}
        rest = [Change(field, entering.predicted[field]) for field in LABEL_FIELDS
                if confirm_others and field not in named and entering.predicted[field] is not None]
        made = [entering.change(change) for change in (*changes, *rest)]
        entering.finish()
    return made


def undo_correction(database: Database, report_id: str, number: int, reason: str, actor: str, *,
                    may_see_all: bool = False) -> Correction:
    """Append an entry that takes another back; its value is what stands for the field from now on.

    Raises:
        UnknownReportError: no report has this id.
        UndoError: the report has no entry of this number in force that this reviewer may know of.
    """
    with database.writing() as connection:
        _require(connection, report_id)
        entries = entries_of(connection, report_id)
        undone = in_force(entries, number)
        if undone is None or not (may_see_all or _visible(connection, undone, actor)):
            raise UndoError("this report has no correction of this number in force")
        entering = _Entering(connection, report_id, actor)
        left = effective([*entries, _undo_of(undone)])
        value = _value_left(left, undone.field, entering.predicted)
        made = entering.append(Change(undone.field, value, reason), UNDONE, undoes=number)
        if undone.field in DUPLICATE_FIELDS:
            _move_back(connection, report_id, undone, _target(left, entering.predicted["duplicate_of"]))
        entering.finish()
    return made


def _visible(connection: Connection, entry: Correction, actor: str) -> bool:
    blind = was_handed(connection, entry.report_id, actor)
    return entry.actor == actor or not is_withheld(standing_of(connection, entry.report_id), actor, blind=blind)


def _undo_of(undone: Correction) -> Correction:
    return Correction(undone.number + 1_000_000_000, undone.report_id, undone.field, None, "", "", "", UNDONE,
                      undoes=undone.number)


def _value_left(left: Sequence[Correction], field: str, predicted: dict[str, Any]) -> object:
    stated = [entry.value for entry in left if entry.field == field]
    return stated[-1] if stated else predicted.get(field)


def _move(connection: Connection, report_id: str, field: str, other: str) -> None:
    if field == "duplicate_of":
        join_event(connection, report_id, other)
    elif (number := number_of(connection, report_id)) is not None and number == number_of(connection, other):
        leave_event(connection, report_id)


def _target(entries: Sequence[Correction], predicted: str | None) -> str | None:
    """Return which report entries, and before them the answer, say that a report repeats."""
    target = predicted
    for entry in entries:
        if entry.field == "duplicate_of":
            target = str(entry.value)
        elif entry.field == "not_duplicate_of" and target == str(entry.value):
            target = None
    return target


def _move_back(connection: Connection, report_id: str, undone: Correction, target: str | None) -> None:
    """Put a report into the event where it belongs once an entry about duplicates is taken back."""
    if target is None and undone.field == "not_duplicate_of":
        other = str(undone.value)
        body = connection.execute(select(answers.c.body).where(answers.c.report_id == other)).scalar()
        left = effective(entries_of(connection, other))
        if body is not None and _target(left, predicted_values(json.loads(body))["duplicate_of"]) == report_id:
            join_event(connection, report_id, other)
    elif target is None or join_event(connection, report_id, target) is None:
        leave_event(connection, report_id)


def corrections_of(database: Database, report_id: str) -> list[Correction]:
    """Return the entries about a report, oldest first."""
    with database.reading() as connection:
        return entries_of(connection, report_id)


def withheld_from(database: Database, report_id: str, actor: str) -> bool:
    """Tell whether a reviewer is about to give the second reading and must not see the first.

    Raises:
        UnknownReportError: no report has this id.
    """
    with database.reading() as connection:
        return is_withheld(standing_of(connection, report_id), actor,
                           blind=was_handed(connection, report_id, actor))


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
