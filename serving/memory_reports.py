"""Earlier reports held in memory: what a batch compares its rows with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from knowledge_base.duplicates import COMPARED_CHARACTERS
from knowledge_base.report_index import FlatReportIndex
from knowledge_base.storage.records import EarlierReport, EventOf
from models.contract import FloatArray, Report
from serving.earlier import NEAREST, SEARCHED, same_city

_UNKNOWN = datetime.max.replace(tzinfo=UTC)


def as_kept(embedding: FloatArray) -> FloatArray:
    """Return an embedding in the precision in which it is kept, float32 (E,) of float16 values."""
    return np.asarray(embedding, dtype=np.float16).astype(np.float32)


class MemoryReports:
    """Reports of this process alone, in the order in which they were added; events count from 1."""

    def __init__(self, embedding_size: int) -> None:
        self._index = FlatReportIndex(embedding_size, "memory")
        self._reports: list[EarlierReport] = []
        self._place: dict[str, int] = {}
        self._event: dict[str, int] = {}
        self._members: list[list[str]] = []

    def __len__(self) -> int:
        return len(self._reports)

    def add(self, report: Report, embedding: FloatArray, places: tuple[str, ...], category: str) -> None:
        """Keep a report for those that follow; of its text only what pairs are compared by.

        ``embedding`` is float32 (E,) of unit length, as ``as_kept`` returns it.
        """
        sequence = len(self._reports)
        kept = replace(report, text=report.text[:COMPARED_CHARACTERS])
        self._reports.append(EarlierReport(sequence, kept, np.asarray(embedding, dtype=np.float16), places, category))
        self._place[report.id] = sequence
        self._index.add(sequence, embedding)

    def join(self, report_id: str, matched: str) -> str:
        """Put a report into the event of an earlier one, made where there is none; return the event's id."""
        if matched not in self._event:
            self._members.append([matched])
            self._event[matched] = len(self._members)
        number = self._event[matched]
        self._members[number - 1].append(report_id)
        self._event[report_id] = number
        return f"E-{number:06d}"

    def candidates(self, embedding: FloatArray, region: str | None, report_id: str) -> list[EarlierReport]:
        """Return up to ``NEAREST`` earlier reports of the same city, nearest first."""
        near = (self._reports[sequence] for sequence, _ in self._index.search(as_kept(embedding), SEARCHED))
        return [replace(earlier, embedding=earlier.embedding.astype(np.float32)) for earlier in near
                if same_city(region, earlier.report.region) and earlier.report.id != report_id][:NEAREST]

    def event_of(self, report_id: str) -> EventOf | None:
        """Return the event of an earlier report, with the report of it that came first."""
        number = self._event.get(report_id)
        if number is None:
            return None
        return EventOf(f"E-{number:06d}", min(self._members[number - 1], key=self._received))

    def _received(self, report_id: str) -> tuple[datetime, int]:
        sequence = self._place[report_id]
        return self._reports[sequence].report.received_at or _UNKNOWN, sequence
