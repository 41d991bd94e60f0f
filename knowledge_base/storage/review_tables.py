"""The tables of the review desk: the chain over the corrections, what waits for whom, what is kept for whom."""

from __future__ import annotations

from sqlalchemy import DDL, JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, event

from knowledge_base.storage.tables import append_only, metadata

audit_links = Table(
    "audit_links", metadata,
    Column("number", Integer, primary_key=True, autoincrement=False, comment="1, 2, 3, … without a gap"),
    Column("action", String(20), nullable=False, comment="correction or erasure"),
    Column("correction", Integer, unique=True, comment="number of the correction; no foreign key: links outlive it"),
    Column("content_hash", String(64), nullable=False),
    Column("erased", JSON, nullable=False, comment="links whose corrections were erased with their report"),
    Column("recorded_at", String(40), nullable=False),
    Column("previous_hash", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

review_states = Table(
    "review_states", metadata,
    Column("report_id", String(128), ForeignKey("reports.id", ondelete="CASCADE"), primary_key=True),
    Column("sequence", Integer, nullable=False),
    Column("route", String(10), nullable=False),
    Column("urgency", Integer, nullable=False),
    Column("effective_at", Integer, nullable=False),
    Column("category", String(10), nullable=False, comment="as predicted; once reviewed what stands"),
    Column("uncertainty", Float, nullable=False),
    Column("margin", Float, nullable=False),
    Column("lead_doubt", Float, nullable=False, comment="1 where network and duties name different leads"),
    Column("set_size", Integer, nullable=False),
    Column("place", Float, nullable=False, comment="in [0, 1) by a hash of the id: the random order"),
    Column("audited", Boolean, nullable=False, comment="in the audit sample: among the lowest places"),
    Column("stage", String(20), nullable=False, comment="open, second, adjudicate, closed"),
    Column("first_reader", String(100)),
    Column("second_reader", String(100)),
    Column("differing", Integer, nullable=False, server_default="0", comment="fields in which two readings differ"),
    Column("reviewed_at", String(40)),
    Index("review_states_uncertain", "stage", "route", "audited", "uncertainty"),
    Index("review_states_category", "stage", "route", "audited", "category", "uncertainty"),
    Index("review_states_urgent", "stage", "urgency", "effective_at"),
    Index("review_states_recent", "stage", "effective_at"),
    Index("review_states_place", "stage", "place"),
    Index("review_states_reviewed", "reviewed_at"),
)

leases = Table(
    "leases", metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("report_id", String(128), ForeignKey("reports.id", ondelete="CASCADE"), nullable=False),
    Column("reviewer", String(100), nullable=False),
    Column("until", Float, nullable=False, comment="seconds since 1970; one that is over stays for a day"),
    Column("strategy", String(20), nullable=False, comment="as asked for"),
    Column("part", String(20), nullable=False, comment="the part of mixed, else the strategy"),
    Column("why", String(40), nullable=False),
    Column("value", Float, nullable=False),
    Index("leases_report", "report_id", "reviewer", unique=True),
    Index("leases_until", "until"),
    sqlite_autoincrement=True,
)

for _change in ("UPDATE", "DELETE"):
    event.listen(audit_links, "after_create",
                 DDL(append_only(audit_links, _change)).execute_if(dialect="sqlite"))  # type: ignore[no-untyped-call]
