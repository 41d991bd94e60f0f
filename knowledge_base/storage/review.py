"""What the review desk and the training export read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select

from knowledge_base.storage.database import Database
from knowledge_base.storage.records import StoredReport
from knowledge_base.storage.rows import REPORT_COLUMNS, report_of
from knowledge_base.storage.tables import answers, corrections, reports

STRATEGIES = ("uncertain", "urgent", "recent", "random")
_ORDER: dict[str, tuple[ColumnElement[Any], ...]] = {
    "uncertain": (answers.c.certainty.asc(), reports.c.sequence.asc()),
    "urgent": (answers.c.urgency.asc(), reports.c.effective_at.asc()),
    "recent": (reports.c.effective_at.desc(), reports.c.sequence.desc()),
    "random": (func.random(),),
}


def _stored(row: RowMapping) -> StoredReport:
    return StoredReport(row["sequence"], report_of(row), row["stored_at"], row["body"], row["verifiability"])


def _query() -> Select[*tuple[Any, ...]]:
    return (select(*REPORT_COLUMNS, answers.c.body, answers.c.verifiability)
            .join(answers, answers.c.report_id == reports.c.id))


def _corrected() -> ColumnElement[bool]:
    return select(corrections.c.number).where(corrections.c.report_id == reports.c.id).exists()


def open_reports(database: Database, strategy: str, limit: int) -> tuple[list[StoredReport], int]:
    """Return the next reports that nobody has reviewed, by strategy, and how many wait in all.

    ``uncertain`` and ``random`` draw from those sent to review; ``urgent`` from urgency 1 and 2; ``recent`` from all.
    """
    waiting = ~_corrected()
    if strategy in ("uncertain", "random"):
        waiting &= answers.c.route == "review"
    elif strategy == "urgent":
        waiting &= answers.c.urgency <= 2
    count = (select(func.count()).select_from(reports).join(answers, answers.c.report_id == reports.c.id)
             .where(waiting))
    with database.reading() as connection:
        rows = connection.execute(_query().where(waiting).order_by(*_ORDER[strategy]).limit(limit)).mappings().all()
        total = connection.execute(count).scalar_one()
    return [_stored(row) for row in rows], int(total)


def corrected_reports(database: Database, page_rows: int = 200) -> Iterator[StoredReport]:
    """Yield the reports that have a correction, in the order stored."""
    after = 0
    while True:
        query = (_query().where(_corrected(), reports.c.sequence > after)
                 .order_by(reports.c.sequence).limit(page_rows))
        with database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        yield from (_stored(row) for row in rows)
        if len(rows) < page_rows:
            return
        after = rows[-1]["sequence"]
