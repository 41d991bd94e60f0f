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
from training.sources import (
    CALIBRATION_SHARE,
    XINFANG_HELD_SHARE,
    Split,
    fraction,
    read_rows,
    read_written,
    split_rows,
)

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
          [{"id": "t1", "text": "油烟扰民", "group": "g", "category": "HJ01", "lead": "CGJ", "kind": "投诉"},
           {"id": "m1", "text": "停水", "category": "GY01", "lead": "CGJ", "split": "dev"}])
    label(tmp_path, "u1\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-", "t1\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-",
          "gone\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-")
    write(tmp_path / "written" / "own.jsonl", [{"id": "w1", "text": "自写", "category": "GY01", "lead": "CGJ"}])
    return tmp_path


def label(folder: Path, *lines: str, name: str = "first.tsv") -> None:
    (folder / "labels" / name).write_text("\n".join(["\t".join(LABEL_COLUMNS), *lines]) + "\n", encoding="utf-8")


def test_each_message_is_one_row_with_all_its_labels(folder: Path) -> None:
    rows = {row.id: row for row in read_rows(folder / "data", CODES)}
    assert sorted(rows) == ["m1", "t1", "t2", "u1", "u2", "w1"]
    assert (rows["t1"].category, rows["t1"].xinfang, rows["t1"].source, rows["t1"].kind) == \
        ("HJ01", "环境保护", "annotated", "投诉")
    assert (rows["u1"].category, rows["u1"].source) == ("GY01", "first")
    assert (rows["u2"].category, rows["t2"].xinfang, rows["w1"].source) == (None, "城乡建设", "written")


def test_a_label_of_the_seven_survives_an_unlabelled_copy(folder: Path) -> None:
    write(folder / "data" / "unlabelled.jsonl", [{"id": "t2", "text": "停水"}])
    rows = {row.id: row for row in read_rows(folder / "data", CODES)}
    assert rows["t2"].xinfang == "城乡建设"


def test_earlier_label_files_win_by_name(folder: Path) -> None:
    label(folder, "u1\t求助\tHJ01\t-\t2\tCGJ\t-\t1\t-\t-\t-", "u2\t求助\tHJ01\t-\t2\tCGJ\t-\t1\t-\t-\t-",
          name="second.tsv")
    rows = {row.id: row for row in read_rows(folder / "data", CODES)}
    assert (rows["u1"].category, rows["u2"].category) == ("GY01", "HJ01")


def test_bad_rows_of_any_source_are_named(folder: Path) -> None:
    label(folder, "u1\t求助\tXX99\t-\t2\tCGJ\t-\t1\t-\t-\t-")
    write(folder / "written" / "own.jsonl", [{"id": "m1", "text": "自写", "lead": "QQ"}])
    with pytest.raises(DatasetError) as caught:
        read_rows(folder / "data", CODES)
    assert caught.value.problems == ["first:u1: unknown category 'XX99'", "written:m1: unknown lead 'QQ'",
                                     "written:m1: repeated id"]
    assert "自写" not in str(caught.value)


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


def test_written_reports_are_trained_on_and_share_no_group_with_messages() -> None:
    written = read_written()
    assert written
    assert split_rows(written).train == written
    assert all(row.group == row.id and row.id.startswith("w-") for row in written)
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
