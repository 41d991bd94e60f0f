"""Loading the knowledge base: what it holds, and how broken files are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from knowledge_base.errors import KnowledgeBaseError
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, content_hash, load_knowledge_base

NEW_DUTIES = """department: XYZ
aliases: [新设局]
duties:
- id: XYZ-01
  text: 受理新设事项的诉求并组织核查处理。
  level: county
  categories: [QT03]
  basis: []
  basis_note: 依据部门“三定”职能
  incidents: [新设事项没有人管]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped knowledge base that may be broken."""
    return Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "data"))


def replace_once(path: Path, old: str, new: str) -> int:
    """Replace the first occurrence and return its line number."""
    text = path.read_text(encoding="utf-8")
    position = text.index(old)
    path.write_text(text[:position] + new + text[position + len(old):], encoding="utf-8")
    return text[:position].count("\n") + 1


def test_holds_the_whole_taxonomy(knowledge_base: KnowledgeBase) -> None:
    assert len(knowledge_base.taxonomy.categories) == 119
    assert knowledge_base.taxonomy.path("HJ03") == ("生态环境", "噪声与振动")
    assert "HJ03" in knowledge_base.taxonomy
    assert "HJ99" not in knowledge_base.taxonomy
    with pytest.raises(KeyError):
        knowledge_base.taxonomy.category("HJ99")


def test_departments_have_their_duties(knowledge_base: KnowledgeBase) -> None:
    department = knowledge_base.department("CGJ")
    first = department.duties[0]
    assert department.name == "城市管理综合执法部门"
    assert "城管局" in department.aliases
    assert (first.id, first.level) == ("CGJ-01", "county")
    assert first.citation.startswith(str(first.basis[0]))
    assert (department, first) in knowledge_base.duties


def test_version_follows_names_and_contents(folder: Path) -> None:
    before = load_knowledge_base(folder).version
    assert before == load_knowledge_base(DEFAULT_FOLDER).version
    assert before.startswith("sha256:")
    assert len(before) == len("sha256:") + 64
    (folder / "duties" / "CGJ.yaml").rename(folder / "duties" / "CGJ.yml.tsv")
    renamed = content_hash(folder)
    replace_once(folder / "catalogue.tsv", "主办", "牵头")
    assert len({before, renamed, content_hash(folder)}) == 3


def test_version_ignores_other_files(folder: Path) -> None:
    before = content_hash(folder)
    (folder / "notes.txt").write_text("not part of it", encoding="utf-8")
    assert content_hash(folder) == before


def test_staff_add_a_department_with_a_row_and_a_file(folder: Path) -> None:
    with (folder / "departments.tsv").open("a", encoding="utf-8") as table:
        table.write("XYZ\t新设部门\t新设事项\n")
    (folder / "duties" / "XYZ.yaml").write_text(NEW_DUTIES, encoding="utf-8")
    loaded = load_knowledge_base(folder)
    assert loaded.department_codes[-1] == "XYZ"
    assert loaded.department("XYZ").duties[0].text == "受理新设事项的诉求并组织核查处理。"
    assert loaded.department("XYZ").duties[0].citation == "依据部门“三定”职能"


@pytest.mark.parametrize(("file", "old", "new", "field", "expected"), [
    ("duties/CGJ.yaml", "level: county", "level: planet", "level", "province"),
    ("duties/CGJ.yaml", "categories: [CG01]", "categories: [CG99]", "categories", "CG99"),
    ("duties/CGJ.yaml", "categories: [CG01]", "categories: CG01", "categories", "list"),
    ("duties/CGJ.yaml", "department: ZRGH}", "department: NOWHERE}", "department", "NOWHERE"),
    ("duties/CGJ.yaml", "department: CGJ", "department: CGX", "department", "CGJ"),
    ("duties/CGJ.yaml", "  text: 查处", "  txet: 查处", "txet", "text"),
    ("duties/CGJ.yaml", "- id: CGJ-02", "- id: 2", "id", "text"),
    ("duties/CGJ.yaml", "aliases: [", "aliases: [[", "yaml", "valid YAML"),
    ("catalogue.tsv", "HJ03\tGAJ", "HJ03\tNOBODY", "lead", "NOBODY"),
    ("catalogue.tsv", "HJ03\tGAJ", "HJ03\tCGJ", "lead", "only once"),
    ("catalogue.tsv", "HJ03\tGAJ", "HJ02\tGAJ", "category", "HJ02 again"),
    ("catalogue.tsv", "HJ03\tGAJ\t", "HJ03\t", "row", "5 tab-separated"),
    ("taxonomy.tsv", "code\tlevel1", "code\tfirst", "header", "level1"),
    ("departments.tsv", "CGJ\t城市管理综合执法部门", "CGJ\t", "name", "empty cell"),
    ("crosswalk_db44.tsv", "HJ03\t0402", "HJ03\t0499", "db44t2479", "0499"),
    ("crosswalk_db44.tsv", "HJ03\t040201", "HJ03\t-", "db44t2479", "at least one"),
    ("crosswalk_xinfang.tsv", "HJ03\t环境保护", "HJ03\t环境", "xinfang", "环境保护"),
    ("deadlines.yaml", "unit: working_day", "unit: fortnight", "unit", "working_day"),
    ("deadlines.yaml", "days: 7", "days: soon", "days", "whole number"),
    ("deadlines.yaml", 'in_force: "2026-04-15"', 'in_force: "2026-14-15"', "in_force", "2026-14-15"),
    ("deadlines.yaml", "except_categories: [SC01,", "except_categories: [XX,", "except_categories", "XX"),
    ("deadlines.yaml", "rolls_over: true", "rolls_over: perhaps", "rolls_over", "true or false"),
])
def test_a_broken_file_is_refused_with_file_line_and_field(folder: Path, file: str, old: str, new: str, field: str,
                                                           expected: str) -> None:
    line = replace_once(folder / file, old, new)
    with pytest.raises(KnowledgeBaseError) as caught:
        load_knowledge_base(folder)
    fault = caught.value.faults[0]
    assert (fault.file, fault.field) == (Path(file).name, field)
    assert abs(fault.line - line) <= 1
    assert expected in fault.expected
    assert f"{fault.file}, line {fault.line}, field {field!r}" in str(caught.value)


def test_faults_of_several_files_are_listed_together(folder: Path) -> None:
    replace_once(folder / "duties" / "CGJ.yaml", "level: county", "level: planet")
    replace_once(folder / "duties" / "STHJ.yaml", "level: ", "level: moon # ")
    replace_once(folder / "catalogue.tsv", "HJ03\tGAJ", "HJ03\tNOBODY")
    with pytest.raises(KnowledgeBaseError) as caught:
        load_knowledge_base(folder)
    assert [fault.file for fault in caught.value.faults] == ["CGJ.yaml", "STHJ.yaml", "catalogue.tsv"]


@pytest.mark.parametrize("name", ["taxonomy.tsv", "departments.tsv", "catalogue.tsv", "db44t2479.tsv",
                                  "crosswalk_db44.tsv", "crosswalk_xinfang.tsv", "deadlines.yaml"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(KnowledgeBaseError, match=name):
        load_knowledge_base(folder)


def test_another_encoding_is_named(folder: Path) -> None:
    path = folder / "duties" / "CGJ.yaml"
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))
    with pytest.raises(KnowledgeBaseError, match="UTF-8"):
        load_knowledge_base(folder)


def test_a_file_of_duties_needs_a_department(folder: Path) -> None:
    (folder / "duties" / "XYZ.yaml").write_text(NEW_DUTIES, encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"XYZ\.yaml.*departments\.tsv"):
        load_knowledge_base(folder)


@pytest.mark.parametrize(("old", "new"), [
    ("- id: CGJ-01\n", "- id: CGJ-01\n  id: CGJ-01\n"),
    ("  basis:\n", "  basis: 7\n  basis_note: |\n"),
    ("  categories: [CG01]", "  categories: [CG01, CG01]"),
])
def test_repeated_and_mistyped_fields_are_refused(folder: Path, old: str, new: str) -> None:
    replace_once(folder / "duties" / "CGJ.yaml", old, new)
    with pytest.raises(KnowledgeBaseError, match=r"CGJ\.yaml"):
        load_knowledge_base(folder)


def test_empty_yaml_is_refused(folder: Path) -> None:
    (folder / "duties" / "CGJ.yaml").write_text("# nothing yet\n", encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match="empty file"):
        load_knowledge_base(folder)
