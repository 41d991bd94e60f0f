"""Reload, health, metrics, logs, pages, restart."""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase
from models.bundle import Bundle, BundleError
from models.contract import Predictor
from serving.app import create_app
from serving.core import Core, CoreBuilder
from serving.services import Services
from serving.settings import Settings
from serving.telemetry import JsonFormatter
from tests.conftest import LOOPBACK, dummy_network
from tests.contract.test_reports import FULL, problem


@pytest.fixture
def own_knowledge(settings: Settings, tmp_path: Path, dummy_builder: CoreBuilder,
                  core: Core) -> Iterator[tuple[TestClient, Path]]:
    """A client of a service with a knowledge base of its own to change."""
    folder = tmp_path / "kb"
    shutil.copytree(DEFAULT_FOLDER, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755)
    app = create_app(replace(settings, knowledge_base=folder), dummy_builder, first=core)
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client, folder


def test_reload_takes_a_changed_knowledge_base(own_knowledge: tuple[TestClient, Path]) -> None:
    client, folder = own_knowledge
    before = client.get("/v1/departments").json()
    table = folder / "departments.tsv"
    table.write_text(table.read_text() + "NEW\t新设部门\t新的职责\n")
    assert client.get("/v1/departments").json() == before
    answer = client.post("/v1/admin/reload", json={"part": "knowledge_base"})
    assert answer.status_code == 200
    after = client.get("/v1/departments").json()
    assert [one["code"] for one in after["departments"]][-1] == "NEW"
    assert after["version"] == answer.json()["versions"]["knowledge_base"] != before["version"]
    assert client.post("/v1/reports", json=FULL).json()["versions"]["knowledge_base"] == after["version"]


def test_a_broken_knowledge_base_leaves_the_old_one_and_names_the_line(
        own_knowledge: tuple[TestClient, Path]) -> None:
    client, folder = own_knowledge
    before = client.get("/v1/taxonomy").json()
    table = folder / "catalogue.tsv"
    lines = table.read_text().splitlines()
    columns = lines[0].split("\t")
    cells = lines[4].split("\t")
    cells[columns.index("lead")] = "NOBODY"
    lines[4] = "\t".join(cells)
    table.write_text("\n".join(lines) + "\n")
    document = problem(client.post("/v1/admin/reload"), 422, "invalid_knowledge_base")
    assert "catalogue.tsv, line 5" in document["detail"]
    assert document["errors"][0]["field"].startswith("catalogue.tsv:5:lead")
    assert client.get("/v1/taxonomy").json() == before
    assert client.post("/v1/reports", json=FULL).status_code == 200


