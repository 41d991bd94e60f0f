"""Foreign pages, hostile texts and mixed-up roles at the review desk are refused or do no harm."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from knowledge_base.storage.database import open_database
from knowledge_base.storage.keys import add_key
from knowledge_base.storage.signals import is_read_twice
from serving.app import create_app
from serving.batch_output import write_answers
from serving.core import Core, CoreBuilder
from serving.settings import Settings
from tests.contract.test_reports import FULL, problem

HOSTILE = "<script>alert(1)</script>=HYPERLINK(\"http://evil.example\")路灯不亮\"><img src=x onerror=alert(1)>"
TWICE = next(name for name in (f"d-{number}" for number in range(1_000)) if is_read_twice(name))
WRITES = [("/corrections", {"field": "kind", "value": "投诉"}), ("/review", {}), ("/undo", {"number": 1})]


@pytest.fixture
def desk(settings: Settings, dummy_builder: CoreBuilder, core: Core) -> Iterator[tuple[TestClient, dict[str, str]]]:
    """A client of a service with two reviewers, an intake desk and a scientist, and their keys."""
    database = open_database(settings.database_path)
    keys = {name: add_key(database, role, name)[0] for name, role in (
        ("a", "reviewer"), ("b", "reviewer"), ("c", "reviewer"), ("intake", "intake"), ("scientist", "scientist"))}
    database.close()
    with TestClient(create_app(settings, dummy_builder, first=core), base_url="http://fenzhuan.example") as client:
        yield client, keys


def as_(keys: dict[str, str], who: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys[who]}"}


@pytest.mark.parametrize(("path", "body"), WRITES)
def test_a_foreign_page_cannot_write(desk: tuple[TestClient, dict[str, str]], path: str,
                                     body: dict[str, object]) -> None:
    client, keys = desk
    client.post("/v1/reports", json=FULL, headers=as_(keys, "intake"))
    url = f"/v1/reports/{FULL['id']}{path}"
    foreign = {"Origin": "https://evil.example", "Content-Type": "text/plain", "Cookie": f"key={keys['a']}"}
    problem(client.post(url, content=json.dumps(body), headers=foreign), 401, "unauthenticated")
    preflight = client.options(url, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
                                             "Access-Control-Request-Headers": "authorization"})
    assert preflight.status_code == 405
    assert not [name for name in preflight.headers if name.startswith("access-control")]
    shown = client.get(f"/v1/reports/{FULL['id']}", headers=as_(keys, "a"))
    assert shown.json()["corrections"] == []
    assert "set-cookie" not in shown.headers


@pytest.mark.parametrize(("path", "body"), WRITES)
def test_without_keys_a_foreign_page_cannot_write_either(client: TestClient, path: str,
                                                         body: dict[str, object]) -> None:
    client.post("/v1/reports", json=FULL)
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}, {"Origin": "null"}):
        problem(client.post(f"/v1/reports/{FULL['id']}{path}", json=body, headers=headers), 403, "forbidden")
    assert client.get(f"/v1/reports/{FULL['id']}").json()["corrections"] == []


def test_an_intake_key_cannot_review_and_a_reviewer_cannot_export(desk: tuple[TestClient, dict[str, str]]) -> None:
    client, keys = desk
    client.post("/v1/reports", json=FULL, headers=as_(keys, "intake"))
    for who in ("intake", "scientist"):
        for path, body in WRITES:
            problem(client.post(f"/v1/reports/{FULL['id']}{path}", json=body, headers=as_(keys, who)), 403, "forbidden")
        for path in ("queue", "statistics"):
            problem(client.get(f"/v1/review/{path}", headers=as_(keys, who)), 403, "forbidden")
        problem(client.post("/v1/review/release", json={}, headers=as_(keys, who)), 403, "forbidden")
    problem(client.get("/v1/review/export", headers=as_(keys, "a")), 403, "forbidden")
    problem(client.post("/v1/reports", json=FULL, headers=as_(keys, "a")), 403, "forbidden")


def test_hostile_texts_stay_texts_in_the_export(desk: tuple[TestClient, dict[str, str]]) -> None:
    client, keys = desk
    client.post("/v1/reports", json={"id": "x", "title": "=1+1", "text": HOSTILE + "\n{\"id\": \"forged\"}"},
                headers=as_(keys, "intake"))
    client.post("/v1/reports/x/review", json={"corrections": [
        {"field": "kind", "value": "咨询", "reason": HOSTILE}]}, headers=as_(keys, "a"))
    response = client.get("/v1/review/export", headers=as_(keys, "scientist"))
    rows = [json.loads(line) for line in response.text.splitlines()]
    assert [(row["id"], row["title"], row["text"].startswith(HOSTILE)) for row in rows] == [("x", "=1+1", True)]
    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-disposition"].startswith("attachment")
    queue = client.get("/v1/review/queue", headers=as_(keys, "b"))
    assert queue.headers["content-type"].startswith("application/json")


def test_ids_that_are_formulas_are_harmless_in_csv(tmp_path: Path) -> None:
    entry = {"row": 1, "id": "=cmd|'C'!A0", "problem": {"code": "invalid", "detail": "-1", "field": "@SUM(A1)"}}
    write_answers(tmp_path / "out.csv", [entry])
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as stream:
        row = next(csv.DictReader(stream))
    assert not [value for value in row.values() if value.startswith(("=", "+", "-", "@"))]
    assert row["id"] == "'=cmd|'C'!A0"


def test_a_second_reading_over_http(desk: tuple[TestClient, dict[str, str]]) -> None:
    client, keys = desk
    client.post("/v1/reports", json={"id": TWICE, "text": "路灯不亮"}, headers=as_(keys, "intake"))
    client.post(f"/v1/reports/{TWICE}/review", json={"corrections": [{"field": "urgency", "value": 1}]},
                headers=as_(keys, "a"))
    blind = client.get(f"/v1/reports/{TWICE}", headers=as_(keys, "b")).json()
    assert (blind["corrections"], blind["withheld"]) == ([], True)
    asked = client.get("/v1/review/queue?strategy=second", headers=as_(keys, "b")).json()
    assert [entry["why"]["code"] for entry in asked["queue"]] == ["second_reading"]
    assert "corrections" not in asked["queue"][0]
    client.post(f"/v1/reports/{TWICE}/review", json={"corrections": [{"field": "urgency", "value": 4}]},
                headers=as_(keys, "b"))
    shown = client.get("/v1/review/queue?strategy=adjudicate", headers=as_(keys, "c")).json()["queue"][0]
    assert [(one["field"], one["first"], one["second"]) for one in shown["disagreements"]] == [("urgency", 1, 4)]
    figures = client.get("/v1/review/statistics", headers=as_(keys, "a")).json()
    assert figures["second_readings"] == {"share": 0.1, "due": 0, "done": 1, "differing": 1}
    urgency = next(one for one in figures["agreement"] if one["field"] == "urgency" and one["reviewers"])
    assert (urgency["reports"], urgency["agreed"]) == (1, 0.0)


def test_a_bad_review_stores_nothing(client: TestClient) -> None:
    client.post("/v1/reports", json=FULL)
    for corrections, field in (([{"field": "kind", "value": "咨询"}, {"field": "category", "value": "XX99"}],
                                "corrections.1.value"),
                               ([{"field": "kind", "value": "咨询"}] * 2, "corrections")):
        found = problem(client.post(f"/v1/reports/{FULL['id']}/review", json={"corrections": corrections}), 422,
                        "invalid")
        assert found["field"] == field
    assert client.get(f"/v1/reports/{FULL['id']}").json()["corrections"] == []
