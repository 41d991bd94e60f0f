"""``fenzhuan route``: one report in, one answer out, nothing stored."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.contract import Report
from serving.answer_text import answer_lines
from serving.core import Core, CoreBuilder
from serving.local_engine import engine_of
from serving.route_command import MOST_BYTES, route
from tests.conftest import dummy_network
from tests.unit.fixed_core import FixedCore

TEXT = "幸福小区3栋楼下烧烤店每天晚上油烟扰民，还有燃气泄漏的味道。"
SECTIONS = ["id", "kind", "category", "urgency", "lead_department", "co_departments", "territory", "duplicate",
            "false_report", "elements", "keywords", "deadlines", "decision", "versions", "elapsed_ms"]


@pytest.fixture
def builder(core: Core) -> CoreBuilder:
    return FixedCore(core=core)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(builder: CoreBuilder | None, *arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(route, arguments, input=stdin, obj=builder)


def body(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_json_is_the_engines_answer_in_one_line(builder: CoreBuilder, core: Core) -> None:
    report = {"id": "HZ-1", "title": "油烟", "text": TEXT, "received_at": "2026-01-01T09:30:00+08:00"}
    result = run(builder, "-", "--json", stdin=json.dumps(report).encode())
    found = body(result)
    assert result.stdout.count("\n") == 1
    assert list(found) == SECTIONS
    expected = engine_of(core).answer(Report(text=TEXT, title="油烟", id="HZ-1"))
    for section in ("id", "kind", "category", "lead_department", "decision", "urgency"):
        assert found[section] == expected[section]
    assert found["deadlines"] != expected["deadlines"], "the time of receipt was not read"


def test_text_file_argument_and_standard_input_answer_alike(builder: CoreBuilder, tmp_path: Path) -> None:
    Path("report.txt").write_text("\ufeff" + TEXT, encoding="utf-8")
    ways = [run(builder, "report.txt", "--title", "油烟", "--json"),
            run(builder, "-", "--title", "油烟", "--json", stdin=TEXT.encode()),
            run(builder, "--text", TEXT, "--title", "油烟", "--json")]
    answers = [{**body(way), "id": "", "elapsed_ms": 0} for way in ways]
    assert answers[0] == answers[1] == answers[2]
    assert [path.name for path in tmp_path.iterdir()] == ["report.txt"], "something was stored"


def test_readable_answer_is_chinese(builder: CoreBuilder) -> None:
    result = run(builder, "--text", TEXT)
    lines = dict(line.split("：", 1) for line in result.stdout.splitlines() if "：" in line)
    assert result.exit_code == 0
    assert lines["决定"].startswith(("需人工复核：", "可自动派单"))
    assert lines["危险词语"] == "燃气泄漏（文中“燃气泄漏”）"
    assert "幸福小区3栋" in lines["地点"]
    assert {"性质", "类别", "紧急程度", "主办", "职责依据"} <= lines.keys()
    assert not re.search(r"[a-z]+_[a-z]+", result.stdout), "a code was left without a word"


@pytest.mark.parametrize("arguments", [(), ("--text", TEXT, "-"), ("nowhere.txt",), ("--text", TEXT, "--bundle"),
                                       ("--title", "油烟")])
def test_wrong_usage_exits_2(builder: CoreBuilder, arguments: tuple[str, ...]) -> None:
    assert run(builder, *arguments).exit_code == 2


def test_title_beside_json_is_wrong_usage(builder: CoreBuilder) -> None:
    assert run(builder, "-", "--title", "a", stdin=b'{"text": "a"}').exit_code == 2


@pytest.mark.parametrize(("content", "said"), [
    (b" \n", "text: "), (b"", "text: "), ("\u200b".encode(), "empty once"), (b"\xb0\xa1\xb0\xa1", "not UTF-8 (byte 0)"),
    ("长".encode() * 20_001, "20000"), (b"x" * (MOST_BYTES + 1), "over"), (b"{ no json", "read as JSON"),
    (b'{"title": "a"}', "text: "), (b'{"text": "secret words", "urgency": 1}', "urgency: "),
    (b'{"text": "secret words", "received_at": "2026-01-01T09:30:00"}', "received_at: "),
    (b'{"text": "secret words", "region": 430102}', "region: ")])
def test_refused_report_exits_1_with_the_reason(builder: CoreBuilder, content: bytes, said: str) -> None:
    result = run(builder, "-", "--json", stdin=content)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""
    assert "secret" not in result.stderr


def test_bundle_and_knowledge_base_that_are_not_there() -> None:
    result = run(None, "--text", TEXT, "--bundle", "none")
    assert (result.exit_code, "bundle.json" in result.stderr) == (1, True)
    result = run(CoreBuilder(network=dummy_network), "--text", TEXT, "--knowledge-base", "none")
    assert (result.exit_code, "taxonomy.tsv" in result.stderr) == (1, True)


DUMMY_ROUTE = """
import sys
from models.dummy import DummyPredictor, dummy_bundle
from serving.core import CoreBuilder
from serving.route_command import route
def network(folder, knowledge_base):
    labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
    return dummy_bundle(*labels), DummyPredictor(*labels)
route(["--text", "路灯坏了", "--json"], obj=CoreBuilder(network=network), standalone_mode=False)
print([name for name in ("fastapi", "starlette", "uvicorn", "jinja2", "torch", "pyarrow") if name in sys.modules])
"""


def test_an_answer_needs_no_web_framework() -> None:
    shown = subprocess.run([sys.executable, "-c", DUMMY_ROUTE], capture_output=True, text=True, check=True,
                           cwd=Path(__file__).parents[2])
    assert shown.stdout.splitlines()[-1] == "[]"


def test_degraded_stage_and_unknown_code_are_shown(core: Core) -> None:
    answer = engine_of(core).answer(Report(text=TEXT, id="a"))
    answer["degraded"] = ["duplicates"]
    answer["decision"] = {"route": "review", "reasons": ["degraded", "of_tomorrow"], "error_budget": 0.05}
    lines = answer_lines(answer)
    assert lines[0] == "决定：需人工复核：部分环节未能完成、of_tomorrow"
    assert lines[1] == "未完成的环节：查重"
