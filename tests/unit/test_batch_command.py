"""``fenzhuan batch``: files in and out, bad rows, duplicates within a file, going on after a stop."""

from __future__ import annotations

import csv
import fcntl
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from models.contract import Prediction, Report
from models.dummy import DummyPredictor
from serving.batch_command import batch
from serving.batch_output import COLUMNS
from serving.batch_rows import read_rows
from serving.core import Core, CoreBuilder
from serving.local_engine import engine_of
from tests.conftest import dummy_network
from tests.unit.fixed_core import FixedCore

GRILL = "幸福小区3栋楼下烧烤店每天晚上油烟扰民，已经三个月了，有照片。"
ROWS = [
    {"id": "a", "title": "油烟", "text": GRILL, "received_at": "2026-01-02T09:30:00+08:00", "region": "430102"},
    {"id": "b", "title": "路灯", "text": "长安路的路灯，\n坏了“很久”了", "region": "430104", "channel": "phone"},
    {"id": "c", "title": "油烟", "text": GRILL + "求处理", "received_at": "2026-01-01T09:30:00+08:00",
     "region": "430102"},
    {"id": "d", "title": "油烟", "text": GRILL + "快点", "received_at": "2026-01-03T09:30:00+08:00"},
    {"id": "e", "title": "油烟", "text": GRILL + "快些", "region": "440102"},
]


class Watched(DummyPredictor):
    """Keeps what it scored; stops or fails at texts that hold a given word."""

    def __init__(self, *labels: Sequence[str]) -> None:
        super().__init__(*labels)
        self.scored: list[str] = []
        self.stop_at = self.fail_at = "\0"

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        for report in reports:
            if self.stop_at in report.text:
                raise KeyboardInterrupt
            if self.fail_at in report.text:
                raise RuntimeError("secret words")
        self.scored += [report.id for report in reports]
        return super().predict(reports)


@pytest.fixture
def watched(core: Core) -> Watched:
    return Watched(core.bundle.category_labels, core.bundle.department_labels)


@pytest.fixture
def builder(core: Core, watched: Watched) -> CoreBuilder:
    return FixedCore(core=replace(core, predictor=watched))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(builder: CoreBuilder | None, *arguments: str) -> Result:
    return CliRunner().invoke(batch, arguments, obj=builder)


def write(name: str, rows: Sequence[dict[str, Any]]) -> str:
    path = Path(name)
    names = list(dict.fromkeys(name for row in rows for name in row))
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows]), path)
    return name


def read(name: str) -> list[dict[str, Any]]:
    path = Path(name)
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.DictReader(stream))
    return pq.read_table(path).to_pylist()


def untimed(answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in answer.items() if name != "elapsed_ms"} for answer in answers]


def test_json_lines_are_the_engines_answers_in_order(builder: CoreBuilder, core: Core) -> None:
    result = run(builder, write("in.jsonl", ROWS), "out.jsonl")
    assert result.exit_code == 0, result.output
    answers = read("out.jsonl")
    assert [answer["id"] for answer in answers] == ["a", "b", "c", "d", "e"]
    report = Report(text=ROWS[1]["text"], title="路灯", id="b", region="430104", channel="phone")
    alone = engine_of(core).answer(report)
    for section in alone.keys() - {"elapsed_ms", "duplicate", "decision"}:
        assert answers[1][section] == alone[section]
    assert result.stdout == ""


