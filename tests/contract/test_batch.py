"""POST /v1/reports:batch: lines in, lines out, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from serving.batch import lines_of


def batch(client: TestClient, content: Any) -> list[dict[str, Any]]:
    response = client.post("/v1/reports:batch", content=content)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in response.text.splitlines()]


def test_lines_are_answered_in_order_and_stored(client: TestClient) -> None:
    sent = [{"id": f"b-{n}", "text": f"第{n}条，路灯不亮" * (1 + n % 7)} for n in range(100)]
    answers = batch(client, "\n".join(json.dumps(one) for one in sent))
    assert [answer["id"] for answer in answers] == [one["id"] for one in sent]
    assert client.get("/v1/reports/b-57").json()["prediction"] == answers[57]


def test_bad_lines_answer_error_lines_and_the_rest_goes_on(client: TestClient) -> None:
    client.post("/v1/reports", json={"id": "taken", "text": "原来的"})
    lines = [b'{"id": "a", "text": "\xe8\xb7\xaf\xe7\x81\xaf"}', b"not json", b"", b'{"text": ""}', b"\xff\xff",
             b'{"id": "taken", "text": "other"}', b'{"text": "' + b"x" * 300_000 + b'"}', b'{"text": "\\ud800"}',
             b'{"id": "z", "text": "last"}']
    answers = batch(client, b"\r\n".join(lines) + b"\n")
    assert [(answer.get("line"), answer.get("status"), answer.get("code")) for answer in answers] == [
        (None, None, None), (2, 422, "invalid"), (4, 422, "invalid"), (5, 422, "invalid"), (6, 409, "id_conflict"),
        (7, 413, "too_large"), (8, 422, "invalid"), (None, None, None)]
    assert answers[0]["id"] == "a"
    assert answers[-1]["id"] == "z"
    assert answers[2]["field"] == "text"


def test_a_line_sees_the_lines_before_it(client: TestClient) -> None:
    line = {"title": "路灯不亮", "text": "幸福路的路灯已经三天不亮了，请尽快修。", "region": "430102"}
    answers = batch(client, "\n".join(json.dumps(line | {"id": f"same-{n}"}) for n in range(20)))
    assert [answer["duplicate"]["of"] for answer in answers] == [None] + ["same-0"] * 19


def test_repeated_lines_answer_the_same(client: TestClient) -> None:
    lines = [json.dumps({"id": "one", "text": "路灯不亮"})] * 5
    answers = batch(client, "\n".join(lines))
    assert len(answers) == 5
    assert all(answer == answers[0] for answer in answers)


def test_nothing_in_nothing_out(client: TestClient) -> None:
    assert batch(client, b"") == batch(client, b"\n \n") == []


def test_a_failing_line_does_not_end_the_stream(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from serving import intake

    conclude = intake.conclude

    async def fail_once(*given: Any) -> str:
        if given[2].id == "bad":
            raise RuntimeError("secret")
        return await conclude(*given)

    monkeypatch.setattr(intake, "conclude", fail_once)
    answers = batch(client, "\n".join(json.dumps({"id": name, "text": "路灯"}) for name in ("a", "bad", "b")))
    assert [answer.get("code") or answer["id"] for answer in answers] == ["a", "internal", "b"]
    assert "secret" not in json.dumps(answers)


def test_answers_come_while_the_client_still_sends(app: FastAPI, client: TestClient) -> None:
    """The second line is sent only after the first is answered, over ASGI itself."""
    events: list[str] = []

    async def talk() -> None:
        to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        done = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body" and message.get("body"):
                events.append(json.loads(message["body"])["id"])
                number = len(events)
                if number < 3:
                    to_app.put_nowait(chunk(number))
                else:
                    to_app.put_nowait({"type": "http.request", "body": b"", "more_body": False})
            elif message["type"] == "http.response.body" and not message.get("more_body"):
                done.set()

        def chunk(number: int) -> dict[str, Any]:
            line = json.dumps({"id": f"t-{number}", "text": "路灯"}).encode() + b"\n"
            return {"type": "http.request", "body": line, "more_body": True}

        to_app.put_nowait(chunk(0))
        scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1",
                 "method": "POST", "path": "/v1/reports:batch", "raw_path": b"", "query_string": b"", "root_path": "",
                 "scheme": "http", "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1),
                 "server": ("127.0.0.1", 80), "state": {}}
        await asyncio.wait_for(app(scope, to_app.get, send), 20)  # type: ignore[arg-type]
        assert done.is_set()

    assert client.portal is not None
    client.portal.call(talk)
    assert events == ["t-0", "t-1", "t-2"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_cut_alike_however_they_come(size: int) -> None:
    content = b"ab\n\n" + b"c" * 11 + b"\nd\ne"

    async def cut() -> list[tuple[int, bytes | None]]:
        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(content), size):
                yield content[start:start + size]

        return [(line.number, line.content) async for line in lines_of(chunks(), 10)]

    assert asyncio.run(cut()) == [(1, b"ab"), (3, None), (4, b"d"), (5, b"e")]
