"""Reports and answers are stored once, durably, byte for byte."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import IntegrityError

from knowledge_base.storage import reports as reports_module
from knowledge_base.storage.database import SqliteDatabase, open_database
from knowledge_base.storage.errors import (
    IdConflictError,
    StorageError,
    StorageUnavailableError,
    UnknownReportError,
)
from knowledge_base.storage.reports import (
    count_embeddings,
    earlier_reports,
    embeddings_after,
    erase_report,
    find_report,
    outdated_reports,
    replace_embeddings,
    store_report,
    stored_answer,
)
from knowledge_base.storage.tables import corrections
from tests.unit.storing import SPACE, new_answer, unit_vector


def test_stored_report_comes_back_whole(database: SqliteDatabase) -> None:
    answer = new_answer("a", "路灯不亮\n已三天 😀")
    stored = store_report(database, answer, lambda _event: '{"回": "答"}')
    found = find_report(database, "a")
    assert (stored.created, stored.body, found.body) == (True, '{"回": "答"}', '{"回": "答"}')
    assert found.report == answer.report
    assert found.sequence == stored.sequence


def test_same_id_and_content_answers_the_first_body(database: SqliteDatabase) -> None:
    first = store_report(database, new_answer("a"), lambda _event: "first")
    again = store_report(database, new_answer("a"), lambda _event: "second")
    assert (again.body, again.created, again.sequence) == ("first", False, first.sequence)
    assert count_embeddings(database, 10**9, SPACE) == (1, 1)


def test_same_id_with_other_content_is_refused(database: SqliteDatabase) -> None:
    store_report(database, new_answer("a"), lambda _event: "first")
    with pytest.raises(IdConflictError):
        store_report(database, new_answer("a", content_hash="other"), lambda _event: "second")
    with pytest.raises(IdConflictError):
        stored_answer(database, "a", "other")
    assert find_report(database, "a").body == "first"


def test_unknown_report(database: SqliteDatabase) -> None:
    assert stored_answer(database, "nobody", "h") is None
    with pytest.raises(UnknownReportError):
        find_report(database, "nobody")


def test_threads_with_one_id_get_one_body(database: SqliteDatabase) -> None:
    barrier, bodies = threading.Barrier(8), []

    def store(number: int) -> None:
        barrier.wait()
        bodies.append(store_report(database, new_answer("a"), lambda _event: f"body {number}").body)

    threads = [threading.Thread(target=store, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 8
    assert set(bodies) == {find_report(database, "a").body}


def test_unique_constraint_is_answered_with_the_stored_body(database: SqliteDatabase,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    store_report(database, new_answer("a"), lambda _event: "first")
    looked = reports_module._stored_before
    calls = []

    def blind_once(*given: object) -> object:
        calls.append(given)
        return None if len(calls) == 1 else looked(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reports_module, "_stored_before", blind_once)
    assert store_report(database, new_answer("a"), lambda _event: "second").body == "first"


def test_failed_rendering_stores_nothing(database: SqliteDatabase) -> None:
    def fail(_event: str | None) -> str:
        raise RuntimeError("no answer")

    with pytest.raises(RuntimeError):
        store_report(database, new_answer("a"), fail)
    with pytest.raises(UnknownReportError):
        find_report(database, "a")


def test_embeddings_are_kept_as_float16_and_found_by_sequence(database: SqliteDatabase) -> None:
    sequences = [store_report(database, new_answer(f"r{n}", seed=n), lambda _event: "{}").sequence for n in range(5)]
    found = list(embeddings_after(database, sequences[1], SPACE))
    assert [sequence for sequence, _ in found] == sequences[2:]
    np.testing.assert_allclose(found[0][1], unit_vector(2), atol=1e-3)
    earlier = earlier_reports(database, [sequences[3], 999, sequences[0]], SPACE)
    assert [one.report.id for one in earlier] == ["r3", "r0"]
    assert earlier[0].places == ("幸福路",)


def test_embeddings_come_in_pages(database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports_module, "PAGE_ROWS", 2)
    for number in range(5):
        store_report(database, new_answer(f"r{number}"), lambda _event: "{}")
    assert [sequence for sequence, _ in embeddings_after(database, 0, SPACE)] == [1, 2, 3, 4, 5]


def test_embeddings_of_another_network_are_set_aside_until_replaced(database: SqliteDatabase) -> None:
    store_report(database, new_answer("a", space="old"), lambda _event: "{}")
    assert earlier_reports(database, [1], SPACE) == []
    assert [report.id for _, report in outdated_reports(database, SPACE, 10)] == ["a"]
    replace_embeddings(database, [("a", unit_vector(7))], SPACE)
    assert outdated_reports(database, SPACE, 10) == []
    np.testing.assert_allclose(earlier_reports(database, [1], SPACE)[0].embedding, unit_vector(7), atol=1e-3)


def test_erasing_leaves_no_trace_of_the_text(database: SqliteDatabase, tmp_path: Path) -> None:
    store_report(database, new_answer("a", "独一无二的正文"), lambda _event: "{}")
    store_report(database, new_answer("b"), lambda _event: "{}")
    assert erase_report(database, "a")
    assert not erase_report(database, "a")
    assert store_report(database, new_answer("c"), lambda _event: "{}").sequence == 3
    database.close()
    with sqlite3.connect(tmp_path / "test.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert "独一无二".encode() not in (tmp_path / "test.db").read_bytes()


def test_pragmas_and_permissions(database: SqliteDatabase, tmp_path: Path) -> None:
    with database.reading() as connection:
        values = [connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                  for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")]
    assert values == ["wal", 2, 1, 10_000]
    assert {path.stat().st_mode & 0o077 for path in tmp_path.glob("test.db*")} == {0}
    assert (tmp_path / "test.db-wal").exists()


def test_corrections_cannot_be_changed(database: SqliteDatabase) -> None:
    store_report(database, new_answer("a"), lambda _event: "{}")
    with database.writing() as connection:
        connection.execute(insert(corrections).values(report_id="a", field="kind", value="投诉", reason="", actor="x",
                                                      recorded_at="now"))
    with pytest.raises(IntegrityError, match="append-only"), database.writing() as connection:
        connection.execute(update(corrections).values(reason="changed"))


def test_errors_do_not_quote_the_report(database: SqliteDatabase) -> None:
    with pytest.raises(IntegrityError) as caught, database.writing() as connection:
        connection.execute(insert(corrections).values(report_id="nobody", field="kind", value="绝密正文", reason="",
                                                      actor="x", recorded_at="now"))
    assert "绝密正文" not in str(caught.value)


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough " * 20)
    with pytest.raises(StorageError, match=r"text\.db"):
        open_database(tmp_path / "text.db")


def test_another_schema_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StorageError, match="schema 99"):
        open_database(tmp_path / "other.db")


def test_a_lock_that_does_not_go_is_reported(database: SqliteDatabase, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    holder = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 1")
    with pytest.raises(StorageUnavailableError):
        store_report(database, new_answer("a"), lambda _event: "{}")
    holder.close()
