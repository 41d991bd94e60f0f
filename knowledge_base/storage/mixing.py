"""The default strategy: stated shares of the others, kept over time however few reports are asked for at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select

from knowledge_base.storage.drawing import Asker, Draw, draw
from knowledge_base.storage.review_tables import leases

SHARES: Mapping[str, int] = {"urgent": 6, "uncertain": 4, "valuable": 3, "diverse": 3, "random": 2, "second": 2}


def places(start: int, count: int) -> list[str]:
    """Return the parts that the places ``start`` to ``start + count`` of the endless round belong to.

    Each round of ``sum(SHARES.values())`` places gives every part its share, spread as evenly as they go.
    """
    length = sum(SHARES.values())
    credit = dict.fromkeys(SHARES, 0)
    one_round = []
    for _ in range(length):
        for part, share in SHARES.items():
            credit[part] += share
        part = max(credit, key=lambda name: credit[name])
        credit[part] -= length
        one_round.append(part)
    return [one_round[place % length] for place in range(start, start + count)]


def next_place(connection: Connection) -> int:
    """Return the place of the round that comes next: as many as the queue has given out."""
    return int(connection.execute(select(func.max(leases.c.number))).scalar() or 0)


def draw_mixed(connection: Connection, asker: Asker, limit: int, without: Collection[str] = ()) -> list[Draw]:
    """Return up to ``limit`` free reports: urgent ones first, then place by place; an empty part gives way."""
    wanted = places(next_place(connection), limit)
    offers: dict[str, list[Draw]] = {}
    drawn: dict[str, Draw] = {}

    def offer(part: str) -> Draw | None:
        if part not in offers:
            offers[part] = draw(connection, part, asker, limit, without)[::-1]
        while offers[part]:
            one = offers[part].pop()
            if one.report_id not in drawn:
                return one
        return None

    for part in wanted:
        one = next(filter(None, (offer(name) for name in _from(part))), None)
        if one is None:
            break
        drawn[one.report_id] = one
    return sorted(drawn.values(), key=lambda one: one.part != "urgent")


def _from(part: str) -> Sequence[str]:
    parts = list(SHARES)
    place = parts.index(part)
    return parts[place:] + parts[:place]
