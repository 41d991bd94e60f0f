"""Checking the chain over all corrections against what stands in the database now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Connection, RowMapping, Text, select, type_coerce

from knowledge_base.storage.chain import (
    CONTENT_FIELDS,
    CORRECTION,
    ERASURE,
    Head,
    canonical_hash,
    content_hash,
    last_link,
    link_hash,
)
from knowledge_base.storage.database import Database
from knowledge_base.storage.review_tables import audit_links
from knowledge_base.storage.tables import corrections

PAGE_LINKS = 1_000
_UNREADABLE = object()


@dataclass(frozen=True, slots=True)
class Fault:
    """The first broken entry: ``link`` is its number in the chain, ``correction`` that of the correction, if any."""

    code: str
    link: int
    correction: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What the check found: how many links, the head, and the first fault or None."""

    links: int
    head: Head
    fault: Fault | None


def verify(database: Database, kept: Head | None = None) -> Verified:
    """Check every link and correction; ``kept`` is a head noted earlier, which the chain must still hold."""
    with database.reading() as connection:
        erased = _erased(connection)
        before, kept_found = Head(), kept is None or kept == Head()
        for row in _rows(connection):
            fault = _fault(row, before, erased)
            if fault is not None:
                return Verified(before.number, before, fault)
            before = Head(row["number"], row["hash"])
            kept_found = kept_found or before == kept
        fault = _unchained(connection)
        if fault is None and kept is not None and not kept_found:
            fault = _cut(before, kept)
    return Verified(before.number, before, fault)


def head_of(database: Database) -> Head:
    """Return the head of the chain as it stands."""
    with database.reading() as connection:
        return last_link(connection)


def _erased(connection: Connection) -> frozenset[int]:
    found = connection.execute(select(audit_links.c.number, type_coerce(audit_links.c.erased, Text))
                               .where(audit_links.c.action == ERASURE)).all()
    lists = [(number, _parsed(text)) for number, text in found]
    return frozenset(link for number, links in lists if isinstance(links, list) for link in links
                     if isinstance(link, int) and link < number)


def _parsed(text: object) -> object:
    """Return the value of a JSON column that anyone may have spoilt."""
    try:
        return json.loads(text) if isinstance(text, str) else _UNREADABLE
    except ValueError:
        return _UNREADABLE


def _rows(connection: Connection) -> Iterator[RowMapping]:
    """Yield the links in order, each with the columns of its correction prefixed by ``c_``; JSON comes as text."""
    columns = [_as_stored(corrections.c[name]).label(f"c_{name}") for name in CONTENT_FIELDS]
    query = (select(*(_as_stored(column).label(column.name) for column in audit_links.c), *columns)
             .join(corrections, corrections.c.number == audit_links.c.correction, isouter=True)
             .order_by(audit_links.c.number).limit(PAGE_LINKS))
    after = -(2**62)
    while rows := connection.execute(query.where(audit_links.c.number > after)).mappings().all():
        yield from rows
        after = rows[-1]["number"]


def _as_stored(column: Column[Any]) -> ColumnElement[Any]:
    return type_coerce(column, Text) if isinstance(column.type, JSON) else column


def _fault(row: RowMapping, before: Head, erased: frozenset[int]) -> Fault | None:
    number, correction = row["number"], row["correction"]
    if number != before.number + 1:
        return Fault("deleted", before.number + 1, None, f"link {before.number + 1} is missing; next comes {number}")
    if row["previous_hash"] != before.hash:
        return Fault("reordered", number, correction, "it does not have the hash of the link before it")
    erased_here = _parsed(row["erased"])
    if erased_here is _UNREADABLE or row["hash"] != link_hash({**row, "erased": erased_here}):
        return Fault("edited", number, correction, "the link differs from its own hash")
    if row["action"] == ERASURE:
        if row["content_hash"] != canonical_hash({"erased": erased_here}):
            return Fault("edited", number, None, "the list of what was erased differs from its hash")
        return None
    if row["action"] != CORRECTION:
        return Fault("edited", number, correction, "an action that does not exist")
    return _content_fault(row, number in erased)


def _content_fault(row: RowMapping, erased: bool) -> Fault | None:
    number, correction = row["number"], row["correction"]
    if row["c_number"] is None:
        message = "the correction is gone and no erasure of its report names it"
        return None if erased else Fault("deleted", number, correction, message)
    content = {name: row[f"c_{name}"] for name in CONTENT_FIELDS} | {"value": _parsed(row["c_value"])}
    if content["value"] is _UNREADABLE or content_hash(content) != row["content_hash"]:
        return Fault("edited", number, correction, "what the correction says differs from its hash")
    return None


def _unchained(connection: Connection) -> Fault | None:
    number = connection.execute(
        select(corrections.c.number).join(audit_links, audit_links.c.correction == corrections.c.number, isouter=True)
        .where(audit_links.c.number.is_(None)).order_by(corrections.c.number).limit(1)).scalar()
    return None if number is None else Fault("unchained", 0, number, "the correction has no link in the chain")


def _cut(last: Head, kept: Head) -> Fault:
    if kept.number > last.number:
        return Fault("truncated", last.number + 1, None,
                     f"the chain ends at link {last.number}, but its head was once link {kept.number}")
    return Fault("rewritten", kept.number, None, "the chain does not hold the head that was kept")
