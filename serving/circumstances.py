"""How a report came, for the false-report score: recent reports and outcomes, followed in the database."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from knowledge_base.behaviour import CAPACITY, WINDOW_SECONDS, RecentReports, trace_of
from knowledge_base.deadlines import CHINA
from knowledge_base.false_report import Circumstances
from knowledge_base.false_report_weights import Weights, count_outcomes, fit, read_weights
from knowledge_base.storage.behaviour import (
    Finding,
    findings_after,
    first_of_the_last,
    last_findings,
    newest_report,
    reports_after,
)
from knowledge_base.storage.database import Database
from models.contract import Report

PAGE_ROWS = 1000
OUTCOMES_KEPT = 20_000
LEARNED_EVERY = 20


class CircumstancesOf(Protocol):
    """What the engine asks of how a report came."""

    def of(self, report: Report, subjects: Sequence[str]) -> Circumstances:
        """Return the circumstances of a report that names these subjects."""
        ...


class NoCircumstances:
    """Nothing is known but the time of receipt: for the command line."""

    def of(self, report: Report, subjects: Sequence[str]) -> Circumstances:
        """Return the day of receipt alone."""
        return Circumstances(received=report.received_at.astimezone(CHINA).date() if report.received_at else None)


class StoredCircumstances:
    """Follows the database: each call first reads the reports and outcomes stored since the last; thread-safe.

    It remembers hashes of up to 20,000 reports of the last 30 days and the findings of the last 20,000 outcomes, and
    learns the weights anew from these with every twentieth.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._recent = RecentReports()
        self._closed: dict[str, Finding] = {}
        self._prior = read_weights()
        self._weights = self._prior
        self._learned_from = 0
        self._read = 0
        with database.reading() as connection:
            self._sequence = first_of_the_last(connection, CAPACITY)
            self._number = last_findings(connection, OUTCOMES_KEPT)
            since = newest_report(connection) - WINDOW_SECONDS
        self._follow(since)

    @property
    def weights(self) -> Weights:
        """The weights in force."""
        return self._weights

    def of(self, report: Report, subjects: Sequence[str]) -> Circumstances:
        """Return signals and weights in the light of everything that is stored."""
        at = report.received_at or datetime.now(UTC)
        with self._lock:
            self._follow()
            signals = self._recent.signals(trace_of(report, subjects, at))
            return Circumstances(signals, self._weights, at.astimezone(CHINA).date())

    def _follow(self, since: int = 0) -> None:
        full = True
        while full:
            with self._database.reading() as connection:
                stored = reports_after(connection, self._sequence, PAGE_ROWS, since)
                closed = findings_after(connection, self._number, PAGE_ROWS)
            for one in stored:
                at = datetime.fromtimestamp(one.effective_at, UTC)
                self._recent.add(trace_of(one.report, one.subjects, at, one.sequence))
                self._sequence = one.sequence
            for finding in closed:
                self._judge(finding)
            full = PAGE_ROWS in (len(stored), len(closed))
        if self._read - self._learned_from >= LEARNED_EVERY:
            self._learn()

    def _judge(self, finding: Finding) -> None:
        earlier = self._closed.get(finding.report_id)
        self._recent.judge(finding.sequence, finding.reporter_ref, unfounded=finding.unfounded,
                           before=earlier.unfounded if earlier else None)
        self._closed[finding.report_id] = finding
        self._number = finding.number
        self._read += 1

    def _learn(self) -> None:
        self._learned_from = self._read
        self._weights = fit(self._prior, count_outcomes(
            [(finding.reasons, finding.unfounded) for finding in self._closed.values()]))
