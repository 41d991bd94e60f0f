"""What the engine asks about earlier reports; nothing here needs a database."""

from __future__ import annotations

from typing import Protocol

from knowledge_base.storage.records import EarlierReport, EventOf
from models.contract import FloatArray

NEAREST = 16
SEARCHED = 32
_CITY_DIGITS = 4


class EarlierReports(Protocol):
    """What the engine asks about the past."""

    def candidates(self, embedding: FloatArray, region: str | None, report_id: str) -> list[EarlierReport]:
        """Return up to ``NEAREST`` earlier reports that this one may repeat, nearest first."""
        ...

    def event_of(self, report_id: str) -> EventOf | None:
        """Return the event of an earlier report."""
        ...


def same_city(region: str | None, other: str | None) -> bool:
    """Tell whether two division codes can be of one city; an unknown region or a whole province can be."""
    if region is None or other is None:
        return True
    if region.endswith("0000") or other.endswith("0000"):
        return region[:2] == other[:2]
    return region[:_CITY_DIGITS] == other[:_CITY_DIGITS]


class NoEarlierReports:
    """No past at all: for the command line without a data directory."""

    def candidates(self, embedding: FloatArray, region: str | None, report_id: str) -> list[EarlierReport]:
        """Return nothing."""
        return []

    def event_of(self, report_id: str) -> EventOf | None:
        """Return None."""
        return None
