"""The chain over all corrections: each link has the hash of the one before, so that later tampering shows.

A link holds hashes alone. When a report is erased its corrections go with it, and a link says which; the salt of an
erased correction is gone, so its hash tells nothing of what it said.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from knowledge_base.storage.review_tables import audit_links
from knowledge_base.storage.tables import corrections

FIRST_PREVIOUS = "0" * 64
CORRECTION, ERASURE = "correction", "erasure"
CONTENT_FIELDS = ("number", "report_id", "field", "value", "reason", "actor", "recorded_at", "entry", "reading",
                  "undoes", "bundle", "knowledge_base", "salt")
_LINK_FIELDS = ("number", "action", "correction", "content_hash", "erased", "recorded_at", "previous_hash")


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of the chain; ``number`` is 0 where there is none."""

    number: int = 0
    hash: str = FIRST_PREVIOUS


def canonical_hash(content: Mapping[str, Any]) -> str:
    """Return the hexadecimal SHA-256 of canonical JSON: names sorted, no blanks, UTF-8."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def content_hash(correction: Mapping[str, Any]) -> str:
    """Return the hash of what a row of ``corrections`` says."""
    return canonical_hash({name: correction[name] for name in CONTENT_FIELDS})


def link_hash(link: Mapping[str, Any]) -> str:
    """Return the hash that a row of ``audit_links`` must have."""
    return canonical_hash({name: link[name] for name in _LINK_FIELDS})


def last_link(connection: Connection) -> Head:
    """Return the head of the chain."""
    row = connection.execute(select(audit_links.c.number, audit_links.c.hash)
                             .order_by(audit_links.c.number.desc()).limit(1)).one_or_none()
    return Head(row.number, row.hash) if row is not None else Head()


def append_link(connection: Connection, action: str, correction: int | None, content: str,
                erased: Sequence[int] = ()) -> str:
    """Append a link within a writing transaction and return its hash."""
    last = last_link(connection)
    link: dict[str, Any] = {"number": last.number + 1, "action": action, "correction": correction,
                            "content_hash": content, "erased": list(erased),
                            "recorded_at": datetime.now(UTC).isoformat(), "previous_hash": last.hash}
    link["hash"] = link_hash(link)
    connection.execute(insert(audit_links).values(link))
    return str(link["hash"])


def chain_correction(connection: Connection, number: int) -> str:
    """Append the link of the correction with this number and return its hash."""
    row = connection.execute(select(corrections).where(corrections.c.number == number)).mappings().one()
    return append_link(connection, CORRECTION, number, content_hash(dict(row)))


def chain_erasure(connection: Connection, report_id: str) -> None:
    """Append a link that names the links of a report's corrections, which are about to be erased."""
    erased = list(connection.execute(
        select(audit_links.c.number).join(corrections, corrections.c.number == audit_links.c.correction)
        .where(corrections.c.report_id == report_id).order_by(audit_links.c.number)).scalars())
    if erased:
        append_link(connection, ERASURE, None, canonical_hash({"erased": erased}), erased)
