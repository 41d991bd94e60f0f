"""Hotspots through the service: events, surges, early warnings, and their page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from starlette.testclient import TestClient

from serving.app import create_app
from serving.core import Core, CoreBuilder
from serving.settings import Settings
from tests.conftest import LOOPBACK
from tests.contract.test_reports import FULL

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)


@pytest.fixture
def at_now(settings: Settings, dummy_builder: CoreBuilder, core: Core) -> Iterator[TestClient]:
    """A client of a service whose present is ``NOW``."""
    with TestClient(create_app(settings, dummy_builder, first=core, clock=lambda: NOW), base_url=LOOPBACK) as opened:
        yield opened


def post(client: TestClient, number: int, days: float) -> None:
    client.post("/v1/reports", json=FULL | {
        "id": f"h-{number}", "received_at": (NOW - timedelta(days=days)).isoformat()})


def test_an_empty_service_has_no_hotspots(at_now: TestClient) -> None:
    found = at_now.get("/v1/hotspots").json()
    assert found["as_of"] == NOW.isoformat()
    assert (found["events"], found["surges"], found["early_warnings"]) == ([], [], [])
    assert found["basis"]["past_days"] == 0


def test_hotspots_show_growing_events_and_surges(at_now: TestClient) -> None:
    for number, days in enumerate((1, 1, 2, 3, 3, 4, 4, 30)):
        post(at_now, number, days)
    found = at_now.get("/v1/hotspots").json()
    event = found["events"][0]
    assert (event["event_id"], event["reports"], event["last_7_days"]) == ("E-000001", 8, 7)
    assert event["growth"] == pytest.approx(7 - 1 / 8)
    assert event["first_report"] == "h-7"
    surge = found["surges"][0]
    assert (surge["region"], surge["last_7_days"], surge["weekly_mean_before"]) == ("430102", 7, 0.125)
    assert surge["count"] > surge["expected"]
    assert sum(surge["series"]["counts"]) == 8
    assert surge["series"]["from"] == "2026-01-06"
    assert len(surge["series"]["expected"]) == len(surge["series"]["counts"]) == 56


def test_reports_that_come_after_a_look_are_counted_on_the_next(at_now: TestClient) -> None:
    post(at_now, 0, 30)
    assert at_now.get("/v1/hotspots").json()["surges"] == []
    for number in range(1, 9):
        post(at_now, number, 1)
    assert at_now.get("/v1/hotspots").json()["surges"][0]["last_7_days"] == 8


def test_a_steady_flow_is_no_surge(at_now: TestClient) -> None:
    for days in range(63):
        post(at_now, days, days + 0.05)
    found = at_now.get("/v1/hotspots").json()
    assert (found["surges"], found["early_warnings"]) == ([], [])


def test_the_page_has_chinese_headings_and_its_script(client: TestClient) -> None:
    page = client.get("/hotspots")
    assert page.status_code == 200
    for heading in ("突增", "早期预警", "增长中的事件"):
        assert f">{heading}</h2>" in page.text
    for source in ("/static/hotspots.js", "/static/hotspots.css"):
        assert source in page.text
        assert client.get(source).status_code == 200
