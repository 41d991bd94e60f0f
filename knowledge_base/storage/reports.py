"""Storing and finding reports with their answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from knowledge_base.storage.chain import chain_erasure
from knowledge_base.storage.database import Database, now_text
from knowledge_base.storage.errors import IdConflictError, UnknownReportError
from knowledge_base.storage.events import join_event
from knowledge_base.storage.records import EarlierReport, NewAnswer, StoredAnswer, StoredReport
from knowledge_base.storage.rows import (
    REPORT_COLUMNS,
    embedding_bytes,
    embedding_of,
    insert_row,
    report_columns,
    report_of,
)
from knowledge_base.storage.signals import signals_of
from knowledge_base.storage.states import add_state
from knowledge_base.storage.tables import answers, reports
from models.contract import FloatArray, Report

PAGE_ROWS = 500


def _stored_before(connection: Connection, report_id: str, content_hash: str) -> StoredAnswer | None:
    row = connection.execute(
        select(reports.c.sequence, reports.c.content_hash, answers.c.body)
        .join(answers, answers.c.report_id == reports.c.id).where(reports.c.id == report_id)).one_or_none()
    if row is None:
        return None
    if row.content_hash != content_hash:
        raise IdConflictError("a report with this id and other content is stored; send it under another id")
    return StoredAnswer(row.sequence, row.body, created=False)


def stored_answer(database: Database, report_id: str, content_hash: str) -> StoredAnswer | None:
    """Return the answer of a report that was stored before, or None.

    Raises:
        IdConflictError: the id is stored with other content.
    """
    with database.reading() as connection:
        return _stored_before(connection, report_id, content_hash)


def store_report(database: Database, answer: NewAnswer, render: Callable[[str | None], str]) -> StoredAnswer:
    """Store a report and its answer in one durable transaction, unless it is stored already.

    ``render`` is called with the id of the event that the report joins (or None) and returns the answer's JSON.
    Of two threads that store the same id at once, one stores and the other gets the first one's body.

    Raises:
        IdConflictError: the id is stored with other content.
        StorageUnavailableError: the database is locked or full; nothing was stored.
    """
    try:
        return _store(database, answer, render)
    except IntegrityError:
        stored = stored_answer(database, answer.report.id, answer.content_hash)
        if stored is None:
            raise
        return stored


def _store(database: Database, answer: NewAnswer, render: Callable[[str | None], str]) -> StoredAnswer:
    with database.writing() as connection:
        stored = _stored_before(connection, answer.report.id, answer.content_hash)
        if stored is not None:
            return stored
        columns = report_columns(answer.report, now_text()) | {"content_hash": answer.content_hash}
        sequence = insert_row(connection, reports, columns)
        event = join_event(connection, answer.report.id, answer.duplicate_of) if answer.duplicate_of else None
        body = render(event)
        connection.execute(insert(answers).values(
            report_id=answer.report.id, body=body, bundle=answer.bundle, knowledge_base=answer.knowledge_base,
            embedding=embedding_bytes(answer.embedding), embedding_space=answer.embedding_space,
            places=list(answer.places), kind=answer.kind, category=answer.category, urgency=answer.urgency,
            lead=answer.lead, verifiability=answer.verifiability, route=answer.route, certainty=answer.certainty))
        add_state(connection, {
            "report_id": answer.report.id, "sequence": sequence, "route": answer.route, "urgency": answer.urgency,
            "effective_at": columns["effective_at"], "category": answer.category},
            answer.signals or signals_of({}, answer.certainty))
    return StoredAnswer(sequence, body, created=True)


def find_report(database: Database, report_id: str) -> StoredReport:
    """Return a stored report with its answer.

    Raises:
        UnknownReportError: no report has this id.
    """
    query = (select(*REPORT_COLUMNS, answers.c.body, answers.c.verifiability)
             .join(answers, answers.c.report_id == reports.c.id).where(reports.c.id == report_id))
    with database.reading() as connection:
        row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise UnknownReportError("no report with this id is stored")
    return StoredReport(row["sequence"], report_of(row), row["stored_at"], row["body"], row["verifiability"])


def earlier_reports(database: Database, sequences: Sequence[int], embedding_space: str) -> list[EarlierReport]:
    """Return the stored reports with these sequences whose embeddings are of this space, in the order asked."""
    query = (select(*REPORT_COLUMNS, answers.c.embedding, answers.c.embedding_space, answers.c.places,
                    answers.c.category)
             .join(answers, answers.c.report_id == reports.c.id).where(reports.c.sequence.in_(sequences)))
    with database.reading() as connection:
        rows = {row["sequence"]: row for row in connection.execute(query).mappings()
                if row["embedding_space"] == embedding_space}
    return [EarlierReport(sequence, report_of(rows[sequence]), embedding_of(rows[sequence]["embedding"]),
                          tuple(rows[sequence]["places"]), rows[sequence]["category"])
            for sequence in sequences if sequence in rows]


def embeddings_after(database: Database, sequence: int, space: str) -> Iterator[tuple[int, FloatArray]]:
    """Yield (sequence, embedding) of the reports of this space beyond a sequence, in order."""
    while True:
        query = (select(reports.c.sequence, answers.c.embedding).join(answers, answers.c.report_id == reports.c.id)
                 .where(reports.c.sequence > sequence, answers.c.embedding_space == space)
                 .order_by(reports.c.sequence).limit(PAGE_ROWS))
        with database.reading() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            yield row.sequence, embedding_of(row.embedding)
        if len(rows) < PAGE_ROWS:
            return
        sequence = rows[-1].sequence


def count_embeddings(database: Database, up_to: int, space: str) -> tuple[int, int]:
    """Return how many reports of this space have a sequence up to ``up_to``, and the highest sequence of all."""
    query = (select(func.count()).select_from(reports).join(answers, answers.c.report_id == reports.c.id)
             .where(reports.c.sequence <= up_to, answers.c.embedding_space == space))
    with database.reading() as connection:
        count = connection.execute(query).scalar_one()
        highest = connection.execute(select(func.max(reports.c.sequence))).scalar()
    return int(count), int(highest or 0)


def outdated_reports(database: Database, space: str, limit: int) -> list[tuple[int, Report]]:
    """Return up to ``limit`` (sequence, report) whose embedding another network made."""
    query = (select(*REPORT_COLUMNS).join(answers, answers.c.report_id == reports.c.id)
             .where(answers.c.embedding_space != space).order_by(reports.c.sequence).limit(limit))
    with database.reading() as connection:
        return [(row["sequence"], report_of(row)) for row in connection.execute(query).mappings()]


def replace_embeddings(database: Database, embeddings: Sequence[tuple[str, FloatArray]], space: str) -> None:
    """Set the embeddings of stored reports, as (report id, embedding), to those of a new network."""
    with database.writing() as connection:
        for report_id, embedding in embeddings:
            connection.execute(update(answers).where(answers.c.report_id == report_id)
                               .values(embedding=embedding_bytes(embedding), embedding_space=space))


def erase_report(database: Database, report_id: str) -> bool:
    """Delete a report with all that hangs on it; return whether there was one.

    The links of its corrections stay in the chain, without what the corrections said, and a new link names them.
    """
    with database.writing() as connection:
        chain_erasure(connection, report_id)
        return connection.execute(delete(reports).where(reports.c.id == report_id)).rowcount > 0
