"""POST /v1/reports, /v1/predict and GET /v1/reports/{id}: what the contract promises."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.services import Services

FULL: dict[str, Any] = {
        "id": "HZ-20260101-0001", "title": "小区楼下烧烤店油烟扰民",
        "text": "幸福小区3栋楼下烧烤店每天油烟扰民，有照片。",
        "received_at": "2026-01-01T09:30:00+08:00", "region": "430102", "channel": "phone",
        "reporter": {"ref": "opaque-pseudonym", "anonymous": False}, "attachments": [{"type": "image", "count": 2}]}
TYPES = {"id": str, "kind": dict, "category": dict, "urgency": dict, "lead_department": dict, "co_departments": list,
         "territory": dict, "duplicate": dict, "false_report": dict, "elements": dict, "keywords": list,
         "deadlines": list, "decision": dict, "versions": dict, "elapsed_ms": float}


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Check that a response is the problem document of a code and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["code"] == code
    assert document["status"] == status
    return document


def test_full_report_is_answered_in_the_form_of_the_contract(client: TestClient) -> None:
    response = client.post("/v1/reports", json=FULL)
    assert response.status_code == 200
    answer = response.json()
    assert {name: type(value) for name, value in answer.items()} == TYPES
    assert answer["id"] == FULL["id"]
    assert set(answer["category"]) == {"code", "path", "probability", "alternatives", "prediction_set",
                                       "other_taxonomies"}
    assert len(answer["category"]["alternatives"]) == 4
    assert set(answer["duplicate"]) == {"score", "of", "event_id", "matches"}
    assert set(answer["elements"]) == {"times", "places", "subjects", "evidence", "missing"}
    assert answer["deadlines"][0]["due"]


def test_only_text_is_required_and_an_id_is_made(client: TestClient) -> None:
    answer = client.post("/v1/reports", json={"text": "路灯不亮"}).json()
    assert answer["id"].startswith("R-")
    assert client.get(f"/v1/reports/{answer['id']}").json()["report"]["text"] == "路灯不亮"


def test_predict_stores_nothing(client: TestClient) -> None:
    predicted = client.post("/v1/predict", json=FULL).json()
    problem(client.get(f"/v1/reports/{FULL['id']}"), 404, "not_found")
    recorded = client.post("/v1/reports", json=FULL).json()
    for answer in (predicted, recorded):
        del answer["elapsed_ms"]
    assert predicted == recorded


def test_same_id_and_content_answers_the_same_bytes(client: TestClient) -> None:
    first, again = (client.post("/v1/reports", json=FULL) for _ in range(2))
    assert first.content == again.content
    assert client.get("/readyz").json()["parts"]["index"]["reports"] == 1


def test_same_id_with_other_content_conflicts(client: TestClient) -> None:
    client.post("/v1/reports", json=FULL)
    changes: list[dict[str, Any]] = [
        {"text": "别的事"}, {"title": "别的"}, {"region": "430103"}, {"received_at": None},
        {"reporter": {"ref": "another"}}, {"channel": "web"}, {"attachments": []}]
    for change in changes:
        problem(client.post("/v1/reports", json=FULL | change), 409, "id_conflict")


def test_clients_at_once_with_one_id_get_the_same_bytes(client: TestClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        bodies = {response.content for response in threads.map(
            lambda _: client.post("/v1/reports", json=FULL), range(16))}
    assert len(bodies) == 1
    assert client.get("/readyz").json()["parts"]["index"]["reports"] == 1


def test_a_repeated_report_joins_the_event_of_the_first(client: TestClient) -> None:
    client.post("/v1/reports", json=FULL)
    second = client.post("/v1/reports", json=FULL | {"id": "second"}).json()["duplicate"]
    third = client.post("/v1/reports", json=FULL | {"id": "third"}).json()["duplicate"]
    assert (second["of"], second["event_id"]) == (FULL["id"], "E-000001")
    assert (third["of"], third["event_id"]) == (FULL["id"], "E-000001")
    assert second["score"] >= 0.9
    assert second["matches"][0] == {"id": FULL["id"], "score": second["score"],
                                    "received_at": FULL["received_at"], "title": FULL["title"],
                                    "reasons": second["matches"][0]["reasons"]}
    assert client.get("/v1/reports/second").json()["prediction"]["duplicate"] == second


def test_reports_of_another_city_are_no_duplicates(client: TestClient) -> None:
    client.post("/v1/reports", json=FULL)
    answer = client.post("/v1/reports", json=FULL | {"id": "far", "region": "440300"}).json()
    assert answer["duplicate"] == {"score": 0.0, "of": None, "event_id": None, "matches": []}


def test_stored_report_comes_with_prediction_and_without_the_reporter(client: TestClient) -> None:
    answer = client.post("/v1/reports", json=FULL).json()
    response = client.get(f"/v1/reports/{FULL['id']}")
    assert response.json()["prediction"] == answer
    assert response.json()["corrections"] == response.json()["outcomes"] == []
    assert "opaque-pseudonym" not in response.text
    problem(client.get("/v1/reports/nobody"), 404, "not_found")


@pytest.mark.parametrize(("sent", "field"), [
    ({"text": ""}, "text"), ({"text": "  \n\t "}, "text"), ({"text": "\x00\x01\u200b"}, "text"),
    ({"text": "字" * 20_001}, "text"), ({}, "text"), ({"text": None}, "text"), ({"text": 5}, "text"),
    ({"text": ["a"]}, "text"), ({"text": "a", "title": 1}, "title"), ({"text": "a", "title": "题" * 501}, "title"),
    ({"text": "a", "surprise": 1}, "surprise"), ({"text": "a", "id": ""}, "id"), ({"text": "a", "id": "a/b"}, "id"),
    ({"text": "a", "id": ".."}, "id"), ({"text": "a", "id": "x" * 129}, "id"), ({"text": "a", "id": 7}, "id"),
    ({"text": "a", "id": "a\x00"}, "id"),
    ({"text": "a", "region": "43"}, "region"), ({"text": "a", "region": "43010a"}, "region"),
    ({"text": "a", "region": "４３０１０２"}, "region"), ({"text": "a", "region": 430102}, "region"),
    ({"text": "a", "region": "430102\n"}, "region"),
    ({"text": "a", "channel": "pigeon"}, "channel"),
    ({"text": "a", "received_at": "yesterday"}, "received_at"), ({"text": "a", "received_at": 1}, "received_at"),
    ({"text": "a", "received_at": "2026-01-01T09:30:00"}, "received_at"),
    ({"text": "a", "received_at": "2026-01-01"}, "received_at"),
    ({"text": "a", "received_at": "2026-02-30T09:30:00+08:00"}, "received_at"),
    ({"text": "a", "received_at": "2026-01-01T25:30:00+08:00"}, "received_at"),
    ({"text": "a", "received_at": "2026-01-01T09:30:00+99:00"}, "received_at"),
    ({"text": "a", "received_at": "0001-01-01T00:00:00+08:00"}, "received_at"),
    ({"text": "a", "received_at": "9999-12-31T23:59:59-23:59"}, "received_at"),
    ({"text": "a", "reporter": {"anonymous": "no"}}, "reporter.anonymous"),
    ({"text": "a", "reporter": {"name": "a"}}, "reporter.name"),
    ({"text": "a", "attachments": [{"type": "image", "count": 0}]}, "attachments.0.count"),
    ({"text": "a", "attachments": {}}, "attachments"),
    ({"text": "a", "attachments": [{"type": "image", "count": True}]}, "attachments.0.count"),
])
@pytest.mark.parametrize("path", ["/v1/reports", "/v1/predict"])
def test_bad_fields_are_named(client: TestClient, path: str, sent: dict[str, Any], field: str) -> None:
    document = problem(client.post(path, json=sent), 422, "invalid")
    assert document["field"] == field
    assert document["errors"][0]["message"]


def test_naive_time_is_told_what_it_lacks(client: TestClient) -> None:
    response = client.post("/v1/reports", json={"text": "a", "received_at": "2026-01-01T09:30:00"})
    assert "offset" in response.json()["detail"]


@pytest.mark.parametrize("time", ["2026-01-01T09:30:00Z", "2026-01-01t09:30:00.123456z", "2026-01-01T09:30:00-11:30",
                                  "2026-01-01T09:30:00.123456789+08:00", "2099-12-31T23:59:59+08:00"])
def test_good_times_are_taken(client: TestClient, time: str) -> None:
    assert client.post("/v1/reports", json={"text": "路灯不亮", "received_at": time}).status_code == 200


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"text": "\xe5\xb0"}', b'{"text": "\\ud800"}', b"{'text': 1}",
    b'{"text": NaN}', b"[" * 100_000, b'{"text": "a"} trailing', b'{"text": "a\x00b"}', b"\xef\xbb\xbf{}"])
@pytest.mark.parametrize("path", ["/v1/reports", "/v1/predict", "/v1/reports/a/corrections", "/v1/reports/a/outcome",
                                  "/pages/predict"])
def test_what_is_no_json_object_is_invalid(client: TestClient, path: str, body: bytes) -> None:
    document = problem(client.post(path, content=body), 422, "invalid")
    assert document["field"]


@pytest.mark.parametrize("text", ["😀😀😀", "The street lamp is broken", "a", "字" * 20_000, "𠮷" * 20_000,
                                  "\ufeff路灯\x00不亮\x07\u202e", "' OR 1=1; --",
                                  "<script>alert(1)</script>", "👨‍👩‍👧‍👦", "１２３",
                                  "{{ 7 * 7 }}", "\u0627\u0644\u0639"])
def test_strange_texts_are_answered(client: TestClient, text: str) -> None:
    response = client.post("/v1/reports", json={"text": text})
    assert response.status_code == 200, response.text
    stored = client.get(f"/v1/reports/{response.json()['id']}").json()["report"]["text"]
    assert not any(ord(char) < 32 and char not in "\n\t" for char in stored)


def test_control_characters_do_not_make_another_report(client: TestClient) -> None:
    first = client.post("/v1/reports", json={"id": "a", "text": "路灯不亮"})
    assert client.post("/v1/reports", json={"id": "a", "text": "路灯\x00不亮"}).content == first.content


@pytest.mark.parametrize("path", ["/v1/reports", "/v1/predict", "/v1/reports/a/corrections", "/v1/reports/a/outcome",
                                  "/v1/admin/reload"])
def test_too_large_bodies_are_refused_with_and_without_length(client: TestClient, path: str) -> None:
    body = json.dumps({"text": "a" * 1_000_000}).encode()
    problem(client.post(path, content=body), 413, "too_large")
    sent = []

    def chunks() -> Any:
        for start in range(0, len(body), 65_536):
            sent.append(start)
            yield body[start:start + 65_536]

    problem(client.post(path, content=chunks()), 413, "too_large")


def test_what_was_sent_is_never_repeated_in_errors(client: TestClient) -> None:
    private = "张三身份证"
    for sent in ({"text": 5, "title": private * 200}, {"text": "a", private: 1}, {"text": "a", "id": private + "/"},
                 {"text": "a", "channel": private}, {"text": "a", "region": private},
                 {"text": "a", "received_at": private},
                 {"text": [private]}, {"text": "a", "reporter": {private: private}},
                 {"text": "a", "attachments": [{"type": private, "count": private}]}):
        response = client.post("/v1/reports", json=sent)
        assert response.status_code == 422
        assert "张三" not in json.dumps(response.json(), ensure_ascii=False)


def test_unknown_paths_and_methods(client: TestClient) -> None:
    problem(client.get("/v1/nothing"), 404, "not_found")
    problem(client.delete("/v1/reports"), 405, "method_not_allowed")
    problem(client.get("/v1/reports/%00"), 404, "not_found")
    problem(client.get("/v1/reports/%FF%FE"), 404, "not_found")


def test_a_network_that_fails_is_503_and_stores_nothing(app: FastAPI, client: TestClient,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    services: Services = app.state.services

    def fail(_reports: object) -> Any:
        raise RuntimeError("network")

    monkeypatch.setattr(services.active.core.predictor, "predict", fail)
    response = client.post("/v1/reports", json=FULL)
    problem(response, 503, "overloaded")
    assert response.headers["retry-after"]
    monkeypatch.undo()
    problem(client.get(f"/v1/reports/{FULL['id']}"), 404, "not_found")
    assert client.post("/v1/reports", json=FULL).status_code == 200


def test_an_unforeseen_error_shows_no_text(app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch,
                                           caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_given: object) -> Any:
        raise RuntimeError(FULL["text"])

    monkeypatch.setattr("serving.intake._new_answer", fail)
    response = client.post("/v1/reports", json=FULL)
    problem(response, 500, "internal")
    assert "油烟" not in response.text + caplog.text
