"""Reports by category, region and day in China, with what a day of its sort usually brings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

Cell = tuple[str, str | None]
Counts = Mapping[int, int]
Floats = NDArray[np.float64]
DAYS_KEPT = 500
YEAR_DAYS = 364
_EPOCH = date(1970, 1, 1)
_NEARBY_DAYS = 14
_SHRINK = 20.0
_LEAST_FACTOR, _MOST_FACTOR = 0.2, 3.0


class DailyCounts:
    """How many reports of each cell (category, region) came on each day; days are numbered from 1970 in China."""

    def __init__(self) -> None:
        self.cells: dict[Cell, dict[int, int]] = {}
        self.by_category: dict[str, dict[int, int]] = {}
        self.by_region: dict[str | None, dict[int, int]] = {}
        self.total: dict[int, int] = {}

    def add(self, category: str, region: str | None, day: int, count: int = 1) -> None:
        """Count reports."""
        for counts in (self.cells.setdefault((category, region), {}), self.by_category.setdefault(category, {}),
                       self.by_region.setdefault(region, {}), self.total):
            counts[day] = counts.get(day, 0) + count

    def forget_before(self, day: int) -> None:
        """Drop the days before this one, and the cells that have no other."""
        if not self.total or min(self.total) >= day:
            return
        kept = [(cell, at, count) for cell, counts in self.cells.items() for at, count in counts.items() if at >= day]
        self.__init__()  # type: ignore[misc]
        for (category, region), at, count in kept:
            self.add(category, region, at, count)


def between(counts: Counts, start: int, end: int) -> int:
    """Return the count of the half-open days ``[start, end)``."""
    if end - start < len(counts):
        return sum(counts.get(day, 0) for day in range(start, end))
    return sum(count for day, count in counts.items() if start <= day < end)


@lru_cache(maxsize=4 * DAYS_KEPT)
def day_class(day: int) -> str:
    """Return the sort of a day: a public holiday, a working day made up for one, else its weekday.

    For a year that the calendar lacks only weekdays are known.
    """
    named = _EPOCH + timedelta(days=day)
    try:
        free, festival = chinese_calendar.get_holiday_detail(named)
    except NotImplementedError:
        return str(named.weekday())
    if festival is None:
        return str(named.weekday())
    return "holiday" if free else "made_up"


def day_factors(total: Counts, today: int) -> dict[str, float]:
    """Return for each sort of day how many reports it brings, over what the four weeks around it bring a day.

    Learned over the last year, drawn to 1 as by twenty reports; today does not count.
    """
    first = max(min(total, default=today), today - YEAR_DAYS)
    days = range(first, today)
    series = np.array([total.get(day, 0) for day in days], dtype=np.float64)
    came: dict[str, float] = defaultdict(float)
    usual: dict[str, float] = defaultdict(float)
    for place, day in enumerate(days):
        around = series[max(0, place - _NEARBY_DAYS):place + _NEARBY_DAYS + 1]
        sort = day_class(day)
        came[sort] += series[place]
        usual[sort] += float(around.mean())
    return {sort: min(_MOST_FACTOR, max(_LEAST_FACTOR, (came[sort] + _SHRINK) / (usual[sort] + _SHRINK)))
            for sort in came}


def exposure(days: Iterable[int], factors: Mapping[str, float]) -> float:
    """Return how many ordinary days these days are worth."""
    return sum(factors.get(day_class(day), 1.0) for day in days)
