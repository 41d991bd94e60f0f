"""Answering a file of reports in windows: scored together, considered in order, kept durably window by window."""

from __future__ import annotations

import base64
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from models.contract import FloatArray, Prediction, Predictor, Report
from serving.batch_output import write_answers
from serving.batch_partial import Partial, input_sha256, partial_path
from serving.batch_rows import Row, TableError, read_rows
from serving.core import Core
from serving.local_engine import ReportRefusedError, checked_report, engine_of
from serving.memory_reports import MemoryReports, as_kept
from serving.schemas import content_hash
from serving.telemetry import log_failure

BATCHES_A_WINDOW = 8

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What to answer and how; ``progress`` is called with the number of rows done since the last call."""

    source: Path
    out: Path
    batch_size: int
    workers: int
    progress: Callable[[int], None]


@dataclass(slots=True)
class BatchResult:
    """How a batch went: all rows, those done by an earlier run, and the bad ones by code."""

    rows: int = 0
    resumed: int = 0
    bad: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """What the network says of a report, None where it failed; ``seconds`` is its share of the batch's time."""

    prediction: Prediction | None
    seconds: float


@dataclass(frozen=True, slots=True)
class _Window:
    """Rows in order, each an entry that is done or a report that waits for its score."""

    rows: list[tuple[int, Entry | Report]]
    scores: list[tuple[list[int], Future[list[_Scored]]]]

    def score_by_row(self) -> dict[int, _Scored]:
        return {row: scored for rows, future in self.scores for row, scored in zip(rows, future.result(), strict=True)}


def run_batch(core: Core, plan: BatchPlan) -> BatchResult:
    """Answer every row of ``plan.source`` into ``plan.out``, going on where an earlier run stopped.

    Raises:
        TableError: a file cannot be read or written, or the kept work belongs to something else.
    """
    header = {"input_sha256": input_sha256(plan.source), "bundle": core.bundle.sha256,
              "knowledge_base": core.knowledge_base.version}
    batch = _Batch(core)
    rows = read_rows(plan.source)
    with Partial(partial_path(plan.out), header) as partial:
        for entry in partial.entries():
            _recall(batch, rows, entry)
            plan.progress(1)
        batch.result.resumed = batch.result.rows
        for entries in batch.windows(rows, plan):
            partial.append(entries)
            plan.progress(len(entries))
        write_answers(plan.out, batch.resolved(partial.entries()))
        partial.remove()
    return batch.result


def _recall(batch: _Batch, rows: Iterator[Row], entry: Entry) -> None:
    row = next(rows, None)
    try:
        if row is not None and row.number == entry["row"]:
            batch.recall(row, entry)
            return
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    raise TableError("the kept work does not fit the input; remove the .partial file to start over")


