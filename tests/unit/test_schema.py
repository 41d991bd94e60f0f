"""Rows that can't be trained on are named by id, without their text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from knowledge_base.loading import DEFAULT_FOLDER
from training.schema import (
    LABEL_COLUMNS,
    Codes,
    DatasetError,
    TrainingRow,
    problems_of,
    read_codes,
    read_jsonl,
    read_labels,
    row_from_json,
    validated,
    with_labels,
)

CODES = Codes(("HJ01", "GY01"), ("CGJ", "STHJ", "XZ", "ZF"))
SECRET = "张三住在幸福小区"
GOOD = TrainingRow("m1", "油烟", SECRET, "g1", "annotated", kind="投诉", category="HJ01", category_alt="GY01",
                   urgency=3, lead="CGJ", co=("STHJ",), verifiability=1, missing=("time",), xinfang="环境保护")


def test_a_good_row_has_no_problem() -> None:
    assert problems_of(GOOD, CODES) == []
    assert problems_of(TrainingRow("m2", "", "只有正文", "g2", "unlabelled"), CODES) == []
    assert validated([GOOD], CODES) == [GOOD]


@pytest.mark.parametrize(("change", "problem"), [
    ({"title": " ", "text": "\n"}, "empty text"), ({"kind": "报怨"}, "unknown kind '报怨'"),
    ({"category": "HJ99"}, "unknown category 'HJ99'"), ({"category_alt": "x"}, "unknown category_alt 'x'"),
    ({"urgency": 5}, "unknown urgency 5"), ({"urgency": "3"}, "unknown urgency '3'"),
    ({"lead": "ABC"}, "unknown lead 'ABC'"),
    ({"verifiability": 0}, "unknown verifiability 0"), ({"co": ("CGJ", "QQ")}, "unknown co 'QQ'"),
    ({"missing": ("where",)}, "unknown missing 'where'"), ({"xinfang": "其他"}, "unknown xinfang '其他'"),
    ({"reply_lead": "QQ"}, "unknown reply_lead 'QQ'"), ({"reply_co": ("",)}, "unknown reply_co ''")])
def test_each_problem_is_said(change: dict[str, Any], problem: str) -> None:
    assert problems_of(replace(GOOD, **change), CODES) == [problem]


def test_all_bad_rows_are_named_without_their_text() -> None:
    rows = [GOOD, replace(GOOD, id="m2", lead="QQ"), replace(GOOD, id="m3", urgency=9, kind="x"), GOOD]
    with pytest.raises(DatasetError) as caught:
        validated(rows, CODES)
    assert caught.value.problems == ["annotated:m2: unknown lead 'QQ'", "annotated:m3: unknown kind 'x'",
                                     "annotated:m3: unknown urgency 9", "annotated:m1: repeated id"]
    assert str(caught.value).startswith("4 bad rows: annotated:m2: unknown lead")
    assert SECRET not in str(caught.value)


def test_many_problems_are_cut_in_the_message_only() -> None:
    with pytest.raises(DatasetError) as caught:
        validated([replace(GOOD, id=str(n), lead="QQ") for n in range(50)], CODES)
    assert len(caught.value.problems) == 50
    assert "annotated:19:" in str(caught.value)
    assert "annotated:20:" not in str(caught.value)


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
    (b"{oops", "not JSON in UTF-8"), (b"\xff\xfe", "not JSON in UTF-8"), (b"[1]", "not an object"), (b"", "not JSON")])
def test_a_broken_line_is_named(tmp_path: Path, line: bytes, what: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(json.dumps({"id": "a", "text": SECRET}).encode() + b"\n" + line + b"\n")
    with pytest.raises(DatasetError, match=rf"rows\.jsonl:2: {what}") as caught:
        list(read_jsonl(path))
    assert SECRET not in str(caught.value)


def write_labels(folder: Path, *lines: str, header: str = "\t".join(LABEL_COLUMNS)) -> Path:
    path = folder / "labels.tsv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_labels_are_read_and_a_dash_is_none(tmp_path: Path) -> None:
    path = write_labels(tmp_path, "m1\t投诉\tHJ01\tGY01\t2\tCGJ\tSTHJ,XZ\t1\ttime,place\tXZ\tCGJ",
                        "m2\t咨询\tGY01\t-\t4\tCGJ\t-\t1\t-\t-\t-", "m3\t-\t-\t-\t-\t-\t-\t-\t-\t-\t-")
    labels = read_labels(path)
    assert labels["m1"] == {"kind": "投诉", "category": "HJ01", "category_alt": "GY01", "urgency": 2, "lead": "CGJ",
                            "co": ("STHJ", "XZ"), "verifiability": 1, "missing": ("time", "place"), "reply_lead": "XZ",
                            "reply_co": ("CGJ",)}
    assert labels["m2"]["category_alt"] is None
    assert (labels["m2"]["co"], labels["m2"]["missing"], labels["m2"]["reply_co"]) == ((), (), ())
    assert labels["m3"]["urgency"] is None
    row = with_labels(TrainingRow("m2", "", "停水", "g", "unlabelled"), labels["m2"], "first")
    assert (row.category, row.urgency, row.co, row.source, row.text) == ("GY01", 4, (), "first", "停水")
    assert problems_of(row, CODES) == []


@pytest.mark.parametrize("line", ["m2\t投诉\tHJ01", "m2" + "\t-" * 11, "m1" + "\t-" * 10, ""])
def test_wrong_label_rows_are_named_by_line(tmp_path: Path, line: str) -> None:
    path = write_labels(tmp_path, "m1" + "\t-" * 10, line)
    with pytest.raises(DatasetError) as caught:
        read_labels(path)
    assert caught.value.problems == ["labels.tsv:3: wrong number of fields or repeated id"]


@pytest.mark.parametrize("header", ["", "id\tkind", "\t".join(reversed(LABEL_COLUMNS))])
def test_another_header_is_refused(tmp_path: Path, header: str) -> None:
    with pytest.raises(DatasetError, match=r"labels\.tsv:1: expected the columns id kind"):
        read_labels(write_labels(tmp_path, "m1" + "\t-" * 10, header=header))


def test_unreadable_values_become_problems(tmp_path: Path) -> None:
    labels = read_labels(write_labels(tmp_path, "m1\t投诉\tHJ01\t-\thigh\tCGJ\tSTHJ,\t1\t-\t-\t-"))
    row = with_labels(TrainingRow("m1", "", "停水", "g", "unlabelled"), labels["m1"], "first")
    assert problems_of(row, CODES) == ["unknown urgency 'high'", "unknown co ''"]


def test_codes_come_from_the_knowledge_base() -> None:
    codes = read_codes(DEFAULT_FOLDER)
    assert {"HJ01", "WX03", "QT03"} <= set(codes.categories)
    assert {"CGJ", "XZ", "ZF", "QT"} <= set(codes.departments)
    assert len(codes.categories) == len(set(codes.categories)) > 100
