"""Bad rows are listed by file and row without their texts; a quarantine leaves exactly those out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from knowledge_base.loading import DEFAULT_FOLDER
from training import sources
from training.data_commands import data as data_command
from training.pairs import read_pairs
from training.quarantine import QuarantineError, in_force, read_quarantine, write_quarantine
from training.run_folder import data_as, data_of_run, keep_quarantine
from training.schema import LABEL_COLUMNS, DatasetError, read_codes, read_jsonl
from training.sources import check_data, read_rows, source_files

SECRET = "张三住在幸福小区三栋"
CODES = read_codes(DEFAULT_FOLDER)
LABELS: dict[str, Any] = {"kind": "投诉", "category": "HJ01", "urgency": 3, "lead": "CGJ", "co": ["STHJ"]}


def message(number: int, **changes: Any) -> dict[str, Any]:
    return {"id": f"m{number}", "title": "油烟", "text": SECRET, "time": "2019/3/4 8:00:00", "group": number, **LABELS,
            **changes}


def lines(*rows: dict[str, Any] | bytes) -> bytes:
    return b"".join((row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode()) + b"\n"
                    for row in rows)


PAIR = {"a": {"id": "m1", "title": "", "text": SECRET, "time": None}, "b": {"id": "m2", "title": "", "text": SECRET},
        "label": 2, "drawn": "words"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sound folder of five message files with labels and a written report beside."""
    for name in ("labels", "written", "data"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sources, "LABELS_FOLDER", tmp_path / "labels")
    monkeypatch.setattr(sources, "WRITTEN_FOLDER", tmp_path / "written")
    data = tmp_path / "data"
    (data / "annotated.jsonl").write_bytes(lines(*(message(n) for n in range(1, 9))))
    (data / "unlabelled.jsonl").write_bytes(lines({"id": "u1", "title": "", "text": SECRET, "group": 90}))
    (data / "xinfang7.jsonl").write_bytes(lines({"id": "t1", "title": "", "text": SECRET, "label": "环境保护"}))
    (data / "replies.jsonl").write_bytes(lines({"id": "m1", "reply": "已办"}))
    (data / "duplicate_pairs.jsonl").write_bytes(lines(PAIR))
    fields = ["u1", "求助", "GY01", "-", "2", "CGJ", "-", "1", "-", "-", "-"]
    (tmp_path / "labels" / "first_reading.tsv").write_text(
        "\t".join(LABEL_COLUMNS) + "\n" + "\t".join(fields) + "\n", encoding="utf-8")
    (tmp_path / "written" / "own.jsonl").write_bytes(lines(message(700, id="w-1", group="w-1")))
    return data


def bad_rows(data: Path) -> None:
    """One row for each kind of badness that must be told."""
    (data / "annotated.jsonl").write_bytes(lines(
        message(1), message(2, category=None), message(3, category="HJ99"), message(4, title="", text=" "), message(1),
        b"{\"id\": \"m6\", \"text\": \"\xd6\xd0\"}", b"[1]", message(8, id=None), message(9, urgency=7),
        message(10, urgency="3"), message(11, co=["CGJ"]), b"{", message(12)))


EXPECTED = ["annotated.jsonl:2: missing label category", "annotated.jsonl:3: unknown category 'HJ99'",
            "annotated.jsonl:4: empty text", "annotated.jsonl:5: repeated id, first in row 1",
            "annotated.jsonl:6: not in UTF-8 (byte 23 is 0xd6)", "annotated.jsonl:7: not an object",
            "annotated.jsonl:8: missing id", "annotated.jsonl:9: unknown urgency 7",
            "annotated.jsonl:10: urgency has the type str, expected int", "annotated.jsonl:11: lead 'CGJ' also in co",
            "annotated.jsonl:12: not JSON"]


def test_sound_files_have_no_problem(folder: Path) -> None:
    assert check_data(folder, CODES) == []
    assert len(read_rows(folder, CODES)) == 11


def test_every_bad_row_is_listed_and_training_refuses(folder: Path) -> None:
    bad_rows(folder)
    assert [str(problem) for problem in check_data(folder, CODES)] == EXPECTED
    with pytest.raises(DatasetError) as caught:
        read_rows(folder, CODES)
    assert caught.value.problems == EXPECTED
    assert SECRET not in str(caught.value)


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as stream:
        stream.write(content)


