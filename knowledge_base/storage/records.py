"""The records that go into and come out of storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from knowledge_base.storage.signals import Signals
from models.contract import FloatArray, Report


@dataclass(frozen=True, slots=True, eq=False)
class NewAnswer:
    """An answered report about to be stored; ``duplicate_of`` names the report whose event it joins.

    ``embedding`` is float32 (E,) of unit length; ``embedding_space`` names the network that made it. ``signals``
    say how doubtful the answer is; where they are missing, ``certainty`` stands in for them.
    """

    report: Report
    content_hash: str
    embedding: FloatArray
    embedding_space: str
    places: tuple[str, ...]
    kind: str
    category: str
    urgency: int
    lead: str
    verifiability: int
    route: str
    certainty: float
    bundle: str
    knowledge_base: str
    duplicate_of: str | None = None
    signals: Signals | None = None


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """The answer of a report as it was first sent; ``created`` is False where it was stored before."""

    sequence: int
    body: str
    created: bool


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report with its answer; ``body`` is the answer's JSON as sent."""

    sequence: int
    report: Report
    stored_at: str
    body: str
    verifiability: int


@dataclass(frozen=True, slots=True, eq=False)
class EarlierReport:
    """A stored report as the duplicate stage sees it; ``embedding`` is float32 (E,)."""

    sequence: int
    report: Report
    embedding: FloatArray
    places: tuple[str, ...]
    category: str


@dataclass(frozen=True, slots=True)
class EventOf:
    """The event that a report belongs to, and the earliest report of it."""

    event_id: str
    earliest_report: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What a reviewer changed, confirmed or took back.

    ``entry``: corrected, confirmed, undone; ``reading``: first, second, adjudication, later. ``bundle`` and
    ``knowledge_base`` made the answer that was judged; ``hash`` is the entry's link in the chain.
    """

    number: int
    report_id: str
    field: str
    value: Any
    reason: str
    actor: str
    recorded_at: str
    entry: str = "corrected"
    reading: str = "first"
    undoes: int | None = None
    bundle: str = ""
    knowledge_base: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A field with the value that a reviewer says is right."""

    field: str
    value: Any
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a report; ``finding`` is verified, partly_verified, unfounded or None."""

    handled_by: str | None
    co_handlers: tuple[str, ...]
    finding: str | None
    closed_at: str | None
    recorded_at: str = ""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: never the key itself."""

    number: int
    role: str
    name: str
    created_at: str
    revoked_at: str | None
