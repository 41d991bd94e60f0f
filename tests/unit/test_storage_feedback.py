"""Events, corrections, outcomes, queue and keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledge_base.storage.database import SqliteDatabase
from knowledge_base.storage.drawing import Asker
from knowledge_base.storage.errors import UnknownReportError
from knowledge_base.storage.events import event_of
from knowledge_base.storage.feedback import add_correction, add_outcome, corrections_of, outcomes_of
from knowledge_base.storage.keys import add_key, any_key, find_key, list_keys, revoke_key
from knowledge_base.storage.records import Outcome
from knowledge_base.storage.reports import erase_report, store_report
from knowledge_base.storage.review import Request, corrected_reports, offer
from tests.unit.storing import SPACE, new_answer

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def request(strategy: str) -> Request:
    return Request(strategy, 10, Asker("local", START.timestamp(), SPACE), 0)


def store(database: SqliteDatabase, report_id: str, **given: object) -> str | None:
    events: list[str | None] = []

    def render(event_id: str | None) -> str:
        events.append(event_id)
        return "{}"

    store_report(database, new_answer(report_id, **given), render)  # type: ignore[arg-type]
    return events[0]


def test_a_first_duplicate_makes_an_event_and_others_join_it(database: SqliteDatabase) -> None:
    assert store(database, "late", received_at=START + timedelta(days=2)) is None
    assert event_of(database, "late") is None
    assert store(database, "early", received_at=START, duplicate_of="late") == "E-000001"
    assert store(database, "third", received_at=START + timedelta(days=3), duplicate_of="early") == "E-000001"
    store(database, "x")
    assert store(database, "y", duplicate_of="x") == "E-000002"
    found = event_of(database, "third")
    assert found is not None
    assert (found.event_id, found.earliest_report) == ("E-000001", "early")


def test_a_match_that_was_erased_meanwhile_makes_no_event(database: SqliteDatabase) -> None:
    assert store(database, "b", duplicate_of="gone") is None
    assert event_of(database, "b") is None


def test_corrections_move_a_report_between_events(database: SqliteDatabase) -> None:
    for report_id in ("a", "b", "c"):
        store(database, report_id)
    add_correction(database, "b", "duplicate_of", "a", "", "key-1")
    assert event_of(database, "b") == event_of(database, "a") is not None
    add_correction(database, "b", "not_duplicate_of", "c", "", "key-1")
    assert event_of(database, "b") is not None
    add_correction(database, "b", "not_duplicate_of", "a", "", "key-1")
    assert event_of(database, "b") is None
    assert [(one.field, one.value, one.actor) for one in corrections_of(database, "b")] == [
        ("duplicate_of", "a", "key-1"), ("not_duplicate_of", "c", "key-1"), ("not_duplicate_of", "a", "key-1")]


@pytest.mark.parametrize("value", ["投诉", 3, True, ["CGJ", "STHJ"]])
def test_correction_values_keep_their_type(database: SqliteDatabase, value: object) -> None:
    store(database, "a")
    add_correction(database, "a", "kind", value, "理由", "local")
    assert corrections_of(database, "a")[0].value == value
    assert type(corrections_of(database, "a")[0].value) is type(value)


def test_feedback_on_an_unknown_report_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(UnknownReportError):
        add_correction(database, "nobody", "kind", "投诉", "", "local")
    with pytest.raises(UnknownReportError):
        add_outcome(database, "nobody", Outcome("CGJ", (), None, None))
    store(database, "a")
    with pytest.raises(UnknownReportError):
        add_correction(database, "a", "duplicate_of", "nobody", "", "local")
    assert corrections_of(database, "a") == []


def test_outcomes_are_kept_in_order(database: SqliteDatabase) -> None:
    store(database, "a")
    add_outcome(database, "a", Outcome("CGJ", ("STHJ",), None, None))
    add_outcome(database, "a", Outcome(None, (), "verified", "2026-01-09T00:00:00+08:00"))
    found = outcomes_of(database, "a")
    assert [(one.handled_by, one.co_handlers, one.finding) for one in found] == [
        ("CGJ", ("STHJ",), None), (None, (), "verified")]


def test_queue_orders_by_strategy_and_leaves_out_what_was_reviewed(database: SqliteDatabase) -> None:
    store(database, "sure", certainty=0.9, urgency=1, received_at=START)
    store(database, "unsure", certainty=0.1, received_at=START + timedelta(days=1))
    store(database, "automatic", certainty=0.05, route="auto", received_at=START + timedelta(days=2))

    def queue(strategy: str) -> list[str]:
        return [one.stored.report.id for one in offer(database, request(strategy))[0]]

    assert queue("uncertain") == ["unsure", "sure"]
    assert queue("urgent") == ["sure"]
    assert queue("recent") == ["automatic", "unsure", "sure"]
    assert sorted(queue("random")) == ["automatic", "sure", "unsure"]
    add_correction(database, "unsure", "kind", "投诉", "", "local")
    assert queue("uncertain") == ["sure"]
    assert offer(database, request("recent"))[1] == 2
    assert [one.report.id for one in corrected_reports(database, page_rows=1)] == ["unsure"]


def test_erasing_takes_everything_along(database: SqliteDatabase) -> None:
    store(database, "a")
    store(database, "b", duplicate_of="a")
    add_correction(database, "b", "kind", "投诉", "", "local")
    erase_report(database, "b")
    assert corrections_of(database, "b") == []
    assert event_of(database, "b") is None


def test_keys_are_found_until_revoked_and_never_stored(database: SqliteDatabase) -> None:
    assert not any_key(database)
    key, record = add_key(database, "reviewer", "desk")
    assert len(key) > 40
    assert find_key(database, key) == record
    assert find_key(database, key + "x") is None
    assert find_key(database, "\udcff") is None
    assert revoke_key(database, record.number)
    assert not revoke_key(database, record.number)
    assert find_key(database, key) is None
    assert any_key(database)
    assert [(one.role, one.name, one.revoked_at is None) for one in list_keys(database)] == [
        ("reviewer", "desk", False)]
    with database.reading() as connection:
        assert key not in str(connection.exec_driver_sql("SELECT * FROM api_keys").all())


def test_unknown_role_is_refused(database: SqliteDatabase) -> None:
    with pytest.raises(ValueError, match="unknown role"):
        add_key(database, "king", "")
