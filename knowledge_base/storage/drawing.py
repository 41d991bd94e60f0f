"""Drawing reports from the queue by strategy: each with the code and figure that say why it is there.

What is read is bounded whatever waits: every order has an index, ``diverse`` compares ``MOST_COMPARED`` embeddings with
as many, ``valuable`` considers the ``limit`` most doubtful reports of each category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from knowledge_base.storage.review_tables import leases, review_states
from knowledge_base.storage.rows import embedding_of
from knowledge_base.storage.signals import SECOND_READING_SHARE, Signals
from knowledge_base.storage.standing import ADJUDICATE, CLOSED, OPEN, SECOND
from knowledge_base.storage.tables import answers
from models.contract import FloatArray

MOST_COMPARED = 1_000
NEAR_COPY = 0.02
_STATE = review_states.c


@dataclass(frozen=True, slots=True)
class Draw:
    """A report that the queue offers: ``part`` is the strategy that chose it, ``code`` and ``value`` say why."""

    report_id: str
    part: str
    code: str
    value: float


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, when (seconds since 1970), and in which network's space embeddings are compared."""

    reviewer: str
    now: float
    space: str


def eligible(part: str, asker: Asker,
             state: ReadOnlyColumnCollection[str, Any] = _STATE) -> ColumnElement[bool]:
    """Return which reports wait under a strategy, kept for others or not; ``state`` has the columns of the states."""
    to_learn_from = and_(state.stage == OPEN, state.route == "review", state.audited.is_(False))
    others = or_(state.first_reader.is_(None), state.first_reader != asker.reviewer)
    conditions: dict[str, ColumnElement[bool]] = {
        "uncertain": to_learn_from,
        "diverse": to_learn_from,
        "valuable": to_learn_from,
        "urgent": and_(state.stage == OPEN, state.urgency <= 2),
        "recent": state.stage == OPEN,
        "random": state.stage == OPEN,
        "second": and_(state.stage == SECOND, others),
        "adjudicate": and_(state.stage == ADJUDICATE, others,
                           or_(state.second_reader.is_(None), state.second_reader != asker.reviewer)),
    }
    return conditions[part]


def free(asker: Asker, without: Collection[str] = ()) -> ColumnElement[bool]:
    """Return which reports are not kept for another reviewer and not among ``without``."""
    others = leases.alias("others")
    kept = select(others.c.number).where(others.c.report_id == _STATE.report_id, others.c.until > asker.now,
                                         others.c.reviewer != asker.reviewer).correlate(review_states).exists()
    return and_(~kept, _STATE.report_id.not_in(list(without))) if without else ~kept


def draw(connection: Connection, part: str, asker: Asker, limit: int, without: Collection[str] = ()) -> list[Draw]:
    """Return up to ``limit`` free reports of one strategy, best first."""
    if part == "diverse":
        return _diverse(connection, asker, limit, without)
    if part == "valuable":
        return _valuable(connection, asker, limit, without)
    orders: dict[str, tuple[ColumnElement[Any], ...]] = {
        "uncertain": (_STATE.uncertainty.desc(), _STATE.sequence.asc()),
        "urgent": (_STATE.urgency.asc(), _STATE.effective_at.asc()),
        "recent": (_STATE.effective_at.desc(), _STATE.sequence.desc()),
        "random": (_STATE.place.asc(),),
        "second": (_STATE.effective_at.asc(), _STATE.sequence.asc()),
        "adjudicate": (_STATE.effective_at.asc(), _STATE.sequence.asc()),
    }
    rows = connection.execute(_free_states(part, asker, without).order_by(*orders[part]).limit(limit)).all()
    return [Draw(row.report_id, part, *_REASONS[part](row, asker)) for row in rows]


def _free_states(part: str, asker: Asker, without: Collection[str]) -> Select[*tuple[Any, ...]]:
    return select(*review_states.c).where(eligible(part, asker), free(asker, without))


def _hours(row: Row[Any], asker: Asker) -> float:
    return round(max(0.0, asker.now - float(row.effective_at)) / 3_600, 1)


def _by_place(row: Row[Any], _asker: Asker) -> tuple[str, float]:
    return ("audit_sample" if row.audited else "random"), round(row.place, 4)


