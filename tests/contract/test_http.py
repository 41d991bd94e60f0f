"""What HTTP itself asks: heads, redirects, bodies that never end, names that nobody can see."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.app import create_app
from serving.core import Core, CoreBuilder
from serving.settings import Settings
from tests.conftest import LOOPBACK
from tests.contract.test_reports import problem


@pytest.mark.parametrize("path", ["/", "/review", "/healthz", "/readyz", "/metrics", "/v1/taxonomy",
                                  "/static/base.js"])
def test_head_answers_as_get_without_a_body(client: TestClient, path: str) -> None:
    got, head = client.get(path), client.head(path)
    assert head.status_code == got.status_code == 200
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.content == b""


def test_head_is_counted_as_head(client: TestClient) -> None:
    client.head("/healthz")
    assert 'fenzhuan_requests_total{method="HEAD",route="/healthz",status="200"} 1.0' in client.get("/metrics").text


def test_head_of_what_only_takes_posts(client: TestClient) -> None:
    assert client.head("/v1/reports").status_code == 405


@pytest.mark.parametrize("path", ["/v1/reports/", "/review/", "/static", "/healthz/"])
def test_nothing_is_redirected_to_a_host_that_the_client_named(client: TestClient, path: str) -> None:
    for method in ("GET", "POST"):
        response = client.request(method, path, headers={"Host": "127.0.0.1"}, follow_redirects=False)
        assert response.status_code in (404, 405)
        assert "location" not in response.headers


@pytest.mark.parametrize("report_id", ["a\u200b", "\u202eabc", "a\u00adb", "\ufeffa", "a\u2028b"])
def test_ids_with_characters_that_nobody_sees_are_refused(client: TestClient, report_id: str) -> None:
    sent = {"id": report_id, "text": "路灯不亮"}
    assert problem(client.post("/v1/reports", json=sent), 422, "invalid")["field"] == "id"


@pytest.mark.parametrize("report_id", ["编号-1", "HZ_2026.1:7", "😀", "a+b@c"])
def test_ids_that_can_be_seen_are_taken_and_found(client: TestClient, report_id: str) -> None:
    assert client.post("/v1/reports", json={"id": report_id, "text": "路灯不亮"}).status_code == 200
    assert client.get(f"/v1/reports/{report_id}").json()["id"] == report_id


def never_ending(app: FastAPI, path: str) -> tuple[int, dict[str, Any]]:
    """Send a request whose body begins and never ends, within the application's own loop."""
    async def call() -> list[dict[str, Any]]:
        begun, sent = asyncio.Event(), []

        async def receive() -> dict[str, Any]:
            if begun.is_set():
                await asyncio.sleep(60)
            begun.set()
            return {"type": "http.request", "body": b'{"text":', "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
                 "raw_path": path.encode(), "query_string": b"", "root_path": "", "scheme": "http",
                 "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
        await asyncio.wait_for(app(scope, receive, send), 30)
        return sent

    with TestClient(app, base_url=LOOPBACK) as client:
        assert client.portal is not None
        start, *rest = client.portal.call(call)
    return start["status"], json.loads(b"".join(message["body"] for message in rest))


@pytest.mark.parametrize("path", ["/v1/reports", "/v1/predict", "/v1/reports/a/outcome", "/v1/admin/reload"])
def test_a_body_that_never_ends_frees_its_place(settings: Settings, dummy_builder: CoreBuilder, core: Core,
                                                path: str) -> None:
    hurried = Settings(data_dir=settings.data_dir, batch_wait_s=0.0, body_within_s=0.05)
    app = create_app(hurried, dummy_builder, first=core)
    status, document = never_ending(app, path)
    assert (status, document["code"]) == (400, "bad_request")
    assert app.state.services.in_flight.count == 0
