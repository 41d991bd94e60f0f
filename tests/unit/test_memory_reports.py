"""Earlier reports in memory answer what those of the database answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from knowledge_base.report_index import FlatReportIndex
from knowledge_base.storage.database import SqliteDatabase
from knowledge_base.storage.reports import store_report
from serving.earlier import NEAREST
from serving.memory_reports import MemoryReports, as_kept
from serving.stored_reports import StoredReports
from tests.unit.storing import SPACE, new_answer, unit_vector

COUNT = 70
REGIONS = ("430102", "430104", "430000", "440102", None)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def both(database: SqliteDatabase) -> tuple[MemoryReports, StoredReports]:
    """The same reports in both, every seventh a repeat of the one before it, received in a shuffled order."""
    memory, index = MemoryReports(8), FlatReportIndex(8, SPACE)
    shuffled = np.random.default_rng(0).permutation(COUNT)
    for number in range(COUNT):
        answer = new_answer(f"r{number}", seed=number, region=REGIONS[number % len(REGIONS)],
                            received_at=START + timedelta(days=int(shuffled[number])),
                            duplicate_of=f"r{number - 1}" if number % 7 in (5, 6) else None)
        stored = store_report(database, answer, lambda _event: "{}")
        index.add(stored.sequence, as_kept(answer.embedding))
        memory.add(answer.report, as_kept(answer.embedding), answer.places, answer.category)
        if answer.duplicate_of is not None:
            memory.join(answer.report.id, answer.duplicate_of)
    return memory, StoredReports(database, index, SPACE)


@pytest.mark.parametrize("region", REGIONS)
def test_candidates(both: tuple[MemoryReports, StoredReports], region: str | None) -> None:
    memory, stored = both
    for seed in range(100, 110):
        query = unit_vector(seed)
        found = memory.candidates(query, region, "r3")
        expected = stored.candidates(query, region, "r3")
        assert [one.report.id for one in found] == [one.report.id for one in expected]
        assert 0 < len(found) <= NEAREST
        np.testing.assert_allclose(found[0].embedding, expected[0].embedding, atol=1e-3)
        assert found[0].embedding.dtype == np.float32
        assert (found[0].places, found[0].category) == (("幸福路",), "CG05")


def test_events(both: tuple[MemoryReports, StoredReports]) -> None:
    memory, stored = both
    events = [memory.event_of(f"r{number}") for number in range(COUNT)]
    assert events == [stored.event_of(f"r{number}") for number in range(COUNT)]
    assert sum(event is not None for event in events) == 30


def test_time_unknown_counts_as_latest() -> None:
    memory = MemoryReports(8)
    for name, received_at in (("a", None), ("b", START)):
        answer = new_answer(name, received_at=received_at)
        memory.add(answer.report, answer.embedding, (), "CG05")
    assert memory.join("b", "a") == "E-000001"
    event = memory.event_of("a")
    assert event is not None
    assert event.earliest_report == "b"


def test_empty() -> None:
    assert MemoryReports(8).candidates(unit_vector(1), None, "a") == []
    assert MemoryReports(8).event_of("a") is None
