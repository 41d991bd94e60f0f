"""The rows of ``review_states``: made with each answer, brought up to date with each entry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from knowledge_base.storage.errors import UnknownReportError
from knowledge_base.storage.records import Correction
from knowledge_base.storage.review_tables import audit_links, leases, review_states
from knowledge_base.storage.signals import AUDIT_SHARE, Signals, audit_place, is_read_twice
from knowledge_base.storage.standing import OPEN, Standing, standing
from knowledge_base.storage.tables import answers, corrections, reports

ENTRY_COLUMNS = (*(column for column in corrections.c if column.name != "salt"), audit_links.c.hash)


def first_state(row: Mapping[str, Any], found: Signals) -> dict[str, Any]:
    """Return the columns of a report that nobody has reviewed.

    ``row`` has ``report_id``, ``sequence``, ``route``, ``urgency``, ``effective_at`` and ``category``.
    """
    place = audit_place(row["report_id"])
    return {"report_id": row["report_id"], "sequence": row["sequence"], "route": row["route"],
            "urgency": row["urgency"], "effective_at": row["effective_at"], "category": row["category"],
            "uncertainty": found.uncertainty, "margin": found.margin, "lead_doubt": found.lead_doubt,
            "set_size": found.set_size, "place": place, "audited": place < AUDIT_SHARE, "stage": OPEN}


def add_state(connection: Connection, row: Mapping[str, Any], found: Signals) -> None:
    """Put a newly stored report before the reviewers."""
    connection.execute(insert(review_states).values(first_state(row, found)))


def entries_of(connection: Connection, report_id: str) -> list[Correction]:
    """Return the entries about a report, oldest first."""
    query = (select(*ENTRY_COLUMNS)
             .join(audit_links, audit_links.c.correction == corrections.c.number, isouter=True)
             .where(corrections.c.report_id == report_id).order_by(corrections.c.number))
    return [Correction(**(dict(row) | {"hash": row["hash"] or ""})) for row in connection.execute(query).mappings()]


def standing_of(connection: Connection, report_id: str) -> Standing:
    """Return where a report stands.

    Raises:
        UnknownReportError: no report has this id.
    """
    if connection.execute(select(reports.c.id).where(reports.c.id == report_id)).scalar() is None:
        raise UnknownReportError("no report with this id is stored")
    return standing(entries_of(connection, report_id), read_twice=is_read_twice(report_id))


def was_handed(connection: Connection, report_id: str, actor: str) -> bool:
    """Tell whether the queue gave this report to a reviewer within the last day."""
    return connection.execute(select(leases.c.number).where(
        leases.c.report_id == report_id, leases.c.reviewer == actor)).scalar() is not None


def refresh_state(connection: Connection, report_id: str) -> None:
    """Bring the row of a report up to date with its entries."""
    now = standing_of(connection, report_id)
    predicted = select(answers.c.category).where(answers.c.report_id == report_id).scalar_subquery()
    connection.execute(update(review_states).where(review_states.c.report_id == report_id).values(
        stage=now.stage, first_reader=now.first_reader, second_reader=now.second_reader,
        differing=len(now.disagreements), reviewed_at=now.reviewed_at,
        category=now.values.get("category", predicted)))
