"""docs/api.md and docs/operations.md say what the program does: examples are sent, tables are compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import click
import pytest
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from starlette.testclient import TestClient

from serving.app import ROUTERS
from serving.cli import main
from serving.errors import TITLES
from serving.export import LABEL_FIELDS
from serving.schemas import (
    AttachmentIn,
    CorrectionIn,
    OutcomeIn,
    ReleaseIn,
    ReloadIn,
    ReporterIn,
    ReportIn,
    ReviewIn,
    UndoIn,
)
from serving.settings import Settings
from serving.telemetry import Telemetry
from serving.wording import DECISION_REASONS, STAGES, STRATEGIES, WHY_ASKED

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```(json|ndjson) ([^\n]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
UNDOCUMENTED_FLAGS = {"--help"}


@dataclass(frozen=True)
class Example:
    """A request of the page with the answer that follows it."""

    method: str
    path: str
    status: int
    body: str
    answer: Any
    line: int | None


def examples() -> Iterator[Example]:
    blocks = [match.groups() for match in _BLOCK.finditer(API)]
    for number, (_, head, body) in enumerate(blocks):
        if head.startswith(("answer", "line")):
            continue
        method, path, status = head.split()
        _, after, answer = blocks[number + 1]
        line = int(after.removeprefix("line ")) if after.startswith("line") else None
        assert line or after == "answer"
        yield Example(method, path, int(status), body, json.loads(answer), line)


def check_form(written: Any, found: Any, at: str = "answer") -> None:
    """Check names and types of what is written against what is found; an empty object stands for any."""
    if isinstance(written, dict) and written:
        assert isinstance(found, dict), at
        optional = {"note"} if ".deadlines" in at else set()
        assert written.keys() - optional == found.keys() - optional, at
        for name in written.keys() & found.keys():
            check_form(written[name], found[name], f"{at}.{name}")
    elif isinstance(written, list):
        assert isinstance(found, list), at
        for one, other in zip(written[:1], found[:1], strict=False):
            check_form(one, other, f"{at}.0")
    elif written is not None and found is not None and not isinstance(written, dict):
        numbers = isinstance(written, float | int) and not isinstance(written, bool)
        assert isinstance(found, (float | int) if numbers else type(written)), at


def test_examples_are_answered_as_written(client: TestClient) -> None:
    sent = 0
    for example in examples():
        response = client.request(example.method, example.path, content=example.body.encode())
        assert response.status_code == example.status, (example.path, response.text)
        found = json.loads(response.text.splitlines()[example.line - 1]) if example.line else response.json()
        check_form(example.answer, found, example.path)
        if "code" in example.answer and "status" in example.answer:
            assert found == example.answer
        sent += 1
    assert sent >= 12


def test_the_table_names_every_endpoint_and_no_other() -> None:
    written = set(re.findall(r"`(GET|POST) (/[^`]*)`", API.split("## Reports")[0]))
    there = {(method, route.path) for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)
             for method in route.methods}
    assert len(there) >= 19
    assert written == there | {("GET", "/openapi.json")}


@pytest.mark.parametrize("model", [ReportIn, ReporterIn, AttachmentIn, CorrectionIn, OutcomeIn, ReloadIn, ReviewIn,
                                   UndoIn, ReleaseIn])
def test_every_request_field_is_named(model: type[BaseModel]) -> None:
    assert not [name for name in model.model_fields if f"`{name}`" not in API]


def test_every_code_is_named() -> None:
    corrected = (*LABEL_FIELDS, "duplicate_of", "not_duplicate_of", "false_report")
    for code in (*TITLES, *DECISION_REASONS, *STAGES, *corrected, *STRATEGIES, *WHY_ASKED):
        assert f"`{code}`" in API, code


def commands() -> Iterator[tuple[str, click.Command]]:
    def walk(command: click.Command, context: click.Context, name: str) -> Iterator[tuple[str, click.Command]]:
        if not isinstance(command, click.Group):
            yield name, command
            return
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from walk(found, context, f"{name} {word}")

    yield from walk(main, click.Context(main), "fenzhuan")


def test_every_command_and_flag_is_in_the_table_of_commands() -> None:
    rows = {name: set(re.findall(r"`(--[a-z-]+)`", rest))
            for name, rest in re.findall(r"^\| `(fenzhuan [a-z ]*[a-z])(?: [^`a-z][^`]*)?` \|(.*)$", OPERATIONS, re.M)}
    there = {name: {flag for one in command.params if isinstance(one, click.Option) for flag in one.opts}
             - UNDOCUMENTED_FLAGS for name, command in commands()}
    assert len(there) >= 11
    assert rows == there


def test_every_variable_of_the_service_is_named() -> None:
    context = click.Context(main)
    serve = main.get_command(context, "serve")
    assert serve is not None
    variables = {str(option.envvar) for option in serve.params if isinstance(option, click.Option)}
    assert len(variables) >= 7
    assert not [name for name in {*variables, "FENZHUAN_KEY", "FENZHUAN_DEMO_ONCE", "FENZHUAN_DATA"}
                if f"`{name}`" not in OPERATIONS]


def test_defaults_of_the_settings_are_as_written() -> None:
    written = dict(re.findall(r"^\| `(--[a-z-]+)`, `FENZHUAN_[A-Z_]+` \| ([^|]+?) \|", OPERATIONS, re.M))
    defaults = Settings()
    for field in ("host", "port", "data_dir", "rate_per_minute", "max_in_flight"):
        assert written["--" + field.replace("_", "-")].strip("`/") == str(getattr(defaults, field)), field
    assert {f"--{field.name.replace('_', '-')}" for field in fields(Settings)} >= written.keys()


def test_every_metric_is_named() -> None:
    registry: CollectorRegistry = Telemetry().registry
    names = [metric.name + ("_total" if metric.type == "counter" else "") for metric in registry.collect()]
    assert len(names) >= 8
    assert not [name for name in names if f"`{name}`" not in OPERATIONS]


def test_every_stage_that_can_fail_has_advice() -> None:
    advice = OPERATIONS.split("## When a stage fails")[1]
    assert not [stage for stage in STAGES if f"| `{stage}` |" not in advice]
