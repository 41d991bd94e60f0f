"""What the review desk and the training export read; what the queue gives out is kept for the reviewer for a while."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, delete, func, insert, or_, select, update

from knowledge_base.storage.database import Database
from knowledge_base.storage.drawing import Asker, Draw, draw, eligible, free
from knowledge_base.storage.mixing import draw_mixed
from knowledge_base.storage.records import StoredReport
from knowledge_base.storage.review_tables import leases, review_states
from knowledge_base.storage.rows import REPORT_COLUMNS, report_of
from knowledge_base.storage.standing import ADJUDICATE, Disagreement
from knowledge_base.storage.states import standing_of
from knowledge_base.storage.tables import answers, corrections, reports

STRATEGIES = ("mixed", "uncertain", "diverse", "valuable", "urgent", "recent", "random", "second", "adjudicate")
_KEPT_AFTER_S = 86_400
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Offered:
    """A report that the queue gives out; ``until`` is in seconds since 1970, None where it is not kept."""

    stored: StoredReport
    draw: Draw
    until: float | None
    disagreements: tuple[Disagreement, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What a reviewer asks of the queue; ``lease_s`` in seconds, 0 to look without keeping."""

    strategy: str
    limit: int
    asker: Asker
    lease_s: int


def offer(database: Database, request: Request) -> tuple[list[Offered], int]:
    """Return the next reports for a reviewer and how many are free under the strategy.

    Those still kept for the reviewer come first. Choosing reads without a lock; keeping takes the write lock for a
    moment and looks again, so that of two processes that chose the same report one gets it and the other chooses anew.
    """
    asker, until = request.asker, request.asker.now + request.lease_s
    kept = _kept(database, request, until)[:request.limit]
    refused: set[str] = set()
    for _ in range(_ROUNDS):
        missing = request.limit - len(kept)
        if missing <= 0:
            break
        with database.reading() as connection:
            without = {*refused, *(one.report_id for one in kept)}
            chosen = (draw_mixed(connection, asker, missing, without) if request.strategy == "mixed"
                      else draw(connection, request.strategy, asker, missing, without))
        taken = _take(database, request, chosen, until) if request.lease_s else chosen
        kept += taken
        if len(taken) == len(chosen):
            break
        refused |= {one.report_id for one in chosen} - {one.report_id for one in taken}
    with database.reading() as connection:
        offered = [_offered(connection, one, until if request.lease_s else None) for one in kept]
        return [one for one in offered if one is not None], _count(connection, request)


def _kept(database: Database, request: Request, until: float) -> list[Draw]:
    """Return what is still kept for the reviewer under this strategy and still waits, in the order given out.

    It is kept anew until ``until``.
    """
    mine = and_(leases.c.reviewer == request.asker.reviewer, leases.c.until > request.asker.now,
                leases.c.strategy == request.strategy)
    query = (select(leases.c.report_id, leases.c.part, leases.c.why, leases.c.value)
             .join(review_states, review_states.c.report_id == leases.c.report_id)
             .where(mine, free(request.asker)).order_by(leases.c.number))
    with database.writing() if request.lease_s else database.reading() as connection:
        rows = connection.execute(query).all()
        if request.lease_s and rows:
            connection.execute(update(leases).where(mine, leases.c.report_id.in_([row.report_id for row in rows]))
                               .values(until=until))
        draws = [Draw(row.report_id, row.part, row.why, row.value) for row in rows]
        waiting: set[str] = set()
        for part in {one.part for one in draws}:
            waiting |= _waiting(connection, part, request.asker, draws)
    return [one for one in draws if one.report_id in waiting]


def _waiting(connection: Connection, part: str, asker: Asker, draws: list[Draw]) -> set[str]:
    ids = [one.report_id for one in draws if one.part == part]
    return set(connection.execute(select(review_states.c.report_id).where(
        eligible(part, asker), review_states.c.report_id.in_(ids))).scalars())


