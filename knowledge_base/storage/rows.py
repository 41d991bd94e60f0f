"""Turning reports and embeddings into columns and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import Connection, RowMapping, Table, insert

from knowledge_base.storage.errors import StorageError
from knowledge_base.storage.tables import reports
from models.contract import FloatArray, Report

REPORT_COLUMNS = tuple(reports.c)


def insert_row(connection: Connection, table: Table, columns: dict[str, Any]) -> int:
    """Insert one row and return the number that the database gave it."""
    key = connection.execute(insert(table).values(columns)).inserted_primary_key
    if key is None:
        raise StorageError(f"the database gave no number to a row of {table.name}")
    return int(key[0])


def embedding_bytes(embedding: FloatArray) -> bytes:
    """Return an embedding as little-endian float16."""
    return np.asarray(embedding, dtype="<f2").tobytes()


def embedding_of(stored: bytes) -> FloatArray:
    """Return a stored embedding as float32 (E,)."""
    return np.frombuffer(stored, dtype="<f2").astype(np.float32)


def report_columns(report: Report, stored_at: str) -> dict[str, Any]:
    """Return the columns of ``reports`` that a report fills."""
    effective = report.received_at or datetime.fromisoformat(stored_at)
    return {"id": report.id, "title": report.title, "text": report.text,
            "received_at": report.received_at.isoformat() if report.received_at else None,
            "region": report.region, "channel": report.channel, "reporter_ref": report.reporter_ref,
            "anonymous": report.anonymous, "attachments": [list(pair) for pair in report.attachments],
            "stored_at": stored_at, "effective_at": int(effective.timestamp())}


def report_of(row: RowMapping) -> Report:
    """Return the report that a row of ``reports`` holds."""
    received_at = row["received_at"]
    return Report(text=row["text"], id=row["id"], title=row["title"],
                  received_at=datetime.fromisoformat(received_at) if received_at else None,
                  region=row["region"], channel=row["channel"], reporter_ref=row["reporter_ref"],
                  anonymous=row["anonymous"], attachments=tuple((kind, count) for kind, count in row["attachments"]))
