"""Rows that can't be trained on are named by id, without their text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from knowledge_base.loading import DEFAULT_FOLDER
from training.schema import (
    Codes,
    DatasetError,
    TrainingRow,
    parse_label,
    problems_of,
    read_codes,
    read_jsonl,
    row_from_json,
    type_problems,
    with_labels,
)

CODES = Codes(("HJ01", "GY01"), ("CGJ", "STHJ", "XZ", "ZF"))
SECRET = "张三住在幸福小区"
GOOD = TrainingRow("m1", "油烟", SECRET, "g1", "annotated", kind="投诉", category="HJ01", category_alt="GY01",
                   urgency=3, lead="CGJ", co=("STHJ",), verifiability=1, missing=("time",), xinfang="环境保护")


def test_a_good_row_has_no_problem() -> None:
    assert problems_of(GOOD, CODES) == []
    assert problems_of(TrainingRow("m2", "", "只有正文", "g2", "unlabelled"), CODES) == []


@pytest.mark.parametrize(("change", "problem"), [
    ({"title": " ", "text": "\n"}, "empty text"), ({"kind": "报怨"}, "unknown kind '报怨'"),
    ({"category": "HJ99"}, "unknown category 'HJ99'"), ({"category_alt": "x"}, "unknown category_alt 'x'"),
    ({"urgency": 5}, "unknown urgency 5"), ({"urgency": "3"}, "unknown urgency '3'"),
    ({"lead": "ABC"}, "unknown lead 'ABC'"),
    ({"verifiability": 0}, "unknown verifiability 0"), ({"co": ("STHJ", "QQ")}, "unknown co 'QQ'"),
    ({"missing": ("where",)}, "unknown missing 'where'"), ({"xinfang": "其他"}, "unknown xinfang '其他'"),
    ({"reply_lead": "QQ"}, "unknown reply_lead 'QQ'"), ({"reply_co": ("",)}, "unknown reply_co ''")])
def test_each_problem_is_said(change: dict[str, Any], problem: str) -> None:
    assert problems_of(replace(GOOD, **change), CODES) == [problem]


def test_a_lead_that_also_helps_is_a_problem() -> None:
    assert problems_of(replace(GOOD, co=("STHJ", "CGJ")), CODES) == ["lead 'CGJ' also in co"]


def test_a_long_value_may_be_a_text_and_is_not_shown() -> None:
    found = problems_of(replace(GOOD, category=SECRET * 3), CODES)
    assert found == ["unknown category value of 26 characters"]


def test_many_problems_are_cut_in_the_message_only() -> None:
    error = DatasetError([f"annotated.jsonl:{n}: empty text" for n in range(50)])
    assert str(error).startswith("50 bad rows: annotated.jsonl:0: empty text; ")
    assert "annotated.jsonl:19:" in str(error)
    assert "annotated.jsonl:20:" not in str(error)
    assert len(error.problems) == 50


@pytest.mark.parametrize(("change", "problem"), [
    ({"id": None}, "missing id"), ({"id": ""}, "missing id"), ({"id": 1.5}, "id has the type float, expected str"),
    ({"text": 7}, "text has the type int, expected str"), ({"urgency": "3"}, "urgency has the type str, expected int"),
    ({"urgency": True}, "urgency has the type bool, expected int"),
    ({"co": "CGJ"}, "co has the type str, expected a list of codes"),
    ({"co": ["CGJ", 3]}, "co has the type list, expected a list of codes"),
    ({"group": []}, "group has the type list, expected str"),
    ({"text": "\ud800"}, "text holds half of a surrogate pair"),
    ({"kind": {}}, "kind has the type dict, expected str")])
def test_wrong_types_are_said(change: dict[str, Any], problem: str) -> None:
    raw = {"id": "m1", "text": SECRET, **change}
    assert type_problems(raw) == [problem]
    with pytest.raises(DatasetError) as caught:
        row_from_json(raw, "annotated")
    assert caught.value.problems == [f"annotated: {problem}"]


def test_unlabelled_is_not_negative() -> None:
    row = row_from_json({"id": 7, "title": None, "text": "停水", "group": 3}, "unlabelled")
    assert (row.id, row.title, row.group, row.split) == ("7", "", "3", "train")
    assert (row.co, row.missing, row.reply_co, row.category, row.territory) == (None, None, None, None, None)
    assert row_from_json({"id": "a", "text": "停水"}, "x").group == "a"


def test_a_labelled_row_is_read_whole() -> None:
    raw = {"id": "m1", "title": "油烟", "text": SECRET, "group": "g1", "split": "dev", "kind": "投诉",
           "category": "HJ01", "category_alt": None, "urgency": 2, "lead": "CGJ", "co": [], "verifiability": 1,
           "missing": ["time"], "label": "环境保护", "reply_lead": "XZ", "reply_co": ["CGJ"]}
    row = row_from_json(raw, "annotated")
    assert (row.split, row.urgency, row.co, row.missing, row.xinfang) == ("dev", 2, (), ("time",), "环境保护")
    assert (row.reply_lead, row.reply_co) == ("XZ", ("CGJ",))


@pytest.mark.parametrize(("lead", "co", "territory"), [
    (None, None, None), (None, (), None), ("CGJ", (), (False, False, False)), ("XZ", ("CGJ",), (True, True, False)),
    ("CGJ", ("ZF",), (True, False, True)), (None, ("XZ", "ZF"), (True, True, True))])
def test_territory_is_read_from_who_acted(lead: str | None, co: tuple[str, ...] | None,
                                          territory: tuple[bool, ...] | None) -> None:
    assert replace(GOOD, reply_lead=lead, reply_co=co).territory == territory


@pytest.mark.parametrize(("line", "what"), [
    (b"{oops", "not JSON"), (b"\xff\xfe", r"not in UTF-8 \(byte 1 is 0xff\)"), (b"[1]", "not an object"),
    (b"", "not JSON"), ("中文".encode("gb18030"), "not in UTF-8"), (b"[" * 100_000, "not JSON")])
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, what: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps({"id": "a", "text": SECRET}).encode() + b"\n" + line + b"\n")
    with pytest.raises(DatasetError, match=rf"rows\.jsonl:2: {what}") as caught:
        list(read_jsonl(path))
    assert SECRET not in str(caught.value)


def test_labels_are_read_and_a_dash_is_none() -> None:
    message, labels = parse_label("m1\t投诉\tHJ01\tGY01\t2\tCGJ\tSTHJ,XZ\t1\ttime,place\tXZ\tCGJ\r\n".encode())
    assert message == "m1"
    assert labels == {"kind": "投诉", "category": "HJ01", "category_alt": "GY01", "urgency": 2, "lead": "CGJ",
                      "co": ("STHJ", "XZ"), "verifiability": 1, "missing": ("time", "place"), "reply_lead": "XZ",
                      "reply_co": ("CGJ",)}
    labels = parse_label("m2\t咨询\tGY01\t-\t4\tCGJ\t-\t1\t-\t-\t-\n".encode())[1]
    assert labels["category_alt"] is None
    assert (labels["co"], labels["missing"], labels["reply_co"]) == ((), (), ())
    row = with_labels(TrainingRow("m2", "", "停水", "g", "unlabelled"), labels, "first_reading")
    assert (row.category, row.urgency, row.co, row.source, row.text) == ("GY01", 4, (), "first_reading", "停水")
    assert problems_of(row, CODES) == []


@pytest.mark.parametrize(("line", "what"), [
    (b"m2\tx\tHJ01", "3 fields, expected 11"), (b"m2" + b"\t-" * 11, "12 fields, expected 11"),
    (b"-" + b"\t-" * 10, "missing id"), (b"", "1 fields, expected 11"), (b"m2\t\xff" + b"\t-" * 9, "not in UTF-8")])
def test_wrong_label_lines_are_said(line: bytes, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        parse_label(line)


def test_a_later_reading_keeps_what_it_leaves_open() -> None:
    """Who really acted is read from the reply; the alternative category is part of the reading itself."""
    first = replace(GOOD, reply_lead="XZ", reply_co=("CGJ",))
    _, labels = parse_label(b"m1\t-\tGY01\t-\t2\tSTHJ\t-\t-\t-\t-\t-")
    row = with_labels(first, labels, "second_reading")
    assert (row.category, row.category_alt, row.lead, row.co, row.urgency) == ("GY01", None, "STHJ", (), 2)
    assert (row.kind, row.verifiability, row.missing) == ("投诉", 1, ())
    assert (row.reply_lead, row.reply_co, row.source) == ("XZ", ("CGJ",), "second_reading")


def test_unreadable_values_become_problems() -> None:
    _, labels = parse_label("m1\t投诉\tHJ01\t-\thigh\tCGJ\tSTHJ,\t1\t-\t-\t-".encode())
    row = with_labels(TrainingRow("m1", "", "停水", "g", "unlabelled"), labels, "first_reading")
    assert problems_of(row, CODES) == ["unknown urgency 'high'", "unknown co ''"]


def test_codes_come_from_the_knowledge_base() -> None:
    codes = read_codes(DEFAULT_FOLDER)
    assert {"HJ01", "WX03", "QT03"} <= set(codes.categories)
    assert {"CGJ", "XZ", "ZF", "QT"} <= set(codes.departments)
    assert len(codes.categories) == len(set(codes.categories)) > 100