def test_a_refused_bundle_leaves_the_old_one(settings: Settings, core: Core) -> None:
    def refuse(_folder: Path, _knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        raise BundleError("model.onnx has SHA-256 1, expected 2")

    app = create_app(settings, CoreBuilder(network=refuse), first=core)
    with TestClient(app, base_url=LOOPBACK) as client:
        document = problem(client.post("/v1/admin/reload", json={"part": "bundle"}), 422, "invalid_bundle")
        assert "model.onnx" in document["detail"]
        assert client.post("/v1/reports", json=FULL).json()["versions"]["bundle"] == "dummy"


def test_an_unfit_bundle_is_refused_as_such(settings: Settings, core: Core) -> None:
    def unfit(_bundle: Bundle) -> Any:
        raise KeyError("weights")

    app = create_app(settings, CoreBuilder(network=dummy_network, pair_scorer=unfit), first=core)
    with TestClient(app, base_url=LOOPBACK) as client:
        problem(client.post("/v1/admin/reload", json={"part": "bundle"}), 422, "invalid_bundle")


def test_a_new_bundle_finds_the_reports_that_the_old_one_embedded(settings: Settings, core: Core) -> None:
    def newer(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        bundle, predictor = dummy_network(folder, knowledge_base)
        return replace(bundle, version="newer", sha256="1" * 64), predictor

    app = create_app(settings, CoreBuilder(network=newer), first=core)
    with TestClient(app, base_url=LOOPBACK) as client:
        client.post("/v1/reports", json=FULL)
        failures: list[int] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                if client.post("/v1/predict", json=FULL).status_code != 200:
                    failures.append(1)

        thread = threading.Thread(target=ask)
        thread.start()
        assert client.post("/v1/admin/reload", json={"part": "bundle"}).json()["versions"]["bundle"] == "newer"
        stop.set()
        thread.join()
        assert failures == []
        for _ in range(200):
            if client.get("/readyz").json()["parts"]["index"]["reports"] == 1:
                break
        answer = client.post("/v1/reports", json=FULL | {"id": "again"}).json()
        assert (answer["versions"]["bundle"], answer["duplicate"]["of"]) == ("newer", FULL["id"])


@pytest.mark.parametrize("body", [b'{"part": "everything"}', b'{"bundle": "/etc"}', b"["])
def test_bad_reloads_are_invalid(client: TestClient, body: bytes) -> None:
    problem(client.post("/v1/admin/reload", content=body), 422, "invalid")


def test_health_and_readiness(client: TestClient, app: FastAPI) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz")
    assert ready.json()["ready"] is True
    assert set(ready.json()["parts"]) == {"database", "bundle", "knowledge_base", "index"}
    services: Services = app.state.services
    services.ready = False
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz").headers["retry-after"]


def test_metrics_count_without_content(client: TestClient) -> None:
    client.post("/v1/reports", json=FULL)
    client.post("/v1/reports", json={"text": ""})
    client.get("/v1/reports/张三")
    client.get("/nowhere/张三")
    metrics = client.get("/metrics").text
    assert 'fenzhuan_requests_total{method="POST",route="/v1/reports",status="200"} 1.0' in metrics
    assert 'fenzhuan_requests_total{method="POST",route="/v1/reports",status="422"} 1.0' in metrics
    assert "fenzhuan_reports_stored_total 1.0" in metrics
    assert re.search(r'fenzhuan_decisions_total\{route="(auto|review)"\} 1\.0', metrics)
    for stage in ("predict", "router", "duplicates", "store"):
        assert f'fenzhuan_stage_seconds_count{{stage="{stage}"}} 1.0' in metrics
    assert "fenzhuan_in_flight 0.0" in metrics
    for content in ("张三", "%E5", "油烟", FULL["id"], "opaque-pseudonym"):
        assert content not in metrics


def test_logs_are_json_without_content(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    client.post("/v1/reports", json=FULL)
    client.post("/v1/reports", json=FULL | {"text": "别的正文油烟"})
    client.get(f"/v1/reports/{FULL['id']}")
    client.post(f"/v1/reports/{FULL['id']}/corrections", json={"field": "kind", "value": "投诉", "reason": "油烟属实"})
    client.post("/v1/reports:batch", content=json.dumps(FULL | {"id": "油烟-1"}))
    client.post("/v1/reports", content='{"text": "油烟')
    records = [record for record in caplog.records if record.name.partition(".")[0] not in ("httpx", "httpx2")]
    lines = [JsonFormatter().format(record) for record in records]
    requests = [line for line in map(json.loads, lines) if line.get("event") == "request"]
    assert [(line["route"], line["status"]) for line in requests] == [
        ("/v1/reports", 200), ("/v1/reports", 409), ("/v1/reports/{report_id}", 200),
        ("/v1/reports/{report_id}/corrections", 200), ("/v1/reports:batch", 200), ("/v1/reports", 422)]
    assert requests[0]["role"] == "admin"
    for content in ("油烟", "烧烤", FULL["id"], "opaque-pseudonym", "430102"):
        assert not any(content in line for line in lines)


def test_tracebacks_are_reduced_to_type_and_place() -> None:
    try:
        raise ValueError("张三的诉求")
    except ValueError as error:
        record = logging.LogRecord("uvicorn.error", logging.ERROR, __file__, 1, "failed", (),
                                   (type(error), error, error.__traceback__))
    line = JsonFormatter().format(record)
    assert "张三" not in line
    assert json.loads(line)["error"] == "ValueError"


@pytest.mark.parametrize("path", ["/", "/review"])
def test_pages_hold_nothing_from_outside_and_no_inline_script(client: TestClient, path: str) -> None:
    response = client.get(path)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert '<html lang="zh-CN">' in response.text
    assert "width=device-width" in response.text
    assert not re.search(r"https?://|<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=|<style", response.text)
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', response.text)
    assert len(linked) >= 4
    for link in linked:
        asset = client.get(link)
        assert asset.status_code == 200
        assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(|@import", asset.text)


def test_page_answers_as_predict_does(client: TestClient) -> None:
    page, predicted = (client.post(path, json=FULL).json() for path in ("/pages/predict", "/v1/predict"))
    for answer in (page, predicted):
        del answer["elapsed_ms"]
    assert page == predicted


def test_static_files_end_at_their_folder(client: TestClient) -> None:
    for path in ("/static/../__init__.py", "/static/%2e%2e/__init__.py", "/static/none.js"):
        problem(client.get(path), 404, "not_found")


def test_knowledge_base_is_shown(client: TestClient, knowledge_base: KnowledgeBase) -> None:
    taxonomy = client.get("/v1/taxonomy").json()
    assert len(taxonomy["categories"]) == 119
    assert set(taxonomy["categories"][0]) == {"code", "path", "scope", "other_taxonomies", "db44t2479",
                                              "db44t2479_level3", "xinfang"}
    department = client.get("/v1/departments/CGJ").json()
    assert department["name"] == "城市管理综合执法部门"
    duties = knowledge_base.department("CGJ").duties
    assert [duty["id"] for duty in department["duties"]] == [duty.id for duty in duties]
    problem(client.get("/v1/departments/NOBODY"), 404, "not_found")


def test_restart_keeps_everything(settings: Settings, dummy_builder: CoreBuilder, core: Core) -> None:
    with TestClient(create_app(settings, dummy_builder, first=core), base_url=LOOPBACK) as client:
        body = client.post("/v1/reports", json=FULL).content
    assert settings.index_path.exists()
    with TestClient(create_app(settings, dummy_builder, first=core), base_url=LOOPBACK) as client:
        assert client.post("/v1/reports", json=FULL).content == body
        assert client.get("/readyz").json()["parts"]["index"]["reports"] == 1
        assert client.post("/v1/predict", json=FULL | {"id": "x"}).json()["duplicate"]["of"] == FULL["id"]


def test_openapi_describes_bodies_without_dangling_references(app: FastAPI) -> None:
    document = app.openapi()
    body = document["paths"]["/v1/reports"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["required"] == ["text"]
    assert body["additionalProperties"] is False
    assert "#/$defs" not in json.dumps(document)
