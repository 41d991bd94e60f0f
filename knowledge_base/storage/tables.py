"""The tables of reports. Corrections and outcomes are append-only; a trigger refuses to change them."""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    event,
)

metadata = MetaData()


def _report_id(*, primary_key: bool = False) -> Column[str]:
    return Column("report_id", String(128), ForeignKey("reports.id", ondelete="CASCADE"),
                  primary_key=primary_key, nullable=False)


reports = Table(
    "reports", metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("id", String(128), nullable=False, unique=True),
    Column("content_hash", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("received_at", String(40), comment="RFC 3339 as received, offset kept"),
    Column("region", String(6)),
    Column("channel", String(20)),
    Column("reporter_ref", String(200)),
    Column("anonymous", Boolean, nullable=False),
    Column("attachments", JSON, nullable=False),
    Column("stored_at", String(40), nullable=False),
    Column("effective_at", Integer, nullable=False, comment="received_at, else stored_at; seconds since 1970"),
    Index("reports_effective_at", "effective_at"),
    sqlite_autoincrement=True,
)

answers = Table(
    "answers", metadata,
    _report_id(primary_key=True),
    Column("body", Text, nullable=False, comment="the JSON exactly as sent"),
    Column("bundle", String(100), nullable=False),
    Column("knowledge_base", String(100), nullable=False),
    Column("embedding", LargeBinary, nullable=False, comment="float16, little-endian"),
    Column("embedding_space", String(100), nullable=False, comment="hash of the bundle that made the embedding"),
    Column("places", JSON, nullable=False),
    Column("kind", String(10), nullable=False),
    Column("category", String(10), nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("lead", String(10), nullable=False),
    Column("verifiability", Integer, nullable=False),
    Column("route", String(10), nullable=False),
    Column("certainty", Float, nullable=False, comment="smaller of category and lead probability"),
    Index("answers_certainty", "certainty"),
)

CORRECTION_COLUMNS_OF_SCHEMA_2 = (
    Column("entry", String(20), nullable=False, server_default="corrected"),
    Column("reading", String(20), nullable=False, server_default="first"),
    Column("undoes", Integer, comment="number of the correction that this one takes back"),
    Column("bundle", String(100), nullable=False, server_default=""),
    Column("knowledge_base", String(100), nullable=False, server_default=""),
    Column("salt", String(32), nullable=False, server_default="", comment="so that an erased entry cannot be guessed"),
)

corrections = Table(
    "corrections", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _report_id(),
    Column("field", String(30), nullable=False),
    Column("value", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("recorded_at", String(40), nullable=False),
    *CORRECTION_COLUMNS_OF_SCHEMA_2,
    Index("corrections_report", "report_id"),
    sqlite_autoincrement=True,
)

outcomes = Table(
    "outcomes", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    _report_id(),
    Column("handled_by", String(10)),
    Column("co_handlers", JSON, nullable=False),
    Column("finding", String(20)),
    Column("closed_at", String(40)),
    Column("recorded_at", String(40), nullable=False),
    Index("outcomes_report", "report_id"),
    sqlite_autoincrement=True,
)

events = Table(
    "events", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("created_at", String(40), nullable=False),
    sqlite_autoincrement=True,
)

event_members = Table(
    "event_members", metadata,
    _report_id(primary_key=True),
    Column("event_number", Integer, ForeignKey("events.number", ondelete="CASCADE"), nullable=False),
    Index("event_members_event", "event_number"),
)

api_keys = Table(
    "api_keys", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("key_hash", String(64), nullable=False, unique=True),
    Column("role", String(20), nullable=False),
    Column("name", String(100), nullable=False),
    Column("created_at", String(40), nullable=False),
    Column("revoked_at", String(40)),
    sqlite_autoincrement=True,
)


def append_only(table: Table, change: str = "UPDATE") -> str:
    """Return the SQLite statement that makes a table refuse a kind of change."""
    suffix = "append_only" if change == "UPDATE" else f"no_{change.lower()}"
    return (f"CREATE TRIGGER {table.name}_{suffix} BEFORE {change} ON {table.name} "
            f"BEGIN SELECT RAISE(ABORT, '{table.name} are append-only'); END")


for _table in (corrections, outcomes):
    event.listen(_table, "after_create",
                 DDL(append_only(_table)).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
