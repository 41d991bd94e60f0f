"""Sources are merged by id, and groups stay on one side of the split."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from knowledge_base.loading import DEFAULT_FOLDER
from training import sources
from training.schema import LABEL_COLUMNS, Codes, DatasetError, TrainingRow, read_codes
from training.sources import read_rows, read_written, source_hashes, split_rows
from training.splits import CALIBRATION_SHARE, XINFANG_HELD_SHARE, Split, fraction, latest_held_out

REAL = Path(__file__).parents[2].parent / "shared" / "data"
CODES = Codes(("HJ01", "GY01"), ("CGJ", "STHJ"))
PARTS = ("train", "calibration", "dev", "xinfang_calibration", "xinfang_test")


def write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three small message files, one label file and one written report."""
    for name in ("data", "labels", "written"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sources, "LABELS_FOLDER", tmp_path / "labels")
    monkeypatch.setattr(sources, "WRITTEN_FOLDER", tmp_path / "written")
    write(tmp_path / "data" / "unlabelled.jsonl", [{"id": "u1", "text": "停水"}, {"id": "u2", "text": "油烟"}])
    write(tmp_path / "data" / "xinfang7.jsonl", [{"id": "t1", "text": "油烟扰民", "label": "环境保护", "group": "g"},
                                               {"id": "t2", "text": "停水", "label": "城乡建设"}])
    write(tmp_path / "data" / "annotated.jsonl",
          [{"id": "t1", "text": "油烟扰民", "group": "g", "category": "HJ01", "lead": "CGJ", "kind": "投诉",
            "urgency": 3, "co": []},
           {"id": "m1", "text": "停水", "category": "GY01", "lead": "CGJ", "kind": "求助", "urgency": 2, "co": [],
            "split": "dev"}])
    label(tmp_path, "u1\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-", "t1\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-",
          "gone\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-")
    write(tmp_path / "written" / "own.jsonl", [{"id": "w1", "text": "自写", "category": "GY01", "lead": "CGJ",
                                                "kind": "投诉", "urgency": 3, "co": []}])
    return tmp_path


def label(folder: Path, *lines: str, name: str = "first_reading.tsv") -> None:
    (folder / "labels" / name).write_text("\n".join(["\t".join(LABEL_COLUMNS), *lines]) + "\n", encoding="utf-8")


def test_each_message_is_one_row_with_all_its_labels(folder: Path) -> None:
    rows = {row.id: row for row in read_rows(folder / "data", CODES)}
    assert sorted(rows) == ["m1", "t1", "t2", "u1", "u2", "w1"]
    assert (rows["t1"].category, rows["t1"].xinfang, rows["t1"].source, rows["t1"].kind) == \
        ("HJ01", "环境保护", "annotated", "投诉")
    assert (rows["u1"].category, rows["u1"].source) == ("GY01", "first_reading")
    assert (rows["u2"].category, rows["t2"].xinfang, rows["w1"].source) == (None, "城乡建设", "written")


def test_a_label_of_the_seven_survives_an_unlabelled_copy(folder: Path) -> None:
    write(folder / "data" / "unlabelled.jsonl", [{"id": "t2", "text": "停水"}])
    rows = {row.id: row for row in read_rows(folder / "data", CODES)}
    assert rows["t2"].xinfang == "城乡建设"


def by_id(folder: Path) -> dict[str, TrainingRow]:
    return {row.id: row for row in read_rows(folder / "data", CODES)}


def reading(message: str, category: str, lead: str = "CGJ") -> str:
    return f"{message}\t求助\t{category}\t-\t2\t{lead}\t-\t1\t-\t-\t-"


def test_earlier_label_files_win_by_name(folder: Path) -> None:
    label(folder, reading("u1", "HJ01"), reading("u2", "HJ01"), name="first_reading_more.tsv")
    rows = by_id(folder)
    assert (rows["u1"].category, rows["u2"].category) == ("GY01", "HJ01")


def test_more_careful_readings_win_and_the_first_is_kept(folder: Path) -> None:
    label(folder, reading("u1", "HJ01"), reading("u2", "HJ01"), reading("t1", "HJ01"), name="weak.tsv")
    rows = by_id(folder)
    assert (rows["u1"].source, rows["u2"].source, rows["t1"].source) == ("first_reading", "weak", "annotated")
    label(folder, reading("u1", "HJ01"), reading("u2", "GY01"), reading("t1", "GY01", "STHJ"),
          name="second_reading.tsv")
    rows = by_id(folder)
    assert [(rows[name].category, rows[name].source) for name in ("u1", "u2", "t1")] == [
        ("HJ01", "second_reading"), ("GY01", "second_reading"), ("GY01", "second_reading")]
    firsts = {name: rows[name].first for name in ("u1", "u2", "t1")}
    assert firsts["u1"] is not None
    assert firsts["t1"] is not None
    assert (firsts["u1"].category, firsts["u1"].source) == ("GY01", "first_reading")
    assert (firsts["t1"].category, firsts["t1"].lead, firsts["t1"].source) == ("HJ01", "CGJ", "annotated")
    assert firsts["u2"] is None, "a weak label is no reading"
    assert rows["t1"].xinfang == "环境保护"
    label(folder, reading("t1", "HJ01", "STHJ"), name="reviewer.tsv")
    last = by_id(folder)["t1"]
    assert (last.category, last.lead, last.source) == ("HJ01", "STHJ", "reviewer")
    assert last.first == firsts["t1"]