@pytest.mark.parametrize("ending_in", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("ending_out", ["csv", "parquet"])
def test_every_form_in_gives_the_same_flat_rows_out(builder: CoreBuilder, ending_in: str, ending_out: str) -> None:
    assert run(builder, write("rows.jsonl", ROWS), "answers.jsonl").exit_code == 0
    assert run(builder, write(f"in.{ending_in}", ROWS), f"out.{ending_out}").exit_code == 0
    for row, answer in zip(read(f"out.{ending_out}"), read("answers.jsonl"), strict=True):
        assert list(row) == list(COLUMNS)
        assert row["id"] == answer["id"]
        assert row["category"] == answer["category"]["code"]
        assert row["category_path"] == "/".join(answer["category"]["path"])
        assert float(row["lead_probability"]) == answer["lead_department"]["probability"]
        assert int(row["urgency"]) == answer["urgency"]["level"]
        assert (row["reasons"] or "") == ";".join(answer["decision"]["reasons"])
        assert (row["co"] or "") == ";".join(one["code"] for one in answer["co_departments"])
        assert (row["duplicate_of"] or None) == answer["duplicate"]["of"]
        assert not row["error"]


def test_rows_are_compared_with_earlier_rows_of_the_same_city(builder: CoreBuilder) -> None:
    run(builder, write("in.jsonl", ROWS), "out.jsonl")
    found = {answer["id"]: answer["duplicate"] for answer in read("out.jsonl")}
    assert found["a"]["of"] is None
    assert found["b"]["of"] is None
    assert (found["c"]["of"], found["c"]["event_id"]) == ("a", "E-000001")
    assert (found["d"]["of"], found["d"]["event_id"]) == ("c", "E-000001"), "c was received first"
    assert "a" not in {match["id"] for match in found["e"]["matches"]}, "a is of another city"
    assert "d" in {match["id"] for match in found["e"]["matches"]}, "d has no region, so it can be of any"


def test_bad_rows_say_why_and_the_rest_go_on(builder: CoreBuilder) -> None:
    lines = [json.dumps(ROWS[0]), "{", json.dumps({"text": " "}), "", json.dumps({**ROWS[0], "text": "secret words"}),
             json.dumps({"text": "a", "secret_field": 1}), json.dumps({"text": "x" * 300_000}), json.dumps(ROWS[0]),
             json.dumps({"text": "好", "received_at": "昨天"})]
    Path("in.jsonl").write_text("\n".join(lines), encoding="utf-8")
    result = run(builder, "in.jsonl", "out.jsonl")
    assert result.exit_code == 0
    answers = read("out.jsonl")
    told = [(answer["row"], answer["code"], answer.get("field")) for answer in answers if "code" in answer]
    assert told == [(2, "invalid", "body"), (3, "invalid", "text"), (5, "id_conflict", "id"),
                    (6, "invalid", "secret_field"), (7, "too_large", "body"), (9, "invalid", "received_at")]
    assert answers[6] == answers[0], "the same report under the same id has the same answer"
    assert "6 of 8 rows are bad (id_conflict 1, invalid 4, too_large 1)" in result.stderr
    assert "secret words" not in result.stderr + Path("out.jsonl").read_text(encoding="utf-8")


def test_bad_rows_of_tables(builder: CoreBuilder) -> None:
    Path("in.csv").write_bytes("id,text,备注\n1,路灯坏了,x\n2,,x\n3,\"没有\"关上,x\n4,好,x,多余\n,,\n6,".encode()
                               + b"\xb0\xa1,x\n7,ok,x\n")
    result = run(builder, "in.csv", "out.csv")
    assert [(row["row"], row["id"], row["error"], row["error_field"]) for row in read("out.csv")] == [
        ("1", "1", "", ""), ("2", "", "invalid", "text"), ("3", "", "invalid", "body"), ("4", "", "invalid", "body"),
        ("6", "", "invalid", "text"), ("7", "7", "", "")]
    assert "not read: 备注" in result.stderr


def test_numbers_and_times_of_a_parquet_table(builder: CoreBuilder) -> None:
    pq.write_table(pa.table({
        "text": ["路灯坏了", "停水", "好"], "id": pa.array([1, 2, 3]),
        "region": pa.array([430102.0, float("nan"), 1.5]),
        "received_at": pa.array([1_767_231_000_000_000_001, None, None], pa.timestamp("ns", "Asia/Shanghai"))}),
        "in.parquet")
    run(builder, "in.parquet", "out.jsonl")
    first, second, third = read("out.jsonl")
    assert (first["id"], second["id"]) == ("1", "2")
    sent = json.loads(next(read_rows(Path("in.parquet"))).content)
    assert sent["received_at"] == datetime.fromtimestamp(1_767_231_000, ZoneInfo("Asia/Shanghai")).isoformat()
    assert sent["region"] == "430102"
    assert (third["row"], third["code"], third["field"]) == (3, "invalid", "region")


def test_no_row_answered_exits_1(builder: CoreBuilder) -> None:
    Path("in.jsonl").write_text("{\n[]\n", encoding="utf-8")
    result = run(builder, "in.jsonl", "out.csv")
    assert (result.exit_code, "no row could be answered" in result.stderr) == (1, True)
    assert [row["error"] for row in read("out.csv")] == ["invalid", "invalid"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_no_rows_at_all(builder: CoreBuilder, ending: str) -> None:
    Path("in.csv").write_text("text\n", encoding="utf-8")
    assert run(builder, "in.csv", f"out.{ending}").exit_code == 0
    assert read(f"out.{ending}") == []


def test_report_that_the_network_fails_on_is_one_bad_row(builder: CoreBuilder, watched: Watched) -> None:
    watched.fail_at = "路灯"
    result = run(builder, write("in.jsonl", ROWS), "out.jsonl")
    codes = [answer.get("code") for answer in read("out.jsonl")]
    assert codes == [None, "internal", None, None, None]
    assert "secret words" not in result.output


def many(count: int) -> list[dict[str, Any]]:
    return [{"id": f"r{number}", "text": f"{GRILL}第{number // 3}次反映"} for number in range(count)]


def test_second_run_goes_on_where_the_first_stopped(builder: CoreBuilder, watched: Watched) -> None:
    rows = [*many(40), {"text": ""}, many(1)[0], {**many(1)[0], "text": "别的"}]
    write("in.jsonl", rows)
    assert run(builder, "in.jsonl", "whole.jsonl", "--batch-size", "2").exit_code == 0
    Path("out.jsonl").write_text("old\n", encoding="utf-8")
    watched.stop_at, watched.scored = "第10次", []
    stopped = run(builder, "in.jsonl", "out.jsonl", "--batch-size", "2", "--workers", "1")
    assert (stopped.exit_code, "goes on from there" in stopped.stderr) == (1, True)
    assert Path("out.jsonl").read_text(encoding="utf-8") == "old\n", "OUT changed before all was done"
    kept = Path("out.jsonl.partial").read_text(encoding="utf-8").count("\n") - 1
    assert 0 < kept < 33
    with Path("out.jsonl.partial").open("a", encoding="utf-8") as stream:
        stream.write('{"row": 99, "torn')
    watched.stop_at, watched.scored = "\0", []
    resumed = run(builder, "in.jsonl", "out.jsonl", "--batch-size", "2")
    assert resumed.exit_code == 0, resumed.output
    assert sorted(watched.scored) == sorted(f"r{number}" for number in range(kept, 40))
    assert untimed(read("out.jsonl")) == untimed(read("whole.jsonl"))
    assert any(answer["duplicate"]["of"] for answer in read("out.jsonl")[kept:40] if "duplicate" in answer)
    assert f"{kept} of them by an earlier run" in resumed.stderr
    assert not list(Path().glob("*.partial"))
    assert not list(Path().glob("*.tmp"))


def stop_half_way(builder: CoreBuilder, watched: Watched) -> None:
    watched.stop_at = "第10次"
    run(builder, write("in.jsonl", many(40)), "out.jsonl", "--batch-size", "2", "--workers", "1")
    watched.stop_at = "\0"
    assert Path("out.jsonl.partial").exists()


def test_changed_input_is_not_mixed_with_kept_work(builder: CoreBuilder, watched: Watched) -> None:
    stop_half_way(builder, watched)
    result = run(builder, write("in.jsonl", many(41)), "out.jsonl")
    assert result.exit_code == 1
    assert "begun with something else (the input)" in result.stderr
    assert not Path("out.jsonl").exists()


def test_changed_bundle_is_not_mixed_with_kept_work(builder: CoreBuilder, core: Core, watched: Watched) -> None:
    stop_half_way(builder, watched)
    other = FixedCore(core=replace(core, predictor=watched, bundle=replace(core.bundle, sha256="1" * 64)))
    result = run(other, "in.jsonl", "out.jsonl")
    assert (result.exit_code, "the model bundle" in result.stderr) == (1, True)


@pytest.mark.parametrize(("damage", "said"), [("garbage", "damaged in line 4"), ('{"row": 7}', "does not fit"),
                                              ('{"row": 3, "answer": {}}', "does not fit"), ("[]", "does not fit")])
def test_damaged_kept_work_is_refused(builder: CoreBuilder, watched: Watched, damage: str, said: str) -> None:
    stop_half_way(builder, watched)
    lines = Path("out.jsonl.partial").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("out.jsonl.partial").write_text("".join([*lines[:3], f"{damage}\n", *lines[4:]]), encoding="utf-8")
    result = run(builder, "in.jsonl", "out.jsonl")
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_one_run_at_a_time(builder: CoreBuilder) -> None:
    with Path("out.jsonl.partial").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = run(builder, write("in.jsonl", ROWS), "out.jsonl")
    assert (result.exit_code, "another run" in result.stderr) == (1, True)


@pytest.mark.parametrize(("arguments", "said"), [
    (("in.jsonl", "out.jsonl", "--engine", "ray"), "--engine local"), (("in.jsonl", "out.xlsx"), ".parquet"),
    (("in.txt", "out.csv"), ".parquet"), (("in.jsonl", "in.jsonl"), "same file"), (("in.jsonl",), "OUT"),
    (("in.jsonl", "none/out.csv"), "make it first"), (("none.jsonl", "out.csv"), "none.jsonl"),
    (("in.jsonl", "out.csv", "--batch-size", "0"), "--batch-size")])
def test_wrong_usage_exits_2(builder: CoreBuilder, arguments: tuple[str, ...], said: str) -> None:
    write("in.jsonl", ROWS)
    Path("in.txt").write_text("a", encoding="utf-8")
    result = run(builder, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(("name", "content", "said"), [
    ("in.csv", "id,内容\n1,a\n", "no column `text`"), ("in.csv", "", "no column `text`"),
    ("in.csv", "text,text\n1,a\n", "twice"), ("in.parquet", "PAR1", "not a Parquet file")])
def test_table_that_cannot_be_read(builder: CoreBuilder, name: str, content: str, said: str) -> None:
    Path(name).write_text(content, encoding="utf-8")
    result = run(builder, name, "out.jsonl")
    assert result.exit_code == 1
    assert said in result.stderr
    assert not Path("out.jsonl").exists()


def test_parquet_without_its_package_is_refused_at_the_start(builder: CoreBuilder, watched: Watched,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    result = run(builder, write("in.jsonl", ROWS), "out.parquet")
    assert (result.exit_code, "fenzhuan[scale]" in result.stderr) == (1, True)
    assert watched.scored == []


def test_missing_bundle_is_named() -> None:
    result = run(None, write("in.jsonl", ROWS), "out.jsonl", "--bundle", "none")
    assert (result.exit_code, "bundle.json" in result.stderr) == (1, True)


def test_parts_are_built_from_their_folders(core: Core) -> None:
    builder = CoreBuilder(network=dummy_network, router=lambda *_parts: core.router)
    assert run(builder, write("in.csv", ROWS), "out.csv").exit_code == 0
