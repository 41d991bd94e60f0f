"""Corrections, outcomes, the queue and the export."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from serving.routes.review import Strategy
from tests.contract.test_reports import FULL, problem

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROW = {"id", "title", "text", "time", "group", "split", "kind", "category", "category_alt", "urgency", "lead", "co",
       "verifiability", "missing"}


@pytest.fixture
def reported(client: TestClient) -> TestClient:
    """A client whose service holds the full report and another."""
    client.post("/v1/reports", json=FULL)
    client.post("/v1/reports", json={"id": "other", "text": "村里自来水停了两天"})
    return client


def correct(client: TestClient, field: str, value: Any, report_id: str = FULL["id"], **more: Any) -> Any:
    return client.post(f"/v1/reports/{report_id}/corrections", json={"field": field, "value": value, **more})


@pytest.mark.parametrize(("field", "value"), [
    ("kind", "咨询"), ("category", "HJ03"), ("urgency", 2), ("lead_department", "STHJ"),
    ("co_departments", ["CGJ", "SCJG"]), ("co_departments", []), ("duplicate_of", "other"),
    ("not_duplicate_of", "other"), ("false_report", True), ("false_report", False)])
def test_corrections_are_kept(reported: TestClient, field: str, value: Any) -> None:
    response = correct(reported, field, value, reason="看过现场")
    assert response.status_code == 200
    kept = reported.get(f"/v1/reports/{FULL['id']}").json()["corrections"]
    assert [(one["field"], one["value"], one["reason"], one["by"]) for one in kept] == [
        (field, value, "看过现场", "local")]


@pytest.mark.parametrize(("field", "value", "named"), [
    ("kind", "抱怨", "value"), ("kind", 1, "value"), ("category", "XX99", "value"), ("urgency", 5, "value"),
    ("urgency", "2", "value"), ("urgency", True, "value"), ("lead_department", "NOBODY", "value"),
    ("co_departments", "CGJ", "value"), ("co_departments", ["NOBODY"], "value"),
    ("co_departments", ["CGJ", "CGJ"], "value"), ("duplicate_of", "nobody", "value"),
    ("duplicate_of", FULL["id"], "value"), ("not_duplicate_of", 3, "value"), ("false_report", "yes", "value"),
    ("title", "x", "field"), ("kind", None, "value"), ("kind", {"a": 1}, "value")])
def test_bad_corrections_are_invalid(reported: TestClient, field: str, value: Any, named: str) -> None:
    document = problem(correct(reported, field, value), 422, "invalid")
    assert document["field"] == named
    assert reported.get(f"/v1/reports/{FULL['id']}").json()["corrections"] == []


def test_feedback_on_an_unknown_report_is_not_found(reported: TestClient) -> None:
    problem(correct(reported, "kind", "咨询", "nobody"), 404, "not_found")
    problem(reported.post("/v1/reports/nobody/outcome", json={"finding": "verified"}), 404, "not_found")


def test_outcomes_are_kept(reported: TestClient) -> None:
    sent = {"handled_by": "CGJ", "co_handlers": ["STHJ"], "finding": "verified",
            "closed_at": "2026-01-09T10:00:00+08:00"}
    assert reported.post(f"/v1/reports/{FULL['id']}/outcome", json=sent).status_code == 200
    kept = reported.get(f"/v1/reports/{FULL['id']}").json()["outcomes"]
    assert [{name: one[name] for name in sent} for one in kept] == [sent]


@pytest.mark.parametrize("sent", [{}, {"handled_by": "NOBODY"}, {"finding": "perhaps"}, {"closed_at": "2026-01-09"},
                                  {"finding": "verified", "co_handlers": ["NOBODY"]}, {"note": "x"}])
def test_bad_outcomes_are_invalid(reported: TestClient, sent: dict[str, Any]) -> None:
    problem(reported.post(f"/v1/reports/{FULL['id']}/outcome", json=sent), 422, "invalid")


def test_queue_gives_reasons_and_empties_as_reports_are_reviewed(reported: TestClient) -> None:
    for strategy in get_args(Strategy):
        found = reported.get("/v1/review/queue", params={"strategy": strategy, "lease_s": 0}).json()
        assert found["strategy"] == strategy
        assert found["waiting"] == len(found["queue"])
        assert all(entry["reason"] and entry["prediction"]["id"] == entry["id"] for entry in found["queue"])
    before = reported.get("/v1/review/queue", params={"strategy": "recent"}).json()
    assert {entry["id"] for entry in before["queue"]} == {FULL["id"], "other"}
    correct(reported, "kind", "投诉")
    after = reported.get("/v1/review/queue", params={"strategy": "recent", "limit": 1}).json()
    assert [entry["id"] for entry in after["queue"]] == ["other"]


@pytest.mark.parametrize("query", ["strategy=best", "limit=0", "limit=101", "limit=ten", "limit=" + "9" * 5_000])
def test_bad_queries_are_invalid(client: TestClient, query: str) -> None:
    document = problem(client.get(f"/v1/review/queue?{query}"), 422, "invalid")
    assert document["field"] == query.partition("=")[0]


def export(client: TestClient) -> list[dict[str, Any]]:
    response = client.get("/v1/review/export")
    assert response.status_code == 200
    assert "opaque-pseudonym" not in response.text
    return [json.loads(line) for line in response.text.splitlines()]


def test_export_merges_corrections_on_the_prediction(reported: TestClient) -> None:
    assert export(reported) == []
    predicted = reported.get(f"/v1/reports/{FULL['id']}").json()["prediction"]
    correct(reported, "category", "HJ03")
    correct(reported, "category", "HJ01")
    correct(reported, "co_departments", ["STHJ"])
    correct(reported, "duplicate_of", FULL["id"], "other")
    rows = export(reported)
    assert len(rows) == 1
    row = rows[0]
    assert set(row) == ROW
    assert (row["category"], row["co"], row["time"]) == ("HJ01", ["STHJ"], "2026/01/01 09:30:00")
    assert (row["kind"], row["urgency"], row["lead"]) == (
        predicted["kind"]["label"], predicted["urgency"]["level"], predicted["lead_department"]["code"])
    assert (row["text"], row["split"], row["category_alt"]) == (FULL["text"], "train", None)


def test_export_groups_an_event_and_knows_who_replied(reported: TestClient) -> None:
    correct(reported, "duplicate_of", FULL["id"], "other")
    for report_id in (FULL["id"], "other"):
        correct(reported, "false_report", True, report_id)
    reported.post(f"/v1/reports/{FULL['id']}/outcome", json={"handled_by": "XZ", "co_handlers": ["CGJ"]})
    rows = {row["id"]: row for row in export(reported)}
    assert rows["other"]["group"] == rows[FULL["id"]]["group"]
    assert rows["other"]["verifiability"] == 4
    assert (rows[FULL["id"]]["reply_lead"], rows[FULL["id"]]["reply_co"]) == ("XZ", ["CGJ"])
    assert "reply_lead" not in rows["other"]