def test_nothing_replaces_the_labels_of_dev(folder: Path) -> None:
    for name in ("weak", "first_reading_b", "second_reading", "reviewer"):
        label(folder, reading("m1", "HJ01", "STHJ"), name=f"{name}.tsv")
    write(folder / "data" / "reviewed.jsonl", [{"id": "m1", "text": "停水", "category": "HJ01", "lead": "STHJ",
                                               "kind": "投诉", "urgency": 3, "co": [], "split": "train"}])
    row = by_id(folder)["m1"]
    assert (row.category, row.lead, row.source, row.split, row.first) == ("GY01", "CGJ", "annotated", "dev", None)


def test_corrections_of_a_service_are_rows_of_a_reviewer(folder: Path) -> None:
    write(folder / "data" / "reviewed.jsonl", [
        {"id": "n1", "text": "新件", "category": "HJ01", "lead": "STHJ", "kind": "投诉", "urgency": 3, "co": [],
         "group": 1_000_000_001},
        {"id": "t1", "text": "油烟扰民", "category": "GY01", "lead": "STHJ", "kind": "求助", "urgency": 1,
         "co": ["CGJ"]}])
    rows = by_id(folder)
    assert (rows["n1"].source, rows["n1"].group, rows["n1"].first) == ("reviewer", "1000000001", None)
    assert (rows["t1"].source, rows["t1"].category, rows["t1"].co, rows["t1"].group) == (
        "reviewer", "GY01", ("CGJ",), "g")


def test_a_label_file_of_no_known_care_is_refused(folder: Path) -> None:
    label(folder, reading("u1", "HJ01"), name="mine.tsv")
    with pytest.raises(DatasetError, match=r"mine\.tsv:0: the name of a label file must begin with reviewer"):
        read_rows(folder / "data", CODES)


def test_bad_rows_of_any_source_are_named_by_file_and_row(folder: Path) -> None:
    label(folder, reading("u1", "XX99"))
    labels = {"text": "自写", "category": "GY01", "kind": "投诉", "urgency": 3, "co": []}
    write(folder / "written" / "own.jsonl", [{"id": "w1", **labels, "lead": "QQ"},
                                            {"id": "m1", **labels, "lead": "CGJ"}])
    with pytest.raises(DatasetError) as caught:
        read_rows(folder / "data", CODES)
    assert caught.value.problems == ["first_reading.tsv:2: unknown category 'XX99'", "own.jsonl:1: unknown lead 'QQ'",
                                     "own.jsonl:2: repeated id, also in another file"]
    assert "自写" not in str(caught.value)


def test_hashes_tell_every_source_file(folder: Path) -> None:
    before = source_hashes(folder / "data")
    assert set(before) == {"unlabelled.jsonl", "xinfang7.jsonl", "annotated.jsonl", "first_reading.tsv", "own.jsonl"}
    write(folder / "data" / "unlabelled.jsonl", [{"id": "u1", "text": "停电"}])
    after = source_hashes(folder / "data")
    assert {name for name in before if before[name] != after[name]} == {"unlabelled.jsonl"}


def rows_of(count: int, *, xinfang: bool) -> list[TrainingRow]:
    return [TrainingRow(f"{xinfang}{n}", "", "停水", f"group{xinfang}{n}", "made",
                        xinfang="城乡建设" if xinfang else None) for n in range(count)]


def test_held_out_shares_are_as_stated() -> None:
    """Shares of 6,000 groups lie within five binomial standard errors."""
    split = split_rows([*rows_of(6000, xinfang=False), *rows_of(6000, xinfang=True)])
    for found, share in ((len(split.calibration), CALIBRATION_SHARE),
                         (len(split.xinfang_calibration) + len(split.xinfang_test), XINFANG_HELD_SHARE)):
        assert abs(found - 6000 * share) <= 5 * (6000 * share * (1 - share)) ** 0.5
    assert not any(row.xinfang for row in split.calibration)
    assert all(row.xinfang for row in (*split.xinfang_calibration, *split.xinfang_test))