def _by_doubt(row: Row[Any], _asker: Asker) -> tuple[str, float]:
    code, value = Signals(row.margin, row.lead_doubt, row.set_size).reason
    return code, round(value, 4)


_REASONS: dict[str, Callable[[Row[Any], Asker], tuple[str, float]]] = {
    "uncertain": _by_doubt,
    "urgent": lambda row, asker: ("urgent", _hours(row, asker)),
    "recent": lambda row, asker: ("recent", _hours(row, asker)),
    "random": _by_place,
    "second": lambda _row, _asker: ("second_reading", SECOND_READING_SHARE),
    "adjudicate": lambda row, _asker: ("readers_disagree", float(row.differing)),
}


def _valuable(connection: Connection, asker: Asker, limit: int, without: Collection[str]) -> list[Draw]:
    """Return reports by doubt ÷ √(1 + reviewed of the category), counting those drawn as reviewed."""
    reviewed = Counter({row.category: row.n for row in connection.execute(
        select(_STATE.category, func.count().label("n")).where(_STATE.stage.in_((SECOND, ADJUDICATE, CLOSED)))
        .group_by(_STATE.category)).all()})
    waiting: dict[str, list[Row[Any]]] = {}
    for category in connection.execute(
            select(_STATE.category).where(eligible("valuable", asker)).distinct()).scalars():
        query = (_free_states("valuable", asker, without).where(_STATE.category == category)
                 .order_by(_STATE.uncertainty.desc()).limit(limit))
        waiting[category] = list(connection.execute(query).all())[::-1]
    drawn: list[Draw] = []
    while len(drawn) < limit:
        worth = {category: rows[-1].uncertainty / sqrt(1 + reviewed[category])
                 for category, rows in waiting.items() if rows}
        if not worth:
            break
        best = max(worth, key=lambda category: worth[category])
        drawn.append(Draw(waiting[best].pop().report_id, "valuable", "rare_category", round(worth[best], 4)))
        reviewed[best] += 1
    return drawn


def _diverse(connection: Connection, asker: Asker, limit: int, without: Collection[str]) -> list[Draw]:
    """Return reports farthest-first (k-center) from those reviewed or asked, leaving out near-copies.

    Sener and Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach (ICLR 2018).
    """
    pool = (select(_STATE.report_id, answers.c.embedding)
            .join(answers, answers.c.report_id == _STATE.report_id)
            .where(eligible("diverse", asker), free(asker, without), answers.c.embedding_space == asker.space)
            .order_by(_STATE.place).limit(MOST_COMPARED))
    rows = connection.execute(pool).all()
    if not rows:
        return []
    vectors = _matrix([row.embedding for row in rows])
    distance = np.full(len(rows), 2.0, dtype=np.float32)
    centres = _centres(connection, asker)
    if len(centres):
        distance = np.asarray(1.0 - (vectors @ centres.T).max(axis=1), dtype=np.float32)
    drawn: list[Draw] = []
    while len(drawn) < min(limit, len(rows)):
        best = int(distance.argmax())
        if distance[best] < NEAR_COPY:
            break
        value = round(min(float(distance[best]), 1.0), 4)
        drawn.append(Draw(rows[best].report_id, "diverse", "unlike_reviewed", value))
        distance = np.minimum(distance, 1.0 - vectors @ vectors[best])
    return drawn


def _centres(connection: Connection, asker: Asker) -> FloatArray:
    """Return the embeddings of what was reviewed or asked last, float32 (≤ MOST_COMPARED, E)."""
    asked = select(answers.c.embedding).join(leases, leases.c.report_id == answers.c.report_id).where(
        leases.c.until > asker.now, answers.c.embedding_space == asker.space).limit(MOST_COMPARED)
    reviewed = (select(answers.c.embedding).join(review_states, _STATE.report_id == answers.c.report_id)
                .where(_STATE.reviewed_at.is_not(None), answers.c.embedding_space == asker.space)
                .order_by(_STATE.reviewed_at.desc()).limit(MOST_COMPARED))
    stored = [*connection.execute(asked).scalars(), *connection.execute(reviewed).scalars()]
    return _matrix(stored[:MOST_COMPARED])


def _matrix(stored: Sequence[bytes]) -> FloatArray:
    return np.stack([embedding_of(one) for one in stored]) if stored else np.zeros((0, 0), dtype=np.float32)
