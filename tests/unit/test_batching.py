"""Batches are small, in order for each caller, and without those who have gone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, cast

import pytest

from models.contract import Predictor, Report
from serving.batching import Batcher


class Recording:
    """A predictor that returns the texts and notes the batches."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = threading.Event()
        self.gate.set()

    def predict(self, reports: Sequence[Report]) -> list[Any]:
        assert self.gate.wait(10)
        self.batches.append([report.text for report in reports])
        if any(report.text == "bad" for report in reports):
            raise ValueError("bad")
        return [report.text for report in reports]


def batcher(predictor: Recording, **given: Any) -> Any:
    return Batcher(cast(Predictor, predictor), **given)


def test_concurrent_calls_share_batches_and_get_their_own() -> None:
    async def run() -> None:
        predictor = Recording()
        tested = batcher(predictor, max_batch=16, wait_s=0.01)
        tested.start()
        texts = ["x" * (1 + number % 9) + str(number) for number in range(50)]
        assert await asyncio.gather(*(tested.predict(Report(text=text)) for text in texts)) == texts
        await tested.close()
        assert max(map(len, predictor.batches)) == 16
        assert len(predictor.batches) < 10
        assert all(batch == sorted(batch, key=len) for batch in predictor.batches)

    asyncio.run(run())


def test_cancelled_work_is_dropped() -> None:
    async def run() -> None:
        predictor = Recording()
        predictor.gate.clear()
        tested = batcher(predictor, max_batch=1, wait_s=0.0)
        tested.start()
        first = asyncio.create_task(tested.predict(Report(text="first")))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(tested.predict(Report(text="gone")))
        last = asyncio.create_task(tested.predict(Report(text="last")))
        await asyncio.sleep(0.05)
        gone.cancel()
        predictor.gate.set()
        assert await first == "first"
        assert await last == "last"
        await tested.close()
        assert predictor.batches == [["first"], ["last"]]

    asyncio.run(run())


def test_one_that_fails_does_not_spoil_the_others() -> None:
    async def run() -> None:
        tested = batcher(Recording(), wait_s=0.01)
        tested.start()
        outcomes = await asyncio.gather(*(tested.predict(Report(text=text)) for text in ("a", "bad", "b")),
                                        return_exceptions=True)
        assert [outcomes[0], outcomes[2]] == ["a", "b"]
        assert isinstance(outcomes[1], ValueError)
        await tested.close()

    asyncio.run(run())


def test_closing_finishes_the_work_at_hand_and_then_refuses() -> None:
    async def run() -> None:
        tested = batcher(Recording(), wait_s=0.01)
        tested.start()
        works = [asyncio.create_task(tested.predict(Report(text=str(number)))) for number in range(40)]
        await asyncio.sleep(0)
        await tested.close()
        assert [await work for work in works] == [str(number) for number in range(40)]
        with pytest.raises(RuntimeError, match="not running"):
            await tested.predict(Report(text="late"))

    asyncio.run(run())
