"""Metrics and one JSON log line a request, both without what reports say."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

logger = logging.getLogger("fenzhuan")
_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_FIELDS = ("event", "method", "route", "status", "duration_ms", "role", "request", "stage", "error", "place", "count")


class Telemetry:
    """The metrics of one application, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("fenzhuan_requests", "Requests answered", ["method", "route", "status"],
                                registry=self.registry)
        self.request_seconds = Histogram("fenzhuan_request_seconds", "Time to answer a request", ["route"],
                                         buckets=_BUCKETS_S, registry=self.registry)
        self.stage_seconds = Histogram("fenzhuan_stage_seconds", "Time of one stage of an answer", ["stage"],
                                       buckets=_BUCKETS_S, registry=self.registry)
        self.decisions = Counter("fenzhuan_decisions", "Reports by route", ["route"], registry=self.registry)
        self.reasons = Counter("fenzhuan_review_reasons", "Reasons for review", ["reason"], registry=self.registry)
        self.degraded = Counter("fenzhuan_degraded", "Stages that failed", ["stage"], registry=self.registry)
        self.stored = Counter("fenzhuan_reports_stored", "Reports stored", registry=self.registry)
        self.in_flight = Gauge("fenzhuan_in_flight", "Requests being answered", registry=self.registry)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds.labels(name).observe(time.perf_counter() - started)

    def decided(self, route: str, reasons: Sequence[str], degraded: Sequence[str]) -> None:
        """Count a decision."""
        self.decisions.labels(route).inc()
        for reason in reasons:
            self.reasons.labels(reason).inc()
        for stage in degraded:
            self.degraded.labels(stage).inc()

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self.registry)


def where(error: BaseException) -> str:
    """Return file and line of the innermost frame of an error: its message might quote a report."""
    trace = error.__traceback__
    if trace is None:
        return "unknown"
    while trace.tb_next is not None:
        trace = trace.tb_next
    return f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"


def log_failure(event: str, error: BaseException, stage: str = "") -> None:
    """Log an error by type and place, without its message."""
    logger.error(event, extra={"event": event, "stage": stage, "error": type(error).__name__, "place": where(error)})


class JsonFormatter(logging.Formatter):
    """One JSON object a line; tracebacks are reduced to type and place."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, object] = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"),
                                   "level": record.levelname.lower(), "logger": record.name}
        if record.name == logger.name:
            line |= {name: record.__dict__[name] for name in _FIELDS if record.__dict__.get(name) not in (None, "")}
        elif record.exc_info and record.exc_info[1] is not None:
            line |= {"error": type(record.exc_info[1]).__name__, "place": where(record.exc_info[1])}
        else:
            line["message"] = record.getMessage()
        return json.dumps(line, ensure_ascii=False)


def configure_logging() -> None:
    """Send every log record as JSON to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logger.setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).setLevel(logging.INFO)
