"""The cross-walks between the three taxonomies: complete both ways, without dead codes, the same in each direction."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from evaluation.crosswalk import Agreement, agreement, otherwise, tally
from knowledge_base.crosswalk import Crosswalk, StandardCategory, XinfangFit, read_crosswalk
from knowledge_base.equivalents import Translator
from knowledge_base.errors import KnowledgeBaseError
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase
from knowledge_base.taxonomy import Category, Taxonomy
from models.contract import XINFANG_LABELS

FILES = ("db44t2479.tsv", "crosswalk_db44.tsv", "crosswalk_xinfang.tsv")
PUBLISHED = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def translator(knowledge_base: KnowledgeBase) -> Translator:
    return Translator(knowledge_base.crosswalk, knowledge_base.taxonomy)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copyfile(DEFAULT_FOLDER / name, tmp_path / name)
    return tmp_path


def test_the_standard_is_whole(translator: Translator) -> None:
    codes = translator.standard_codes
    assert Counter(map(len, codes)) == {2: 14, 4: 99, 6: 515}
    assert len(translator.crosswalk.standard) == 515
    assert all(code[:-2] in codes for code in codes if len(code) > 2)


@pytest.mark.skipif(not (PUBLISHED / "taxonomy_db44t2479_2024.jsonl").exists(), reason="the standard is not here")
def test_the_standard_is_the_published_one(knowledge_base: KnowledgeBase) -> None:
    published = [json.loads(line) for line in
                 (PUBLISHED / "taxonomy_db44t2479_2024.jsonl").read_text(encoding="utf-8").splitlines()]
    names = {(row["level_2_code"], row["level_3_name"]): (row["level_1_name"], row["level_2_name"])
             for row in published}
    ours = {(one.code[:4], one.level3): (one.level1, one.level2) for one in knowledge_base.crosswalk.standard.values()}
    assert ours == names
    printed = [row["level_3_code"] for row in published]
    twice = [code for code, count in Counter(printed).items() if count > 1]
    assert twice == ["090499"]
    assert set(knowledge_base.crosswalk.standard) - set(printed) == {"090599"}


def test_every_category_has_codes_and_every_code_a_category(translator: Translator) -> None:
    for code in translator.taxonomy.codes:
        found = translator.find(code)
        assert found.level2
        assert found.level3
        assert found.xinfang
    for code in translator.standard_codes:
        assert translator.find(code).categories, code
    for label in XINFANG_LABELS:
        found = translator.find(label)
        assert found.categories
        assert found.level2


def test_no_code_is_dead(translator: Translator) -> None:
    for code in (*translator.taxonomy.codes, *translator.standard_codes, *XINFANG_LABELS):
        found = translator.find(code)
        assert set(found.categories) <= set(translator.taxonomy.codes)
        assert {*found.level2, *found.level3} <= set(translator.standard_codes)
        assert set(found.xinfang) <= set(XINFANG_LABELS)
        for codes in (found.categories, found.level2, found.level3, found.xinfang):
            assert len(set(codes)) == len(codes)


def test_what_is_said_one_way_is_said_the_other(translator: Translator) -> None:
    find, ours, labels = translator.find, translator.taxonomy.codes, XINFANG_LABELS
    levels = {length: [code for code in translator.standard_codes if len(code) == length] for length in (4, 6)}
    for name, codes in (("level2", levels[4]), ("level3", levels[6])):
        there = {(category, code) for category in ours for code in getattr(find(category), name)}
        assert there == {(category, code) for code in codes for category in find(code).categories}
        of_labels = {(label, code) for label in labels for code in getattr(find(label), name)}
        assert of_labels == {(label, code) for code in codes for label in find(code).xinfang}
    there = {(category, label) for category in ours for label in find(category).xinfang}
    assert there == {(category, label) for label in labels for category in find(label).categories}


def test_the_cross_walks_are_many_to_many(translator: Translator) -> None:
    many = [code for code in translator.taxonomy.codes if len(translator.find(code).level2) > 1]
    assert len(many) > 20
    assert sum(len(translator.find(code).categories) > 1 for code in translator.standard_codes if len(code) == 6) > 100
    assert sum(len(translator.find(code).xinfang) > 1 for code in translator.taxonomy.codes) > 20


@pytest.mark.parametrize(("code", "category", "xinfang"), [
    ("040201", "HJ03", "环境保护"), ("030606", "SC07", "商贸旅游"), ("080508", "LS01", "劳动和社会保障"),
    ("080102", "WS05", "劳动和社会保障"), ("110807", "SC10", "商贸旅游"), ("990400", "JW04", "劳动和社会保障"),
    ("090599", "QT02", None), ("0703", "GA03", None), ("0302", "ZJ03", "城乡建设"), ("0510", "GA01", "交通运输"),
    ("0301", "ZJ05", "城乡建设"), ("0708", "SC02", "商贸旅游"), ("12", "SF02", "劳动和社会保障")])
def test_codes_of_the_standard_name_the_same_matter(translator: Translator, code: str, category: str,
                                                    xinfang: str | None) -> None:
    found = translator.find(code)
    assert found.categories[0] == category
    assert (found.xinfang or (None,))[0] == xinfang


@pytest.mark.parametrize(("category", "code"), [
    ("LS03", "080505"), ("JW04", "080202"), ("NY05", "030302"), ("NY06", "060202"), ("WX04", "130102"),
    ("ZJ05", "030299"), ("GA05", "070399"), ("HJ07", "040402")])
def test_the_best_code_of_a_category_comes_first(translator: Translator, category: str, code: str) -> None:
    found = translator.find(category)
    assert found.level3[0] == code
    assert found.level2[0] == code[:4]
    assert translator.crosswalk.other_taxonomies(category)["db44t2479"] == code[:4]


@pytest.mark.parametrize("code", ["", "0", "04020", "0499", "040200", "HJ99", "环境", "０４０２"])
def test_unknown_codes_are_refused(translator: Translator, code: str) -> None:
    with pytest.raises(KeyError):
        translator.find(code)


def small() -> Translator:
    rows = [StandardCategory("010101", "甲", "乙", "一", "A"), StandardCategory("010102", "甲", "乙", "二", "B"),
            StandardCategory("010103", "甲", "乙", "三", "B"), StandardCategory("010200", "甲", "丙", "", "A")]
    crosswalk = Crosswalk({row.code: row for row in rows},
                          {"A": ("010101", "010200", "010102"), "B": ("010103", "010102", "010101"), "C": ("010103",)},
                          {"A": XinfangFit("环境保护", ("城乡建设",)), "B": XinfangFit(None, ("环境保护",)),
                           "C": XinfangFit("城乡建设", ())})
    return Translator(crosswalk, Taxonomy(tuple(Category(code, "类", code, "") for code in "ABC")))


def test_order_by_hand() -> None:
    find = small().find
    assert [find(code).categories for code in ("010101", "010102", "010103", "010200")] == \
        [("A", "B"), ("B", "A"), ("B", "C"), ("A",)]
    assert find("0101").categories == ("B", "A", "C")   # home of two and its best; of one and its best; its best
    assert find("0101").level3 == ("010101", "010102", "010103")
    assert find("0102").path == find("010200").path == ("甲", "丙")
    assert find("01").categories == ("A", "B", "C")
    assert [find(code).xinfang for code in ("010101", "010102", "0101", "01")] == \
        [("环境保护",), (), ("环境保护",), ("环境保护",)]
    assert find("环境保护").categories == ("A", "B")
    assert find("环境保护").level3 == ("010101", "010200")
    assert find("城乡建设").level3 == ()
    assert find("B").xinfang == ("环境保护",)
    assert small().crosswalk.other_taxonomies("B") == {"db44t2479": "0101", "xinfang": None}


@pytest.mark.parametrize(("file", "old", "new", "field", "expected"), [
    ("db44t2479.tsv", "\n040201\t", "\n40201\t", "code", "6 digits"),
    ("db44t2479.tsv", "\n040201\t", "\n04020x\t", "code", "6 digits"),
    ("db44t2479.tsv", "\n040202\t", "\n040201\t", "code", "040201 again"),
    ("db44t2479.tsv", "污染防治\t大气污染", "污染\t大气污染", "level2", "expected 污染防治 as for the other"),
    ("db44t2479.tsv", "040202\t自然资源与环境保护", "040202\t环境保护", "level1", "自然资源与环境保护"),
    ("db44t2479.tsv", "\t噪声污染\t", "\t-\t", "level3", "ends with 00"),
    ("db44t2479.tsv", "噪声污染\tHJ03", "噪声污染\tHJ99", "category", "HJ99"),
    ("db44t2479.tsv", "噪声污染\tHJ03", "噪声污染\tHJ06", "category", "lists 040201 in crosswalk_db44.tsv"),
    ("db44t2479.tsv", "噪声污染\tHJ03", "噪声污染\t-", "category", "empty cell"),
    ("db44t2479.tsv", "\t噪声污染\t", "\t", "row", "5 tab-separated"),
    ("crosswalk_db44.tsv", "HJ03\t040201", "HJ03\t040299", "category", "lists 040201"),
    ("crosswalk_db44.tsv", "HJ03\t040201", "HJ03\t040201,040201", "db44t2479", "different codes"),
    ("crosswalk_db44.tsv", "HJ03\t040201", "HJ99\t040201", "category", "HJ99"),
    ("crosswalk_db44.tsv", "HJ03\t040201", "HJ03\t0402", "db44t2479", "found 0402"),
    ("crosswalk_xinfang.tsv", "HJ03\t环境保护\t城乡建设", "HJ03\t环境保护\t城乡", "also", "found 城乡"),
    ("crosswalk_xinfang.tsv", "HJ03\t环境保护\t城乡建设", "HJ03\t环境保护\t环境保护", "also", "环境保护 again"),
    ("crosswalk_xinfang.tsv", "HJ03\t环境保护\t城乡建设", "HJ03\t-\t-", "also", "at least one label"),
    ("crosswalk_xinfang.tsv", "HJ03\t环境保护\t城乡建设", "HJ03\t环境保护", "row", "3 tab-separated"),
    ("crosswalk_xinfang.tsv", "xinfang\talso", "xinfang\tmore", "header", "also"),
])
def test_a_fault_is_named_by_file_line_and_field(folder: Path, knowledge_base: KnowledgeBase, file: str, old: str,
                                                 new: str, field: str, expected: str) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(KnowledgeBaseError) as caught:
        read_crosswalk(folder, knowledge_base.taxonomy.codes)
    fault = caught.value.faults[0]
    assert fault.field == field
    assert expected in fault.expected
    assert f"{fault.file}, line {fault.line}, field {field!r}" in str(caught.value)
    lost = file == "crosswalk_db44.tsv" and field == "category" and "lists" in expected
    assert fault.file == ("db44t2479.tsv" if lost else file)
    if not lost:
        assert fault.line == text[:text.index(old) + old.startswith("\n")].count("\n") + 1
    else:
        assert (folder / fault.file).read_text(encoding="utf-8").splitlines()[fault.line - 1].startswith("040201")


def test_agreement_with_real_labels_by_hand(tmp_path: Path) -> None:
    labels = {"t1": "环境保护", "t2": "城乡建设", "t3": "教育文体", "t4": "环境保护", "t5": "城乡建设",
              "t6": "环境保护"}
    rows = [("t1", "A", "train"), ("t2", "A", "train"), ("t3", "A", "train"), ("t4", "B", "train"),
            ("t5", "C", "dev"), ("t6", "C", "train"), ("m1", "A", "train")]
    (tmp_path / "xinfang7.jsonl").write_text("".join(
        json.dumps({"id": key, "label": label}) + "\n" for key, label in labels.items()))
    (tmp_path / "annotated.jsonl").write_text("".join(
        json.dumps({"id": key, "category": category, "split": split}) + "\n" for key, category, split in rows))
    found = tally(tmp_path)
    assert found == {"A": Counter(["环境保护", "城乡建设", "教育文体"]), "B": Counter(["环境保护"]),
                     "C": Counter(["环境保护"])}
    assert agreement(found, small().crosswalk) == Agreement(reports=5, best=1, listed=3, none_own=1)
    assert otherwise(found, small().crosswalk) == []
    many = {"A": Counter({"城乡建设": 4, "环境保护": 3}), "B": Counter({"环境保护": 5}), "C": Counter({"城乡建设": 9})}
    assert otherwise(many, small().crosswalk) == [("A", "城乡建设", 4, 7)]


@pytest.mark.skipif(not (PUBLISHED / "xinfang7.jsonl").exists(), reason="the labelled reports are not here")
def test_real_labels_agree_as_the_documents_say(knowledge_base: KnowledgeBase) -> None:
    found = agreement(tally(PUBLISHED), knowledge_base.crosswalk)
    assert found.best / found.reports >= 0.82
    assert found.best / (found.reports - found.none_own) >= 0.87
    assert found.listed / found.reports >= 0.94
