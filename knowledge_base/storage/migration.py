"""Making the tables, and bringing a database of an older schema up to date, in one transaction."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateColumn

from knowledge_base.storage.chain import chain_correction
from knowledge_base.storage.errors import StorageError
from knowledge_base.storage.review_tables import review_states
from knowledge_base.storage.signals import signals_of
from knowledge_base.storage.standing import CONFIRMED, CORRECTED, FIRST, LATER, is_confirmation, predicted_values
from knowledge_base.storage.states import first_state, refresh_state
from knowledge_base.storage.tables import (
    CORRECTION_COLUMNS_OF_SCHEMA_2,
    answers,
    append_only,
    corrections,
    metadata,
    reports,
)

SCHEMA_VERSION = 2
_PAGE_ROWS = 500


def prepare(connection: Connection, path: Path) -> bool:
    """Make or migrate the tables within a writing transaction; return whether there was an older schema.

    Raises:
        StorageError: the schema is of a version that this one does not know.
    """
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version not in range(SCHEMA_VERSION + 1):
        raise StorageError(f"{path.name!r} has schema {version}, expected {SCHEMA_VERSION} or an older one; "
                           "use the version of Fenzhuan that wrote it")
    if version == 1:
        _add_columns(connection)
    metadata.create_all(connection)
    if version == 1:
        _fill(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
    return bool(version == 1)


def _add_columns(connection: Connection) -> None:
    for column in CORRECTION_COLUMNS_OF_SCHEMA_2:
        definition = CreateColumn(column).compile(dialect=sqlite.dialect())
        connection.exec_driver_sql(f"ALTER TABLE corrections ADD COLUMN {definition}")


def _fill(connection: Connection) -> None:
    """Give every answer its place before the reviewers, and every correction its new columns and its link."""
    for page in _pages(connection):
        connection.execute(insert(review_states), [
            first_state(dict(row), signals_of(_body(row), row["certainty"])) for row in page])
    connection.exec_driver_sql("DROP TRIGGER corrections_append_only")
    first_readers: dict[str, str] = {}
    for row in connection.execute(select(corrections, answers.c.body, answers.c.bundle.label("by_bundle"),
                                         answers.c.knowledge_base.label("by_knowledge_base"))
                                  .join(answers, answers.c.report_id == corrections.c.report_id)
                                  .order_by(corrections.c.number)).mappings().all():
        reader = first_readers.setdefault(row["report_id"], row["actor"])
        connection.execute(update(corrections).where(corrections.c.number == row["number"])
                           .values(_new_columns(row, reading=FIRST if reader == row["actor"] else LATER)))
        chain_correction(connection, row["number"])
    for report_id in first_readers:
        refresh_state(connection, report_id)
    connection.exec_driver_sql(append_only(corrections))


def _new_columns(row: RowMapping, reading: str) -> dict[str, Any]:
    confirmed = is_confirmation(predicted_values(_body(row)), row["field"], row["value"])
    return {"entry": CONFIRMED if confirmed else CORRECTED, "reading": reading, "bundle": row["by_bundle"],
            "knowledge_base": row["by_knowledge_base"], "salt": secrets.token_hex(16)}


def _body(row: RowMapping) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(row["body"])
    return body


def _pages(connection: Connection) -> Iterator[list[RowMapping]]:
    query = (select(reports.c.sequence, reports.c.effective_at, answers.c.report_id, answers.c.route,
                    answers.c.urgency, answers.c.category, answers.c.certainty, answers.c.body)
             .join(answers, answers.c.report_id == reports.c.id).order_by(reports.c.sequence).limit(_PAGE_ROWS))
    after = 0
    while rows := connection.execute(query.where(reports.c.sequence > after)).mappings().all():
        yield list(rows)
        after = rows[-1]["sequence"]
