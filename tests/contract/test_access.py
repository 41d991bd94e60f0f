"""Who may call what: roles by endpoints, open mode, limits."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from knowledge_base.storage.database import open_database
from knowledge_base.storage.keys import ROLES, add_key, revoke_key
from serving.app import create_app
from serving.core import Core, CoreBuilder
from serving.limits import RateLimiter
from serving.settings import Settings, SettingsError, check_binding, is_loopback
from tests.conftest import LOOPBACK
from tests.contract.test_reports import FULL, problem

REPORT = {"text": "路灯不亮"}
CORRECTION = {"field": "kind", "value": "投诉"}
ENDPOINTS: list[tuple[str, str, dict[str, Any] | None, tuple[str, ...]]] = [
    ("POST", "/v1/reports", REPORT, ("intake",)),
    ("POST", "/v1/predict", REPORT, ("intake",)),
    ("POST", "/v1/reports:batch", REPORT, ("intake",)),
    ("GET", f"/v1/reports/{FULL['id']}", None, ("intake", "reviewer")),
    ("POST", f"/v1/reports/{FULL['id']}/corrections", CORRECTION, ("reviewer",)),
    ("POST", f"/v1/reports/{FULL['id']}/review", {"corrections": [CORRECTION]}, ("reviewer",)),
    ("POST", f"/v1/reports/{FULL['id']}/undo", {"number": 1}, ("reviewer",)),
    ("POST", f"/v1/reports/{FULL['id']}/outcome", {"finding": "verified"}, ("intake",)),
    ("GET", "/v1/review/queue", None, ("reviewer",)),
    ("POST", "/v1/review/release", {}, ("reviewer",)),
    ("GET", "/v1/review/statistics", None, ("reviewer",)),
    ("GET", "/v1/review/export", None, ("scientist",)),
    ("GET", "/v1/hotspots", None, ("reviewer",)),
    ("GET", "/v1/taxonomy", None, ("intake", "reviewer", "scientist")),
    ("GET", "/v1/taxonomy/HJ01", None, ("intake", "reviewer", "scientist")),
    ("GET", "/v1/departments", None, ("intake", "reviewer", "scientist")),
    ("GET", "/v1/departments/CGJ", None, ("intake", "reviewer", "scientist")),
    ("POST", "/v1/admin/reload", {"part": "knowledge_base"}, ()),
    ("POST", "/pages/predict", REPORT, ("intake", "reviewer")),
]
OPEN = ("/healthz", "/readyz", "/metrics", "/", "/review", "/static/style.css")


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, dummy_builder: CoreBuilder,
          core: Core) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A client of a service with a key for each role, and the keys."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("keyed"), host="0.0.0.0", batch_wait_s=0.0)
    database = open_database(settings.database_path)
    keys = {role: add_key(database, role, role)[0] for role in ROLES}
    gone, record = add_key(database, "admin", "gone")
    revoke_key(database, record.number)
    database.close()
    keys["revoked"] = gone
    with TestClient(create_app(settings, dummy_builder, first=core), base_url="http://fenzhuan.example") as client:
        client.post("/v1/reports", json=FULL, headers=bearer(keys["intake"]))
        for _ in ROLES:
            client.post(f"/v1/reports/{FULL['id']}/corrections", json=CORRECTION, headers=bearer(keys["reviewer"]))
        yield client, keys


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("method", "path", "body", "roles"), ENDPOINTS)
def test_roles_by_endpoints(keyed: tuple[TestClient, dict[str, str]], method: str, path: str,
                            body: dict[str, Any] | None, roles: tuple[str, ...], role: str) -> None:
    client, keys = keyed
    if path.endswith("/undo"):
        body = {"number": ROLES.index(role) + 1}  # each role takes back another of those made at the start
    response = client.request(method, path, json=body, headers=bearer(keys[role]))
    if role in (*roles, "admin"):
        assert response.status_code == 200, response.text
    else:
        problem(response, 403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body", "_roles"), ENDPOINTS)
def test_without_a_valid_key_nothing_is_answered(keyed: tuple[TestClient, dict[str, str]], method: str, path: str,
                                                 body: dict[str, Any] | None, _roles: tuple[str, ...]) -> None:
    client, keys = keyed
    for headers in ({}, bearer("wrong"), bearer(""), bearer(keys["revoked"]), {"Authorization": "Bearer"},
                    {"Authorization": f"Basic {keys['admin']}"}):
        response = client.request(method, path, json=body, headers=headers)
        problem(response, 401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_to_all(keyed: tuple[TestClient, dict[str, str]], path: str) -> None:
    assert keyed[0].get(path).status_code == 200


def test_every_endpoint_is_in_the_table(app: FastAPI) -> None:
    listed = {(method, path.replace(FULL["id"], "{report_id}").replace("CGJ", "{code}").replace("HJ01", "{code}"))
              for method, path, _, _ in ENDPOINTS if path.startswith("/v1")}
    served = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods
              if path.startswith("/v1")}
    assert served == listed


def test_key_bytes_of_any_kind_are_no_key(keyed: tuple[TestClient, dict[str, str]]) -> None:
    for key in (b"Bearer \xff\xfe", b"Bearer " + b"x" * 5_000, "Bearer 钥匙".encode()):
        problem(keyed[0].get("/v1/taxonomy", headers={b"authorization": key}), 401, "unauthenticated")


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
                                     {"Host": "127.0.0.1.evil.example"}, {"Host": "["}, {"Origin": "http://[::1"}])
def test_open_mode_refuses_pages_of_other_sites(client: TestClient, headers: dict[str, str]) -> None:
    problem(client.post("/v1/reports", json=REPORT, headers=headers), 403, "forbidden")


@pytest.mark.parametrize("headers", [{"Host": "localhost:8000"}, {"Host": "[::1]:8000"},
                                     {"Origin": "http://127.0.0.1:8000"}])
def test_open_mode_answers_this_machine(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/v1/reports", json=REPORT, headers=headers).status_code == 200


def test_another_host_without_keys_is_refused_at_start(settings: Settings, dummy_builder: CoreBuilder,
                                                       core: Core) -> None:
    with (pytest.raises(SettingsError, match="no key is configured"),
          TestClient(create_app(replace(settings, host="0.0.0.0"), dummy_builder, first=core))):
        pass


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("[::1]", True), ("localhost", True), ("0.0.0.0", False),
    ("::", False), ("", False), ("10.0.0.1", False), ("localhost.example", False)])
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
    check_binding(host, has_keys=True)


def test_too_many_requests_of_a_key(settings: Settings, dummy_builder: CoreBuilder, core: Core) -> None:
    app = create_app(replace(settings, rate_per_minute=3), dummy_builder, first=core)
    with TestClient(app, base_url=LOOPBACK) as client:
        assert [client.get("/v1/taxonomy").status_code for _ in range(3)] == [200] * 3
        response = client.get("/v1/taxonomy")
        problem(response, 429, "rate_limited")
        assert 1 <= int(response.headers["retry-after"]) <= 20
        assert client.get("/healthz").status_code == 200


def test_the_bucket_fills_with_time_and_each_key_has_its_own() -> None:
    now = [0.0]
    limiter = RateLimiter(60, lambda: now[0])
    assert [limiter.delay("a") for _ in range(60)] == [0.0] * 60
    assert limiter.delay("a") == pytest.approx(1.0)
    assert limiter.delay("b") == 0.0
    now[0] = 1.0
    assert limiter.delay("a") == 0.0
    assert limiter.delay("a") > 0


def test_more_than_may_be_in_flight_is_overloaded(settings: Settings, dummy_builder: CoreBuilder, core: Core,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    entered, release = threading.Event(), threading.Event()
    app = create_app(replace(settings, max_in_flight=1), dummy_builder, first=core)
    predict = core.predictor.predict

    def slow(reports: Any) -> Any:
        entered.set()
        assert release.wait(20)
        return predict(reports)

    monkeypatch.setattr(core.predictor, "predict", slow)
    with TestClient(app, base_url=LOOPBACK) as client:
        answers: list[Any] = []
        thread = threading.Thread(target=lambda: answers.append(client.post("/v1/reports", json=REPORT)))
        thread.start()
        assert entered.wait(20)
        response = client.post("/v1/reports", json=REPORT)
        problem(response, 503, "overloaded")
        assert response.headers["retry-after"]
        assert client.get("/healthz").status_code == 200
        release.set()
        thread.join(20)
        assert answers[0].status_code == 200
        assert client.post("/v1/reports", json=REPORT).status_code == 200


def test_places_in_flight_are_given_back_after_errors(settings: Settings, dummy_builder: CoreBuilder,
                                                      core: Core) -> None:
    app = create_app(replace(settings, max_in_flight=1), dummy_builder, first=core)
    with TestClient(app, base_url=LOOPBACK) as client:
        for body in (b"{", b"x" * 300_000, json.dumps(REPORT).encode()):
            client.post("/v1/reports", content=body)
            client.post("/v1/reports:batch", content=body)
        assert client.post("/v1/reports", json=REPORT).status_code == 200
        assert app.state.services.in_flight.count == 0


def test_a_closed_lock_is_reported_and_later_works(client: TestClient, app: FastAPI,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    from knowledge_base.storage.errors import StorageUnavailableError

    def busy(*_given: object) -> Any:
        raise StorageUnavailableError("locked")

    monkeypatch.setattr("serving.intake.store_report", busy)
    response = client.post("/v1/reports", json=REPORT)
    problem(response, 503, "overloaded")
    assert response.headers["retry-after"]
    monkeypatch.undo()
    assert client.post("/v1/reports", json=REPORT).status_code == 200
    assert asyncio.iscoroutinefunction(app.state.services.reload)
