"""The daily counts behind the hotspots, kept in memory and brought up to date from the database on each look."""

from __future__ import annotations

import threading

from knowledge_base.daily_counts import DAYS_KEPT, DailyCounts
from knowledge_base.hotspots import Findings, find_surges
from knowledge_base.storage.daily_counts import CHINA_SECONDS, DAY_SECONDS, china_day, count_days
from knowledge_base.storage.database import Database
from serving.hotspot_sections import CellSeries, series_of


class HotspotCounts:
    """Counts reports once: the first look counts 500 days, each later one what was stored since; thread-safe.

    Only numbers are kept, so a report that is erased later stays counted until the service starts again.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._counts = DailyCounts()
        self._sequence = 0

    def look(self, now: int) -> tuple[Findings, list[CellSeries]]:
        """Return what stands above its past at a moment (seconds since 1970), and the days of each such cell."""
        today = china_day(now)
        elapsed = (now + CHINA_SECONDS) % DAY_SECONDS / DAY_SECONDS
        with self._lock:
            self._follow(today)
            findings = find_surges(self._counts, today, elapsed)
            return findings, series_of(findings, self._counts, today, elapsed)

    def _follow(self, today: int) -> None:
        self._counts.forget_before(today - DAYS_KEPT)
        with self._database.reading() as connection:
            counted, self._sequence = count_days(connection, self._sequence, today - DAYS_KEPT)
        for one in counted:
            self._counts.add(one.category, one.region, one.day, one.count)