def test_dev_is_as_given_and_its_copies_are_left_out() -> None:
    rows = [TrainingRow("d", "", "停水", "g1", "annotated", split="dev"),
            TrainingRow("copy", "", "停水", "g1", "unlabelled"), TrainingRow("w", "", "自写", "w", "written"),
            TrainingRow("x", "", "停水", "g1", "xinfang7", xinfang="城乡建设")]
    split = split_rows(rows)
    assert [row.id for row in split.dev] == ["d"]
    assert [row.id for row in split.train] == ["w"]
    assert sum(len(getattr(split, part)) for part in PARTS) == 2


def test_a_copy_without_the_label_is_left_out_where_its_group_is_held() -> None:
    held = next(str(n) for n in range(1000) if fraction(str(n), "xinfang-test") < XINFANG_HELD_SHARE)
    split = split_rows([TrainingRow("x", "", "停水", held, "xinfang7", xinfang="城乡建设"),
                        TrainingRow("copy", "", "停水", held, "annotated", category="GY01")])
    assert [row.id for part in PARTS for row in getattr(split, part)] == ["x"]


def test_a_written_report_of_a_held_out_group_is_left_out() -> None:
    held = next(str(n) for n in range(1000) if fraction(str(n), "xinfang-test") < XINFANG_HELD_SHARE)
    calibration = next(str(n) for n in range(1000) if fraction(str(n), "calibration") < CALIBRATION_SHARE)
    messages = [TrainingRow("d", "", "停水", "of-dev", "annotated", split="dev"),
                TrainingRow("x", "", "停水", held, "xinfang7", xinfang="城乡建设"),
                TrainingRow("c", "", "停水", calibration, "annotated", category="GY01")]
    written = [TrainingRow(f"w{n}", "", "自写", group, "written")
               for n, group in enumerate(("of-dev", held, calibration, "own"))]
    if held == calibration:
        pytest.fail("choose other groups")
    split = split_rows([*messages, *written])
    assert [row.id for row in split.train] == ["w3"]
    assert [row.id for row in (*split.dev, *split.calibration)] == ["d", "c"]


def timed(name: str, group: str, day: int, *, category: str | None = "GY01") -> TrainingRow:
    return TrainingRow(name, "", "停水", group, "annotated", category=category,
                       time=f"2019/{1 + day // 28}/{1 + day % 28} 8:00:00")


def test_the_latest_messages_are_held_out_by_group() -> None:
    rows = [timed(str(n), str(n), n) for n in range(200)]
    straddling = [timed("old", "both", 3), timed("new", "both", 199)]
    untimed = [TrainingRow("none", "", "停水", "none", "annotated", category="GY01")]
    split = split_rows([*rows, *straddling, *untimed], temporal_share=0.099)
    held = {row.id for row in split.temporal}
    assert held == {str(n) for n in range(180, 200)}
    fitted = [*split.train, *split.calibration]
    assert max(int(row.id) for row in fitted if row.id.isdigit()) == 179
    assert "old" in {row.id for row in fitted}
    assert "new" not in {row.id for row in fitted}, "nothing fitted may come from the time that is held out"
    assert "none" in {row.id for row in fitted}
    assert not split_rows(rows).temporal
    with latest_held_out(0.1):
        assert {row.id for row in split_rows(rows).temporal} == {str(n) for n in range(180, 200)}
    assert not split_rows(rows).temporal


def test_written_reports_are_trained_on_and_share_no_group_with_messages() -> None:
    written = read_written()
    assert written
    assert split_rows(written).train == written
    assert all(row.group == row.id and not row.group.isdigit() for row in written), "messages' groups are numbers"
    assert max(Counter(row.id for row in written).values()) == 1


@pytest.fixture(scope="module")
def real() -> tuple[list[TrainingRow], Split]:
    if not (REAL / "annotated.jsonl").is_file():
        pytest.skip("the messages (../shared/data) are not here")
    rows = read_rows(REAL, read_codes(DEFAULT_FOLDER))
    return rows, split_rows(rows)


def test_the_real_messages_are_valid_and_split_by_group(real: tuple[list[TrainingRow], Split]) -> None:
    rows, split = real
    place: dict[str, str] = {}
    for part in PARTS:
        for row in getattr(split, part):
            assert place.setdefault(row.group, part) == part
    assert len(split.dev) == 400
    assert all(row.category and row.lead and row.kind and row.urgency for row in split.dev)
    assert len({row.id for row in rows}) == len(rows)
    assert len(split.train) > 0.8 * len(rows)
    assert len(split.xinfang_test) > 400


def test_calibration_rows_carry_what_the_router_is_fitted_on(real: tuple[list[TrainingRow], Split]) -> None:
    labelled = [row for row in real[1].calibration if row.category]
    assert len(labelled) > 300
    assert all(row.lead is not None and row.co is not None and row.kind and row.urgency for row in labelled)
