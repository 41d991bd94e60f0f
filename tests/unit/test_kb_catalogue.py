"""The catalogue and the cross-walks: complete, and true to the annotation guide."""

from __future__ import annotations

import pytest

from knowledge_base.loading import KnowledgeBase
from models.contract import XINFANG_LABELS


def test_every_category_has_an_entry_and_cross_walks(knowledge_base: KnowledgeBase) -> None:
    codes = set(knowledge_base.taxonomy.codes)
    assert set(knowledge_base.catalogue) == codes
    assert set(knowledge_base.crosswalk.db44t2479) == codes
    assert set(knowledge_base.crosswalk.xinfang) == codes


@pytest.mark.parametrize(("category", "lead", "also"), [
    ("HJ03", "GAJ", {"CGJ", "STHJ", "JJ", "JTYS", "TL"}),     # 社会生活、施工、工业、货车、公路、列车噪声
    ("HJ01", "STHJ", {"CGJ"}),                                # 餐饮油烟 CGJ
    ("JT04", "JTYS", {"XZ"}),                                 # 村组道路 XZ
    ("JT07", "ZJJ", {"ZRGH"}),                                # 规划选线 ZRGH
    ("CG05", "CGJ", {"ZJJ"}),                                 # 新建天桥地道 ZJJ
    ("ZJ04", "ZJJ", {"ZRGH"}),                                # 登记环节 ZRGH
    ("ZJ07", "ZJJ", {"ZRGH", "ZF"}),                          # 集体土地 ZRGH，园区 ZF
    ("JT03", "TL", {"ZRGH", "JTYS", "FGW"}),                  # 选线、在建、高铁选址
    ("HJ07", "STHJ", {"ZRGH"}),                               # 邻避选址 ZRGH
    ("JR03", "GAJ", {"JRJG"}),                                # 咨询监管 JRJG
    ("SC10", "SCJG", {"GAJ", "ZJJ", "JTYS", "SLJ"}),          # 限制人身自由 GAJ，招投标归行业
    ("NY02", "XZ", {"NYNC"}), ("JW04", "ZZB", set()), ("JY03", "JYJ", set()), ("QT01", "ZF", {"SWJ"}),
])
def test_the_rulings_of_the_guide_hold(knowledge_base: KnowledgeBase, category: str, lead: str,
                                       also: set[str]) -> None:
    entry = knowledge_base.catalogue[category]
    assert entry.lead == lead
    assert also <= set(entry.other_leads)


@pytest.mark.parametrize(("category", "co"), [("JT04", "XZ"), ("NY02", "NYNC"), ("ZJ04", "ZRGH"), ("SC10", "GAJ")])
def test_the_helpers_of_the_guide_are_named(knowledge_base: KnowledgeBase, category: str, co: str) -> None:
    assert co in knowledge_base.catalogue[category].co


def test_leads_come_first_and_are_not_repeated(knowledge_base: KnowledgeBase) -> None:
    for entry in knowledge_base.catalogue.values():
        assert entry.leads[0] == entry.lead
        assert len(set(entry.leads)) == len(entry.leads)


def test_a_lead_has_a_duty_for_its_category(knowledge_base: KnowledgeBase) -> None:
    answered = {(department.code, code) for department, duty in knowledge_base.duties for code in duty.categories}
    assert [entry.category for entry in knowledge_base.catalogue.values()
            if (entry.lead, entry.category) not in answered] == []


@pytest.mark.parametrize(("category", "db44t2479", "xinfang"), [
    ("HJ01", "污染防治", "环境保护"), ("ZJ01", "物业管理", "城乡建设"), ("SC02", "食品安全", "商贸旅游"),
    ("LS01", "劳动纠纷", "劳动和社会保障"), ("WS02", "公共卫生", "卫生计生"), ("SF01", "涉法涉诉", None)])
def test_cross_walks_name_the_same_matter(knowledge_base: KnowledgeBase, category: str, db44t2479: str,
                                          xinfang: str | None) -> None:
    others = knowledge_base.crosswalk.other_taxonomies(category)
    code = others["db44t2479"]
    assert code is not None
    standard = knowledge_base.crosswalk.standard.values()
    assert {one.level2 for one in standard if one.code.startswith(code)} == {db44t2479}
    assert others["xinfang"] == xinfang


def test_every_xinfang_label_is_reached(knowledge_base: KnowledgeBase) -> None:
    assert {fit.best for fit in knowledge_base.crosswalk.xinfang.values() if fit.best} == set(XINFANG_LABELS)