@pytest.mark.parametrize(("spoil", "problem"), [
    (lambda f: append(f / "xinfang7.jsonl", lines({"id": "t2", "text": SECRET})),
     "xinfang7.jsonl:2: missing label label"),
    (lambda f: append(f / "replies.jsonl", lines({"id": "m1", "reply": " "})), "replies.jsonl:2: empty reply"),
    (lambda f: append(f / "replies.jsonl", lines({"reply": SECRET})), "replies.jsonl:2: missing id"),
    (lambda f: append(f / "duplicate_pairs.jsonl", lines({**PAIR, "label": 5})),
     "duplicate_pairs.jsonl:2: unknown label, expected 0, 1 or 2"),
    (lambda f: append(f / "duplicate_pairs.jsonl", lines({**PAIR, "b": SECRET})),
     "duplicate_pairs.jsonl:2: side b is no message"),
    (lambda f: append(f / "duplicate_pairs.jsonl", lines({**PAIR, "a": {"title": "", "text": SECRET}})),
     "duplicate_pairs.jsonl:2: side a: missing id"),
    (lambda f: append(f.parent / "labels" / "first_reading.tsv", b"u1" + b"\t-" * 10 + b"\n"),
     "first_reading.tsv:3: missing label category"),
    (lambda f: append(f.parent / "labels" / "first_reading.tsv", b"u2\tx\n"),
     "first_reading.tsv:3: 2 fields, expected 11"),
    (lambda f: (f.parent / "labels" / "first_reading.tsv").write_bytes(b"id\tkind\n"),
     "first_reading.tsv:0: expected the columns " + " ".join(LABEL_COLUMNS)),
    (lambda f: (f.parent / "labels" / "first_reading.tsv").write_bytes(b""),
     "first_reading.tsv:0: expected the columns " + " ".join(LABEL_COLUMNS)),
    (lambda f: append(f.parent / "written" / "own.jsonl", lines(message(701, id="w-1"))),
     "own.jsonl:2: repeated id, first in row 1"),
    (lambda f: append(f.parent / "written" / "own.jsonl", lines(message(1))),
     "own.jsonl:2: repeated id, also in another file"),
    (lambda f: (f / "unlabelled.jsonl").unlink(), "unlabelled.jsonl:0: can't be read")])
def test_other_files_are_checked_too(folder: Path, spoil: Callable[[Path], object], problem: str) -> None:
    spoil(folder)
    assert problem in [str(one) for one in check_data(folder, CODES)]


def quarantine_of(folder: Path) -> Path:
    path = folder.parent / "bad" / "quarantine.json"
    write_quarantine(path, [(one.file, one.row, one.what) for one in check_data(folder, CODES)],
                     [file.path for file in source_files(folder)])
    return path


def test_a_quarantine_leaves_out_the_bad_rows_and_no_other(folder: Path) -> None:
    bad_rows(folder)
    path = quarantine_of(folder)
    written = path.read_text(encoding="utf-8")
    assert SECRET not in written
    assert {one["row"] for one in json.loads(written)["rows"]} == set(range(2, 13))
    found = read_quarantine(path, [file.path for file in source_files(folder)])
    assert found.count == 11
    rows = read_rows(folder, CODES, found)
    assert [row.id for row in rows] == ["u1", "t1", "m1", "m12", "w-1"]
    with pytest.raises(DatasetError):
        read_rows(folder, CODES)


def test_everything_read_inside_leaves_them_out(folder: Path) -> None:
    """Replies and pairs are read by other stages, which know nothing of quarantines; row numbers stay."""
    append(folder / "duplicate_pairs.jsonl", lines(b"{", PAIR))
    append(folder / "replies.jsonl", b"\xff\n" + lines({"id": "m2", "reply": "已办"}))
    path = quarantine_of(folder)
    with data_as(folder, path, 0.0) as left_out:
        assert left_out == 2
        assert [pair.row for pair in read_pairs(folder / "duplicate_pairs.jsonl")] == [1, 3]
        assert [number for number, _ in read_jsonl(folder / "replies.jsonl")] == [1, 3]
    with pytest.raises(DatasetError, match=r"replies\.jsonl:2: not in UTF-8"):
        list(read_jsonl(folder / "replies.jsonl"))


