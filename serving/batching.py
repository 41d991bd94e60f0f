"""Collecting concurrent predictions into small batches for one worker thread."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from models.contract import Prediction, Predictor, Report
from serving.telemetry import log_failure


@dataclass(slots=True, eq=False)
class _Waiting:
    report: Report
    answer: asyncio.Future[Prediction]


class Batcher:
    """Batches of at most ``max_batch`` reports, each waiting at most ``wait_s`` seconds for company.

    Work whose caller has gone is dropped. Start and use it inside one event loop.
    """

    def __init__(self, predictor: Predictor, max_batch: int = 16, wait_s: float = 0.002) -> None:
        self._predictor = predictor
        self._max_batch = max_batch
        self._wait_s = wait_s
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._worker = ThreadPoolExecutor(1, "predict")
        self._task: asyncio.Task[None] | None = None
        self._open = 0

    def start(self) -> None:
        """Begin to take work."""
        self._task = asyncio.create_task(self._run(), name="batcher")

    async def predict(self, report: Report) -> Prediction:
        """Return the prediction of one report.

        Raises:
            RuntimeError: the batcher is not running.
        """
        if self._task is None or self._task.done():
            raise RuntimeError("the batcher is not running")
        waiting = _Waiting(report, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        self._open += 1
        try:
            return await waiting.answer
        finally:
            self._open -= 1

    async def close(self) -> None:
        """Finish the work at hand and stop."""
        while self._open and self._task is not None and not self._task.done():
            await asyncio.sleep(0.001)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.to_thread(self._worker.shutdown)

    async def _collect(self) -> list[_Waiting]:
        batch = [await self._queue.get()]
        deadline = asyncio.get_running_loop().time() + self._wait_s
        while len(batch) < self._max_batch:
            try:
                batch.append(self._queue.get_nowait())
                continue
            except asyncio.QueueEmpty:
                pass
            remaining = deadline - asyncio.get_running_loop().time()
            if remaining <= 0:
                break
            await asyncio.sleep(min(remaining, self._wait_s / 4))
        return batch

    async def _run(self) -> None:
        while True:
            batch = [waiting for waiting in await self._collect() if not waiting.answer.done()]
            if not batch:
                continue
            batch.sort(key=lambda waiting: len(waiting.report.text))
            try:
                await self._answer(batch)
            except asyncio.CancelledError:
                for waiting in batch:
                    waiting.answer.cancel()
                raise

    async def _answer(self, batch: list[_Waiting]) -> None:
        outcomes = await asyncio.get_running_loop().run_in_executor(
            self._worker, self._predict, [waiting.report for waiting in batch])
        for waiting, outcome in zip(batch, outcomes, strict=True):
            if waiting.answer.done():
                continue
            if isinstance(outcome, Exception):
                waiting.answer.set_exception(outcome)
            else:
                waiting.answer.set_result(outcome)

    def _predict(self, reports: Sequence[Report]) -> list[Prediction | Exception]:
        """Predict a batch; where it fails, each report alone, so that one cannot spoil the others."""
        try:
            return list(self._predictor.predict(reports))
        except Exception as error:
            log_failure("predict_failed", error)
            if len(reports) == 1:
                return [error]
        return [outcome for report in reports for outcome in self._predict([report])]