def _take(database: Database, request: Request, chosen: list[Draw], until: float) -> list[Draw]:
    """Keep the chosen reports for the reviewer, but for those that another got or reviewed meanwhile."""
    reviewer, now = request.asker.reviewer, request.asker.now
    taken = []
    with database.writing() as connection:
        newest = select(func.max(leases.c.number)).scalar_subquery()
        connection.execute(delete(leases).where(leases.c.until < now - _KEPT_AFTER_S, leases.c.number < newest))
        ids = [one.report_id for one in chosen]
        lost = set(connection.execute(select(leases.c.report_id).where(
            leases.c.report_id.in_(ids), leases.c.until > now, leases.c.reviewer != reviewer)).scalars())
        for one in chosen:
            still = connection.execute(select(review_states.c.report_id).where(
                review_states.c.report_id == one.report_id, eligible(one.part, request.asker))).scalar()
            if one.report_id in lost or still is None:
                continue
            connection.execute(delete(leases).where(leases.c.report_id == one.report_id,
                                                    leases.c.reviewer == reviewer))
            connection.execute(insert(leases).values(
                report_id=one.report_id, reviewer=reviewer, until=until, strategy=request.strategy, part=one.part,
                why=one.code, value=one.value))
            taken.append(one)
    return taken


def release(database: Database, reviewer: str, now: float, ids: Collection[str] | None = None) -> int:
    """Give back what is kept for a reviewer, all of it or these reports, and return how many those were."""
    condition = [leases.c.reviewer == reviewer, leases.c.until > now]
    if ids is not None:
        condition.append(leases.c.report_id.in_(list(ids)))
    with database.writing() as connection:
        return int(connection.execute(update(leases).where(*condition).values(until=now)).rowcount)


def _offered(connection: Connection, one: Draw, until: float | None) -> Offered | None:
    row = connection.execute(_query().where(reports.c.id == one.report_id)).mappings().one_or_none()
    if row is None:
        return None
    disagreements = standing_of(connection, one.report_id).disagreements if one.part == "adjudicate" else ()
    return Offered(_stored(row), one, until, disagreements)


def _count(connection: Connection, request: Request) -> int:
    """Return how many reports wait under the strategy and are not kept for others.

    Those kept are few: the limit of their subquery makes SQLite look them up by id before it asks what they wait for.
    """
    asker = request.asker
    parts = ("recent", "second") if request.strategy == "mixed" else (request.strategy,)
    total = sum(connection.execute(select(func.count()).select_from(review_states).where(
        eligible(part, asker))).scalar_one() for part in parts)
    given = connection.execute(select(leases.c.report_id).where(
        leases.c.until > asker.now, leases.c.reviewer != asker.reviewer)).scalars().all()
    looked_up = select(review_states).where(review_states.c.report_id.in_(given)).limit(len(given)).subquery()
    kept = connection.execute(select(func.count()).select_from(looked_up).where(
        or_(*(eligible(part, asker, looked_up.c) for part in parts)))).scalar_one() if given else 0
    return int(total) - int(kept)


def _stored(row: RowMapping) -> StoredReport:
    return StoredReport(row["sequence"], report_of(row), row["stored_at"], row["body"], row["verifiability"])


def _query() -> Select[*tuple[Any, ...]]:
    return (select(*REPORT_COLUMNS, answers.c.body, answers.c.verifiability)
            .join(answers, answers.c.report_id == reports.c.id))


def _corrected() -> ColumnElement[bool]:
    return select(corrections.c.number).where(corrections.c.report_id == reports.c.id).exists()


def corrected_reports(database: Database, page_rows: int = 200) -> Iterator[StoredReport]:
    """Yield the reports that have a correction, but for those in which two readings differ, in the order stored."""
    after = 0
    disputed = select(review_states.c.report_id).where(
        review_states.c.report_id == reports.c.id, review_states.c.stage == ADJUDICATE).exists()
    while True:
        query = (_query().where(_corrected(), ~disputed, reports.c.sequence > after)
                 .order_by(reports.c.sequence).limit(page_rows))
        with database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        yield from (_stored(row) for row in rows)
        if len(rows) < page_rows:
            return
        after = rows[-1]["sequence"]