class _Batch:
    """The state of a batch: what its earlier rows said."""

    def __init__(self, core: Core) -> None:
        self._predictor = core.predictor
        self._past = MemoryReports(core.bundle.embedding_size)
        self._engine = engine_of(core, self._past)
        self._seen: dict[str, tuple[str, int]] = {}
        self._repeated: set[int] = set()
        self.result = BatchResult()

    def windows(self, rows: Iterator[Row], plan: BatchPlan) -> Iterator[list[Entry]]:
        """Yield the entries of a window after the other; while one is considered the next is scored."""
        pool = ThreadPoolExecutor(plan.workers)
        try:
            window = self._prepare(rows, plan, pool)
            while window.rows:
                following = self._prepare(rows, plan, pool)
                yield self._conclude(window)
                window = following
        finally:
            pool.shutdown(cancel_futures=True)

    def recall(self, row: Row, entry: Entry) -> None:
        """Take over a row that an earlier run has done."""
        found = self._checked(row)
        if isinstance(found, Report) and "answer" in entry:
            report = replace(found, id=entry["answer"]["id"])
            self._keep(report, _decoded(entry["embedding"]), tuple(entry["places"]), entry)
        self._count(entry)

    def resolved(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield entries with those that repeat an earlier row's report given that row's answer."""
        kept: dict[int, Entry] = {}
        for entry in entries:
            if entry["row"] in self._repeated:
                kept[entry["row"]] = entry
            yield {**kept[entry["repeats"]], "row": entry["row"]} if "repeats" in entry else entry

    def _prepare(self, rows: Iterator[Row], plan: BatchPlan, pool: ThreadPoolExecutor) -> _Window:
        window = [(row.number, self._checked(row))
                  for row in islice(rows, BATCHES_A_WINDOW * plan.batch_size)]
        waiting = [(number, found) for number, found in window if isinstance(found, Report)]
        waiting.sort(key=lambda one: len(one[1].text))
        batches = [waiting[at:at + plan.batch_size] for at in range(0, len(waiting), plan.batch_size)]
        return _Window(window, [([number for number, _ in batch],
                                 pool.submit(_score, self._predictor, [report for _, report in batch]))
                                for batch in batches])

    def _checked(self, row: Row) -> Entry | Report:
        """Return the report of a row, or the entry of one that is refused or repeats an earlier row's id."""
        if row.fault is not None:
            return {"row": row.number, "problem": _problem(*row.fault)}
        try:
            report = checked_report(row.content)
        except ReportRefusedError as error:
            return {"row": row.number, "problem": error.problem}
        digest = content_hash(report)
        earlier, first = self._seen.setdefault(report.id, (digest, row.number))
        if first == row.number:
            return report
        if earlier != digest:
            return {"row": row.number, "id": report.id,
                    "problem": _problem("id_conflict", "id", f"row {first} has the same id with other content")}
        self._repeated.add(first)
        return {"row": row.number, "repeats": first}

    def _conclude(self, window: _Window) -> list[Entry]:
        scores = window.score_by_row()
        entries = []
        for number, found in window.rows:
            entry = self._answered(number, found, scores[number]) if isinstance(found, Report) else found
            self._count(entry)
            entries.append(entry)
        return entries

    def _answered(self, number: int, report: Report, scored: _Scored) -> Entry:
        if scored.prediction is None:
            return {"row": number, "id": report.id,
                    "problem": _problem("internal", "body", "the network could not score this report")}
        answered = self._engine.consider(report, scored.prediction, time.perf_counter() - scored.seconds)
        entry = {"row": number, "answer": answered.body, "places": answered.places, "matched": answered.matched,
                 "embedding": _encoded(scored.prediction.embedding)}
        event_id = self._keep(report, as_kept(scored.prediction.embedding), answered.places, entry)
        if event_id is not None:
            answered.body["duplicate"]["event_id"] = event_id
        return entry

    def _keep(self, report: Report, embedding: FloatArray, places: tuple[str, ...], entry: Entry) -> str | None:
        """Let later rows be compared with a report; return the event that it joins, if any."""
        self._past.add(report, embedding, places, entry["answer"]["category"]["code"])
        return self._past.join(report.id, entry["matched"]) if entry["matched"] is not None else None

    def _count(self, entry: Entry) -> None:
        self.result.rows += 1
        if "problem" in entry:
            self.result.bad[entry["problem"]["code"]] += 1


def _score(predictor: Predictor, reports: Sequence[Report]) -> list[_Scored]:
    """Score reports together; where that fails, one by one."""
    started = time.perf_counter()
    try:
        predictions = predictor.predict(reports)
    except Exception as error:
        if len(reports) > 1:
            return [_score(predictor, [report])[0] for report in reports]
        log_failure("predict_failed", error, "predict")
        return [_Scored(None, 0.0)]
    share = (time.perf_counter() - started) / len(reports)
    return [_Scored(prediction, share) for prediction in predictions]


def _problem(code: str, where: str, detail: str) -> dict[str, Any]:
    from serving.errors import ProblemError

    status = {"too_large": 413, "invalid": 422, "id_conflict": 409, "internal": 500}[code]
    return ProblemError(status, code, detail, field=where).document()


def _encoded(embedding: FloatArray) -> str:
    return base64.b64encode(np.asarray(embedding, dtype="<f2").tobytes()).decode()


def _decoded(encoded: str) -> FloatArray:
    return np.frombuffer(base64.b64decode(encoded), dtype="<f2").astype(np.float32)
