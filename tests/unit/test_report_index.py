"""The index answers as brute force does and is made whole from the database at start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.report_index import FlatReportIndex, ReportIndex, open_index
from knowledge_base.storage.database import SqliteDatabase
from knowledge_base.storage.reports import count_embeddings, embeddings_after, erase_report, store_report
from models.contract import FloatArray
from tests.unit.storing import SPACE, new_answer, unit_vector

BACKENDS: list[Callable[[], ReportIndex]] = [lambda: FlatReportIndex(8, SPACE)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_search_equals_brute_force(backend: Callable[[], ReportIndex]) -> None:
    index = backend()
    vectors = {number * 3 + 1: unit_vector(number) for number in range(200)}
    for sequence, vector in vectors.items():
        index.add(sequence, vector)
    for seed in range(1_000, 1_020):
        query = unit_vector(seed)
        truth = sorted(vectors, key=lambda sequence: -float(vectors[sequence] @ query))[:7]
        found = index.search(query, 7)
        assert [sequence for sequence, _ in found] == truth
        np.testing.assert_allclose([product for _, product in found],
                                   [float(vectors[sequence] @ query) for sequence in truth], atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_small_and_repeated(backend: Callable[[], ReportIndex]) -> None:
    index = backend()
    assert index.search(unit_vector(1), 5) == []
    index.add(4, unit_vector(1))
    index.add(4, unit_vector(2))
    assert len(index) == 1
    found = index.search(unit_vector(2), 5)
    assert [sequence for sequence, _ in found] == [4]
    assert found[0][1] == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(ValueError, match="size 9"):
        index.add(5, unit_vector(1, 9))


@pytest.mark.parametrize("backend", BACKENDS)
def test_threads_add_and_search_together(backend: Callable[[], ReportIndex]) -> None:
    index, failures = backend(), []

    def work(start: int) -> None:
        try:
            for number in range(start, start + 50):
                index.add(number, unit_vector(number))
                assert number in [sequence for sequence, _ in index.search(unit_vector(number), 3)]
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(index) == 200


def opened(path: Path, database: SqliteDatabase, space: str = SPACE) -> FlatReportIndex:
    return open_index(path, 8, space, lambda up_to: count_embeddings(database, up_to, space),
                      lambda sequence: embeddings_after(database, sequence, space))


def holds_all(index: FlatReportIndex, database: SqliteDatabase) -> bool:
    stored = dict(embeddings_after(database, 0, SPACE))
    return len(index) == len(stored) and all(index.search(vector, 1)[0][0] == sequence
                                             for sequence, vector in stored.items())


@pytest.fixture
def filled(database: SqliteDatabase) -> SqliteDatabase:
    for number in range(6):
        store_report(database, new_answer(f"r{number}", seed=number), lambda _event: "{}")
    return database


def test_missing_file_is_built_from_the_database(filled: SqliteDatabase, tmp_path: Path) -> None:
    assert holds_all(opened(tmp_path / "none", filled), filled)


def test_saved_index_is_loaded_and_completed(filled: SqliteDatabase, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "index"
    assert opened(path, filled).save(path)
    store_report(filled, new_answer("later", seed=77), lambda _event: "{}")
    added: list[int] = []
    add = FlatReportIndex.add

    def noted(self: FlatReportIndex, sequence: int, embedding: FloatArray) -> None:
        added.append(sequence)
        add(self, sequence, embedding)

    monkeypatch.setattr(FlatReportIndex, "add", noted)
    index = opened(path, filled)
    assert added == [7]
    assert holds_all(index, filled)


def test_unchanged_index_is_not_written_again(filled: SqliteDatabase, tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = opened(path, filled)
    assert [index.save(path), index.save(path)] == [True, False]
    again = opened(path, filled)
    assert not again.save(path)
    again.add(1, unit_vector(50))
    assert again.save(path)
    assert [file.name for file in tmp_path.iterdir() if "tmp" in file.suffix] == []


@pytest.mark.parametrize("damage", [
    lambda content: content[: len(content) // 2], lambda content: content[:-1], lambda content: b"",
    lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:], lambda content: b"[]\n" + content,
    lambda content: b"\xff\xfe\n" + content, lambda content: b"7\n"])
def test_damaged_file_is_rebuilt(filled: SqliteDatabase, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "index"
    opened(path, filled).save(path)
    path.write_bytes(damage(path.read_bytes()))
    assert FlatReportIndex.load(path, 8, SPACE) is None
    assert holds_all(opened(path, filled), filled)


def test_index_ahead_of_the_database_is_rebuilt(filled: SqliteDatabase, tmp_path: Path) -> None:
    path = tmp_path / "index"
    index = opened(path, filled)
    index.add(99, unit_vector(99))
    index.save(path)
    assert holds_all(opened(path, filled), filled)


def test_index_with_an_erased_report_is_rebuilt(filled: SqliteDatabase, tmp_path: Path) -> None:
    path = tmp_path / "index"
    opened(path, filled).save(path)
    erase_report(filled, "r2")
    assert holds_all(opened(path, filled), filled)


def test_index_of_another_network_is_rebuilt(filled: SqliteDatabase, tmp_path: Path) -> None:
    path = tmp_path / "index"
    other = FlatReportIndex(8, "other network")
    for number in range(1, 7):
        other.add(number, unit_vector(number + 500))
    other.save(path)
    assert holds_all(opened(path, filled), filled)
