"""The parts of the answer about hotspots: surges, their days, events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from knowledge_base.daily_counts import DailyCounts, between
from knowledge_base.hotspots import EARLY_P, FALSE_DISCOVERY_RATE, Baseline, Findings, Surge
from knowledge_base.loading import KnowledgeBase
from knowledge_base.storage.daily_counts import EventGrowth
from serving.sections import category_path

SERIES_DAYS = 56
WEEK_DAYS = 7
PAST_WEEKS = 8
MOST_LISTED = 50
MOST_EARLY = 20
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class CellSeries:
    """A listed cell with its counts and expected counts of the last 56 days, today last, and of the last weeks."""

    surge: Surge
    first_day: int
    counts: tuple[int, ...]
    expected: tuple[float, ...]
    last_week: int
    weekly_mean_before: float


def series_of(findings: Findings, counts: DailyCounts, today: int, elapsed: float) -> list[CellSeries]:
    """Return the days behind every surge and early warning that is listed, in their order."""
    baseline = Baseline(counts, today, elapsed)
    made = []
    for surge in (*findings.surges[:MOST_LISTED], *findings.early[:MOST_EARLY]):
        cell = surge.category, surge.region
        days = counts.cells[cell]
        first, week = today - SERIES_DAYS + 1, today - WEEK_DAYS
        made.append(CellSeries(
            surge, first, tuple(days.get(day, 0) for day in range(first, today + 1)),
            tuple(round(one, 2) for one in baseline.daily(cell, SERIES_DAYS)),
            between(days, week, today + 1), between(days, week - WEEK_DAYS * PAST_WEEKS, week) / PAST_WEEKS))
    return made


def cell(series: CellSeries, knowledge_base: KnowledgeBase) -> dict[str, Any]:
    """Return a surge or an early warning."""
    surge = series.surge
    return {"category": surge.category, "path": category_path(surge.category, knowledge_base),
            "region": surge.region, "window_days": surge.window_days, "count": surge.count,
            "expected": round(surge.expected, 2), "limit": surge.limit, "ratio": round(surge.count / surge.expected, 2),
            "p_value": float(f"{surge.p_value:.3g}"), "last_7_days": series.last_week,
            "weekly_mean_before": round(series.weekly_mean_before, 3),
            "series": {"from": (_EPOCH + timedelta(days=series.first_day)).isoformat(),
                       "counts": list(series.counts), "expected": list(series.expected)}}


def event(growth: EventGrowth, knowledge_base: KnowledgeBase) -> dict[str, Any]:
    """Return a growing event."""
    past = growth.before / PAST_WEEKS
    return {"event_id": growth.event_id, "first_report": growth.first_report, "title": growth.title,
            "category": growth.category, "path": category_path(growth.category, knowledge_base),
            "region": growth.region, "reports": growth.reports, "last_7_days": growth.recent,
            "weekly_mean_before": round(past, 3), "growth": round(growth.recent - past, 3),
            "first_at": _moment(growth.first_at), "last_at": _moment(growth.last_at)}


def hotspots(as_of: datetime, findings: Findings, cells: Sequence[CellSeries], events: Sequence[EventGrowth],
             knowledge_base: KnowledgeBase) -> dict[str, Any]:
    """Return the whole answer."""
    listed = len(findings.surges[:MOST_LISTED])
    grown = [event(one, knowledge_base) for one in events]
    return {"as_of": as_of.isoformat(), "events": sorted(grown, key=lambda one: -one["growth"]),
            "surges": [cell(one, knowledge_base) for one in cells[:listed]],
            "early_warnings": [cell(one, knowledge_base) for one in cells[listed:]],
            "basis": {"cells": findings.cells, "past_days": findings.base_days,
                      "false_discovery_rate": FALSE_DISCOVERY_RATE, "early_p": EARLY_P}}


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