def test_a_quarantine_for_other_content_is_refused(folder: Path) -> None:
    bad_rows(folder)
    path, files = quarantine_of(folder), [file.path for file in source_files(folder)]
    append(folder / "annotated.jsonl", lines(message(13)))
    with pytest.raises(QuarantineError, match=r"annotated\.jsonl is not the file that quarantine\.json was written"):
        read_quarantine(path, files)
    for content in ("", "[]", '{"format": 9, "files": {}, "rows": []}', '{"format": 1, "files": {}, "rows": [1]}'):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(QuarantineError, match=r"quarantine\.json is no quarantine file"):
            read_quarantine(path, files)
    with pytest.raises(QuarantineError, match="no quarantine file"):
        read_quarantine(path.with_name("none.json"), files)


def test_a_run_remembers_its_quarantine(folder: Path, tmp_path: Path) -> None:
    bad_rows(folder)
    run = tmp_path / "run"
    keep_quarantine(run, quarantine_of(folder))
    with data_of_run(folder, run):
        assert len(read_rows(folder, CODES)) == 5
    keep_quarantine(run, None)
    with data_of_run(folder, run), pytest.raises(DatasetError):
        read_rows(folder, CODES)


def test_a_quarantine_ends_with_its_block(folder: Path) -> None:
    bad_rows(folder)
    found = read_quarantine(quarantine_of(folder), [file.path for file in source_files(folder)])
    with in_force(found):
        assert len(read_rows(folder, CODES)) == 5
    with pytest.raises(DatasetError):
        read_rows(folder, CODES)


def test_the_command_lists_and_writes(folder: Path, tmp_path: Path) -> None:
    sound = CliRunner().invoke(data_command, ["check", "--data", str(folder)])
    assert (sound.exit_code, sound.stdout) == (0, "")
    bad_rows(folder)
    target = tmp_path / "out" / "quarantine.json"
    found = CliRunner().invoke(data_command, ["check", "--data", str(folder), "--quarantine", str(target)])
    assert found.exit_code == 1
    assert found.stdout.splitlines() == EXPECTED
    assert "11 problems, 11 bad rows, in 7 files" in found.stderr
    assert SECRET not in found.output
    assert read_quarantine(target, [file.path for file in source_files(folder)]).count == 11


def test_no_quarantine_mends_a_missing_file(folder: Path, tmp_path: Path) -> None:
    (folder / "unlabelled.jsonl").unlink()
    target = tmp_path / "quarantine.json"
    found = CliRunner().invoke(data_command, ["check", "--data", str(folder), "--quarantine", str(target)])
    assert found.exit_code == 1
    assert "mend the file" in found.stderr
    with data_as(folder, target, 0.0), pytest.raises(DatasetError, match=r"unlabelled\.jsonl:0: can't be read"):
        read_rows(folder, CODES)


def test_a_folder_without_messages_is_refused(tmp_path: Path) -> None:
    found = CliRunner().invoke(data_command, ["check", "--data", str(tmp_path)])
    assert found.exit_code == 1
    assert "no annotated.jsonl in" in found.stderr


def test_the_export_holds_every_part(folder: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    (folder / "annotated.jsonl").write_bytes(lines(*(message(n, split="dev" if n < 4 else "train")
                                                     for n in range(1, 60))))
    (folder.parent / "labels" / "second_reading.tsv").write_text(
        "\t".join(LABEL_COLUMNS) + "\nm50\t求助\tGY01\t-\t2\tCGJ\t-\t1\t-\t-\t-\n", encoding="utf-8")
    found = CliRunner().invoke(data_command, ["export", "--data", str(folder), "--to", str(tmp_path / "out"),
                                              "--temporal-test", "0"])
    assert found.exit_code == 0, found.output
    files = {path.stem: str(path) for path in (tmp_path / "out").iterdir()}
    loaded = datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
    assert {"train", "calibration", "dev"} <= set(loaded)
    rows = {row["id"]: row for part in loaded.values() for row in part}
    assert len(rows) == 62
    assert (rows["m50"]["category"], rows["m50"]["first_category"], rows["m50"]["source"]) == (
        "GY01", "HJ01", "second_reading")
    assert (rows["m1"]["co"], rows["m1"]["first_category"], rows["u1"]["xinfang"]) == (["STHJ"], None, None)
