"""What differs between two folders of a knowledge base, also in files that the loader does not know."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from knowledge_base.diff import Change, FieldChange, compare, counts
from knowledge_base.errors import KnowledgeBaseError
from knowledge_base.loading import DEFAULT_FOLDER, content_hash
from knowledge_base.records import PARTS, read_records

KEPT = ("CGJ", "STHJ")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped knowledge base with the duties of few departments."""
    copy = tmp_path_factory.mktemp("base") / "kb"
    shutil.copytree(DEFAULT_FOLDER, copy, ignore=shutil.ignore_patterns("*.npz"))
    for path in (copy / "duties").glob("*.yaml"):
        if path.stem not in KEPT:
            path.unlink()
    return copy


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(base, tmp_path / "kb"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def changed(base: Path, folder: Path) -> dict[tuple[str, str], Change]:
    return {(change.part, change.key): change for change in compare(base, folder)}


def test_a_copy_has_no_changes(base: Path, folder: Path) -> None:
    assert content_hash(folder) == content_hash(base)
    assert compare(base, folder) == ()


def test_every_file_is_read(base: Path, folder: Path) -> None:
    paths = sorted([*folder.rglob("*.tsv"), *folder.rglob("*.yaml")])
    for path in paths:
        text = path.read_text(encoding="utf-8")
        at = max(text.rfind(mark) for mark in ("。", "局", "务", "管", "01"))
        path.write_text(f"{text[:at]}改{text[at:]}", encoding="utf-8")
    found = compare(base, folder)
    departments = {change.key.partition("-")[0] for change in found if change.part in ("duty", "department")}
    parts = {change.part for change in found}
    assert departments >= {path.stem for path in paths if path.parent.name == "duties"}
    others = [path.relative_to(folder).as_posix() for path in paths if path.parent.name != "duties"]
    assert parts >= {PARTS.get(name, name.rpartition(".")[0]) for name in others}
    assert len(others) >= 7


@pytest.mark.parametrize(("file", "old", "new", "name", "fields"), [
    ("duties/CGJ.yaml", "level: county", "level: street", ("duty", "CGJ-01"),
     (FieldChange("level", "county", "street"),)),
    ("duties/CGJ.yaml", "categories: [CG01]", "categories: [CG01, CG02]", ("duty", "CGJ-01"),
     (FieldChange("categories", ("CG01",), ("CG01", "CG02")),)),
    ("duties/CGJ.yaml", "aliases: [", "aliases: [城管队, ", ("department", "CGJ"), ()),
    ("departments.tsv", "CGJ\t城市管理综合执法部门", "CGJ\t城管部门", ("department", "CGJ"),
     (FieldChange("name", "城市管理综合执法部门", "城管部门"),)),
    ("catalogue.tsv", "GY04\tRQGS\tZJJ,FGW", "GY04\tZJJ\tRQGS,FGW", ("catalogue", "GY04"),
     (FieldChange("lead", "RQGS", "ZJJ"), FieldChange("other_leads", "ZJJ,FGW", "RQGS,FGW"))),
    ("crosswalk_xinfang.tsv", "HJ03\t环境保护", "HJ03\t城乡建设", ("crosswalk_xinfang", "HJ03"),
     (FieldChange("xinfang", "环境保护", "城乡建设"),)),
    ("deadlines.yaml", "days: 60\n  unit: working_day", "days: 50\n  unit: working_day",
     ("deadline", "labour-inspection"), (FieldChange("days", "60", "50"),)),
])
def test_a_change_is_named_by_record_and_field(base: Path, folder: Path, file: str, old: str, new: str,
                                               name: tuple[str, str], fields: tuple[FieldChange, ...]) -> None:
    edit(folder / file, old, new)
    found = changed(base, folder)
    assert list(found) == [name]
    assert found[name].kind == "changed"
    assert found[name].fields == fields or not fields


def test_added_and_removed_records_hold_their_fields(base: Path, folder: Path) -> None:
    text = (folder / "duties" / "CGJ.yaml").read_text(encoding="utf-8")
    first, second = text.index("- id: CGJ-01"), text.index("- id: CGJ-02")
    (folder / "duties" / "CGJ.yaml").write_text(text[:first] + text[second:], encoding="utf-8")
    (one,) = compare(base, folder)
    assert (one.part, one.key, one.kind) == ("duty", "CGJ-01", "removed")
    assert one.fields[0] == FieldChange("department", "CGJ", "")
    (back,) = compare(folder, base)
    assert (back.kind, back.after("department"), back.after("nothing")) == ("added", "CGJ", "")
    assert counts((one, back)) == {"added": 1, "removed": 1, "changed": 0}


def test_a_duty_that_moves_keeps_its_name(base: Path, folder: Path) -> None:
    source, target = folder / "duties" / "CGJ.yaml", folder / "duties" / "STHJ.yaml"
    text = source.read_text(encoding="utf-8")
    first, second = text.index("- id: CGJ-01"), text.index("- id: CGJ-02")
    source.write_text(text[:first] + text[second:], encoding="utf-8")
    target.write_text(target.read_text(encoding="utf-8") + text[first:second], encoding="utf-8")
    (moved,) = compare(base, folder)
    assert moved == Change("duty", "CGJ-01", "changed", (FieldChange("department", "CGJ", "STHJ"),))


def test_files_that_nobody_knows_are_compared_too(base: Path, folder: Path) -> None:
    (folder / "places").mkdir()
    (folder / "places" / "440300.yaml").write_text(
        "division: '440300'\nrules:\n- {category: HJ03, lead: STHJ, why: 某规定}\n"
        "names:\n- {department: CGJ, name: 城管}\n", encoding="utf-8")
    (folder / "more.tsv").write_text("code\tvalue\nA\t1\n", encoding="utf-8")
    found = changed(base, folder)
    assert set(found) == {("more", "A"), ("places/440300", "-"), ("places/440300", "rules HJ03"),
                          ("places/440300", "names CGJ")}
    other = Path(shutil.copytree(folder, folder.parent / "other"))
    edit(other / "places" / "440300.yaml", "lead: STHJ", "lead: GAJ")
    assert compare(folder, other) == (Change("places/440300", "rules HJ03", "changed",
                                             (FieldChange("lead", "STHJ", "GAJ"),)),)


@pytest.mark.parametrize("text", ["a: [", "- 1\n- 2\n", "", "a: &x [*x]\n", "\u0007"])
def test_files_that_are_no_records_are_refused(folder: Path, text: str) -> None:
    (folder / "more.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"more\.yaml"):
        read_records(folder)
