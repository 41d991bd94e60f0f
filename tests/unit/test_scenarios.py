"""Joint scenarios and duty disputes: what finds them, what does not, and how broken files are refused."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from knowledge_base.checks import read_articles
from knowledge_base.departments import LegalBasis
from knowledge_base.errors import KnowledgeBaseError
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, content_hash, load_knowledge_base
from knowledge_base.scenarios import (
    DISPUTE_WITHIN,
    FEWEST_INCIDENTS,
    Dispute,
    Helper,
    Scenario,
    problems,
    read_disputes,
    read_scenarios,
)
from knowledge_base.word_finder import WITHIN, Finder, WordGroups

LAWS = Path(__file__).parents[2].parent / "shared" / "data"
FEW = """scenarios:
- id: fume
  title: 油烟
  categories: [HJ01]
  words:
  - any: [油烟, 烟道]
  - any: [楼下]
  not_words: [公共烟道]
  incidents: [楼下油烟一, 楼下油烟二, 楼下油烟三]
  lead: CGJ
  co:
  - {department: STHJ, why: 监测}
  territory: street
  why: 城管主办
"""
FEW_DISPUTES = """disputes:
- id: smoke
  title: 焚烧
  categories: [HJ01]
  words:
  - any: [焚烧]
  incidents: [焚烧一, 焚烧二, 焚烧三]
  departments: [CGJ, STHJ]
  why: 两家都不管
  basis:
  - {law: 大气污染防治法, article: 第一百一十九条}
  convener: ZF
  consult: 会商
"""
CATEGORIES, DEPARTMENTS = {"HJ01", "HJ03"}, {"CGJ", "STHJ", "ZF"}


def scenario(name: str, *groups: tuple[str, ...], not_words: tuple[str, ...] = (), lead: str = "CGJ",
             categories: tuple[str, ...] = ("HJ01",), incidents: tuple[str, ...] = ()) -> Scenario:
    return Scenario(name, name, categories, WordGroups(groups, not_words), incidents, lead, (), "none", "理由")


def ids(found: tuple[Scenario, ...] | tuple[Dispute, ...]) -> list[str]:
    return [one.id for one in found]


def by_brute_force(finder: Finder[Scenario], text: str) -> set[str]:
    """Return what a definition read word by word finds: every way to pick one place a group, the nearest one counts."""
    found = set()
    for one in finder:
        places = [[(start, start + len(word)) for word in group for start in range(len(text))
                   if text.startswith(word, start)] for group in one.words.groups]
        spreads = [max(end for _, end in pick) - min(start for start, _ in pick) for pick in product(*places)]
        if spreads and min(spreads) <= finder.within and not any(word in text for word in one.words.not_words):
            found.add(one.id)
    return found


def test_there_are_enough_of_them(knowledge_base: KnowledgeBase) -> None:
    assert len(knowledge_base.scenarios) >= 70
    assert len(knowledge_base.disputes) >= 15
    for one in (*knowledge_base.scenarios, *knowledge_base.disputes):
        assert len(one.incidents) >= FEWEST_INCIDENTS, one.id


def test_each_incident_finds_its_own_scenario_and_dispute(knowledge_base: KnowledgeBase) -> None:
    for finder in (knowledge_base.scenarios, knowledge_base.disputes):
        lost = [(one.id, text) for one in finder for text in one.incidents
                if one.id not in ids(finder.matching(text, one.categories))]
        assert lost == []


def test_nothing_to_complain_about(knowledge_base: KnowledgeBase) -> None:
    assert list(problems(knowledge_base.scenarios, knowledge_base.disputes, knowledge_base.taxonomy.codes,
                         knowledge_base.department_codes)) == []


@pytest.mark.parametrize(("text", "category", "name", "lead"), [
    ("一楼开了家KTV，天天唱到凌晨两点，吵得全家睡不着", "HJ03", "noise-ktv-bar", "GAJ"),
    ("隔壁工地打桩打到半夜，噪音太大", "HJ03", "noise-construction-night", "CGJ"),
    ("地下室的水泵嗡嗡响，低频噪声睡不好", "HJ03", "noise-equipment", "STHJ"),
    ("楼下跳广场舞音响太大", "HJ03", "noise-square-dance", "GAJ"),
    ("大货车半夜从门口过，鸣笛吵醒全家", "HJ03", "noise-trucks", "JJ"),
    ("渣土车夜里进出轰鸣扰民", "HJ03", "noise-muck-trucks", "CGJ"),
    ("高速公路边上没有声屏障，噪声很大", "HJ03", "noise-highway", "JTYS"),
    ("火车半夜鸣笛，睡不着", "HJ03", "noise-railway", "TL"),
    ("楼下烧烤店油烟直接往家里灌", "HJ01", "catering-fume-residential", "CGJ"),
    ("群租房住了十几个人，垃圾堆在楼道发臭", "ZJ06", "group-rental-pollution", "ZJJ"),
    ("校门口小摊卖的炸串孩子吃了拉肚子", "SC02", "street-food-school-gate", "SCJG"),
    ("住宅被改成养生馆营业，没有执照，影响邻居", "SC07", "residence-turned-business", "SCJG"),
    ("工地包工头拖欠我们工资三个月", "LS01", "wages-building-site", "RSJ"),
    ("快递面单上的个人信息被泄露，接到诈骗电话", "WX02", "express-data-leak", "YZGL"),
    ("共享单车堆在人行道上没法走", "JT06", "shared-bike-parking", "CGJ"),
    ("有人从五楼飞线下来给电瓶车充电", "YJ02", "ebike-flying-wires", "XF"),
    ("我们村通组公路还是泥巴路，请求硬化", "JT04", "village-road", "XZ"),
    ("外嫁女没有分红", "NY02", "married-out-women", "XZ"),
    ("反对在小区旁选址建变电站", "HJ07", "substation-siting", "ZRGH"),
    ("小区旁拟建加油站，我们反对", "QT01", "gas-station-siting", "SWJ"),
    ("楼下垃圾中转站恶臭", "CG03", "waste-station-in-use", "CGJ"),
    ("建议争取高铁在我县设站", "JT03", "high-speed-rail-station", "FGW"),
    ("地铁6号线何时通车", "JT03", "metro-progress", "JTYS"),
    ("建议地铁3号线延长到开发区", "JT03", "metro-route-suggestion", "ZRGH"),
    ("开发商跑了，房产证一直办不下来", "ZJ04", "title-deed-developer", "ZJJ"),
    ("不动产登记中心窗口退了我四次过户材料", "ZJ04", "title-deed-registration", "ZRGH")])
def test_who_leads_follows_the_guide(knowledge_base: KnowledgeBase, text: str, category: str, name: str,
                                     lead: str) -> None:
    first = knowledge_base.scenarios.matching(text, {category})[0]
    assert (first.id, first.lead) == (name, lead)


@pytest.mark.parametrize(("text", "category", "leads"), [
    ("健身房不给退款，会员卡里还有两千", "SC01", {"SCJG"}),
    ("健身房关门了，会员卡里的钱退不了，老板失联", "SC01", {"SCJG"}),
    ("健身房卷款跑路，几百个会员被骗，我们已报案，请公安立案", "GA04", {"GAJ"}),
    ("传销窝点拉人头", "SC10", {"SCJG"}),
    ("弟弟陷入传销被限制人身自由", "SC10", {"GAJ"}),
    ("小区下水道堵塞，物业不管", "ZJ01", {"ZJJ"}),
    ("街边下水道堵塞，污水外溢", "CG05", {"CGJ"})])
def test_stages_and_places_of_one_matter_have_their_own_leads(knowledge_base: KnowledgeBase, text: str, category: str,
                                                              leads: set[str]) -> None:
    assert {one.lead for one in knowledge_base.scenarios.matching(text, {category})} == leads


@pytest.mark.parametrize(("text", "name"), [
    ("我想在KTV办生日聚会，请问营业到几点", "noise-ktv-bar"),
    ("水泵厂宿舍要拆迁，施工噪声大", "noise-equipment"),
    ("公共烟道被堵死，厨房串味", "catering-fume-residential"),
    ("生活垃圾焚烧发电厂什么时候投产", "burning-waste-city"),
    ("驾校学车太贵，想退费", "prepaid-card-open"),
    ("公交卡充值后余额不见了，要求退款", "prepaid-card-open"),
    ("建议加装电梯，老人上下楼困难", "elevator-entrapment"),
    ("国道到我们村的路口没有路灯，村道已硬化", "village-road"),
    ("地铁4号线试运营后建议增设站内卫生间", "metro-route-suggestion"),
    ("共享单车押金退不了，请管管乱停的企业", "shared-bike-parking"),
    ("油烟净化器厂招聘", "catering-fume-duty"),
    ("小区有人养狗", "stray-dogs"),
    ("餐馆油烟大，请城管处理", "catering-fume-duty"),
    ("消防通道被车堵住了", "ebike-fire-duty")])
def test_near_but_outside(knowledge_base: KnowledgeBase, text: str, name: str) -> None:
    assert name not in ids(knowledge_base.scenarios.matching(text)) + ids(knowledge_base.disputes.matching(text))


def test_a_match_needs_a_plausible_category(knowledge_base: KnowledgeBase) -> None:
    text = "楼下烧烤店油烟直接往家里灌"
    assert "catering-fume-residential" in ids(knowledge_base.scenarios.matching(text))
    assert "catering-fume-residential" in ids(knowledge_base.scenarios.matching(text, {"HJ01", "HJ03"}))
    assert knowledge_base.scenarios.matching(text, {"GY01"}) == ()
    assert knowledge_base.scenarios.matching(text, set()) == ()
    assert knowledge_base.scenarios.matching("", {"HJ01"}) == ()


def test_words_that_overlap_or_hold_each_other_are_all_found() -> None:
    finder = Finder([scenario("short", ("充电",), ("桩",)), scenario("long", ("飞线充电",), ("充电桩",)),
                     scenario("one", ("堵",)), scenario("upper", ("ktv",))])
    assert set(ids(finder.matching("飞线充电桩"))) == {"short", "long"}
    assert ids(finder.matching("路堵")) == ["one"]
    assert ids(finder.matching("楼下KTV")) == ["upper"]


def test_words_must_stand_near_each_other() -> None:
    finder = Finder([scenario("near", ("油烟",), ("楼下",))])
    assert finder.matching("油烟" + "啊" * (WITHIN - 4) + "楼下")
    assert not finder.matching("油烟" + "啊" * (WITHIN - 3) + "楼下")
    assert finder.matching("油烟" + "啊" * WITHIN + "油烟在楼下")
    assert Finder(finder.entries, DISPUTE_WITHIN).matching("油烟" + "啊" * WITHIN + "楼下")


def test_a_forbidden_word_anywhere_forbids() -> None:
    finder = Finder([scenario("fume", ("油烟",), not_words=("公共烟道",))])
    assert finder.matching("油烟很大")
    assert not finder.matching("油烟很大" + "啊" * 200 + "公共烟道")


def test_the_most_telling_comes_first() -> None:
    finder = Finder([scenario("wide", ("油烟",)), scenario("far", ("油烟",), ("扰民",)),
                     scenario("near", ("油烟",), ("楼下",)), scenario("same", ("油烟",))])
    assert ids(finder.matching("楼下油烟大，很扰民")) == ["near", "far", "wide", "same"]


def test_finds_what_brute_force_finds(knowledge_base: KnowledgeBase) -> None:
    draw = random.Random(20)
    words = sorted({word for one in knowledge_base.scenarios for group in one.words.groups for word in group})
    hits = 0
    for _ in range(150):
        text = "".join(draw.choice([draw.choice(words), draw.choice(words), "，我们" * draw.randrange(6)])
                       for _ in range(12))
        expected = by_brute_force(knowledge_base.scenarios, text.lower())
        assert set(ids(knowledge_base.scenarios.matching(text))) == expected
        hits += len(expected)
    assert hits > 100


def test_matching_is_fast(knowledge_base: KnowledgeBase) -> None:
    text = "".join(one.incidents[0] for one in knowledge_base.scenarios)[:300]
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        knowledge_base.scenarios.matching(text, {"HJ03", "HJ01", "ZJ01"})
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.002


def write(folder: Path, text: str) -> Path:
    path = folder / "some.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("old", "new", "line", "field", "expected"), [
    ("lead: CGJ", "lead: NOBODY", 10, "lead", "NOBODY"),
    ("lead: CGJ", "leads: CGJ", 10, "leads", "lead"),
    ("  lead: CGJ\n", "", 2, "lead", "text"),
    ("department: STHJ", "department: CGJ", 12, "department", "only once"),
    ("department: STHJ", "department: XX", 12, "department", "XX"),
    ("categories: [HJ01]", "categories: [HJ99]", 4, "categories", "HJ99"),
    ("categories: [HJ01]", "categories: []", 4, "categories", "at least one"),
    ("territory: street", "territory: planet", 13, "territory", "planet"),
    ("any: [楼下]", "any: []", 7, "any", "at least one"),
    ("any: [楼下]", "any: [樓下]", 7, "any", "'楼下'"),
    ("any: [楼下]", "any: [KTV]", 7, "any", "'ktv'"),
    ("not_words: [公共烟道]", "not_words: [ＡＢ]", 8, "not_words", "'ab'"),
    ("any: [楼下]", "all: [楼下]", 7, "all", "any"),
    ("  words:\n  - any: [油烟, 烟道]\n  - any: [楼下]\n", "", 2, "words", "at least one group"),
    ("id: fume", "id: 7", 2, "id", "text"),
    ("scenarios:", "scenario:", 1, "scenario", "scenarios"),
    ("- id: fume", "- id: [fume", 3, "yaml", "valid YAML")])
def test_a_broken_scenario_is_refused_with_file_line_and_field(tmp_path: Path, old: str, new: str, line: int,
                                                               field: str, expected: str) -> None:
    assert len(read_scenarios(write(tmp_path, FEW), CATEGORIES, DEPARTMENTS)) == 1
    assert old in FEW
    with pytest.raises(KnowledgeBaseError) as caught:
        read_scenarios(write(tmp_path, FEW.replace(old, new)), CATEGORIES, DEPARTMENTS)
    fault = caught.value.faults[0]
    assert (fault.file, fault.field) == ("some.yaml", field)
    assert abs(fault.line - line) <= 1
    assert expected in fault.expected


@pytest.mark.parametrize(("old", "new", "line", "field", "expected"), [
    ("departments: [CGJ, STHJ]", "departments: [CGJ]", 8, "departments", "two departments"),
    ("departments: [CGJ, STHJ]", "departments: [CGJ, XX]", 8, "departments", "XX"),
    ("convener: ZF", "convener: XX", 12, "convener", "XX"),
    ("  consult: 会商\n", "", 2, "consult", "text"),
    ("law: 大气污染防治法, ", "", 11, "law", "text")])
def test_a_broken_dispute_is_refused_with_file_line_and_field(tmp_path: Path, old: str, new: str, line: int,
                                                              field: str, expected: str) -> None:
    read = read_disputes(write(tmp_path, FEW_DISPUTES), CATEGORIES, DEPARTMENTS)
    assert read.entries[0].basis == (LegalBasis("大气污染防治法", "第一百一十九条"),)
    assert old in FEW_DISPUTES
    with pytest.raises(KnowledgeBaseError) as caught:
        read_disputes(write(tmp_path, FEW_DISPUTES.replace(old, new)), CATEGORIES, DEPARTMENTS)
    fault = caught.value.faults[0]
    assert (fault.file, fault.field) == ("some.yaml", field)
    assert abs(fault.line - line) <= 1
    assert expected in fault.expected


def test_an_id_twice_is_refused(tmp_path: Path) -> None:
    again = FEW + FEW.removeprefix("scenarios:\n")
    with pytest.raises(KnowledgeBaseError, match=r"some\.yaml, line 15, field 'id': .*fume again"):
        read_scenarios(write(tmp_path, again), CATEGORIES, DEPARTMENTS)


def test_an_empty_file_is_refused_and_an_absent_one_is_not(tmp_path: Path) -> None:
    assert len(read_scenarios(tmp_path / "none.yaml", CATEGORIES, DEPARTMENTS)) == 0
    assert len(read_disputes(tmp_path / "none.yaml", CATEGORIES, DEPARTMENTS)) == 0
    with pytest.raises(KnowledgeBaseError, match="at least one entry"):
        read_scenarios(write(tmp_path, "scenarios: []\n"), CATEGORIES, DEPARTMENTS)


def test_an_older_folder_without_them_still_loads(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "data"))
    full = content_hash(folder)
    for name in ("scenarios.yaml", "disputes.yaml"):
        (folder / name).unlink()
    shutil.rmtree(folder / "localities")
    loaded = load_knowledge_base(folder)
    assert (len(loaded.scenarios), len(loaded.disputes), loaded.localities) == (0, 0, ())
    assert loaded.scenarios.matching("楼下烧烤店油烟扰民") == ()
    assert loaded.version != full


def test_loading_names_the_broken_scenario_file_once(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "data"))
    path = folder / "scenarios.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("lead: GAJ", "lead: NOBODY", 1), encoding="utf-8")
    with pytest.raises(KnowledgeBaseError) as caught:
        load_knowledge_base(folder)
    assert [(fault.file, fault.field) for fault in caught.value.faults] == [("scenarios.yaml", "lead")]


THREE = ("楼下油烟大", "楼下油烟小", "楼下油烟中")
GOOD = scenario("good", ("油烟",), ("楼下",), incidents=THREE)


@pytest.mark.parametrize(("bad", "code", "where"), [
    (replace(GOOD, id="bad", incidents=("楼上油烟", "楼下油烟四", "楼下油烟五")), "unmatched_incident", "scenario bad"),
    (replace(GOOD, id="bad", incidents=THREE[:2]), "few_incidents", "scenario bad"),
    (replace(GOOD, id="bad", incidents=THREE), "repeated_incident", THREE[0]),
    (replace(GOOD, id="good"), "repeated_scenario_id", "good"),
    (replace(GOOD, id="bad", categories=("HJ99",)), "dead_reference", "scenario bad"),
    (replace(GOOD, id="bad", lead="XX"), "dead_reference", "scenario bad"),
    (replace(GOOD, id="bad", co=(Helper("XX", "协助"),)), "dead_reference", "scenario bad"),
    (replace(GOOD, id="bad", co=(Helper("CGJ", "协助"),)), "points_to_itself", "scenario bad"),
    (replace(GOOD, id="bad", lead="STHJ", words=WordGroups((("楼下",), ("油烟",)))), "contradictory_scenarios",
     "scenarios good, bad")])
def test_what_a_check_should_say_of_scenarios(bad: Scenario, code: str, where: str) -> None:
    def found(*scenarios: Scenario) -> set[tuple[str, str]]:
        return {(problem[0], problem[1]) for problem in problems(Finder(scenarios), Finder(), CATEGORIES, DEPARTMENTS)}

    assert found(GOOD) == set()
    assert (code, where) in found(GOOD, bad)


def test_the_same_words_do_not_contradict_under_other_categories_or_with_one_lead() -> None:
    elsewhere = replace(GOOD, id="elsewhere", lead="STHJ", categories=("HJ03",), incidents=())
    agreeing = replace(GOOD, id="agreeing")
    codes = {problem[0] for problem in problems(Finder([GOOD, elsewhere, agreeing]), Finder(), CATEGORIES, DEPARTMENTS)}
    assert "contradictory_scenarios" not in codes


def test_what_a_check_should_say_of_disputes(tmp_path: Path) -> None:
    read = read_disputes(write(tmp_path, FEW_DISPUTES), CATEGORIES, DEPARTMENTS)
    assert list(problems(Finder(), read, CATEGORIES, DEPARTMENTS)) == []
    bad = replace(read.entries[0], convener="XX", incidents=("没有那个词",))
    found = [(code, where) for code, where, _ in problems(Finder(), Finder([bad]), CATEGORIES, DEPARTMENTS)]
    assert found == [("few_incidents", "dispute smoke"), ("unmatched_incident", "dispute smoke"),
                     ("dead_reference", "dispute smoke")]


@pytest.mark.skipif(not (LAWS / "laws_articles.jsonl").is_file(),
                    reason="the texts of the laws (../shared/data) are not in this checkout")
def test_every_article_of_a_dispute_is_known(knowledge_base: KnowledgeBase) -> None:
    articles = read_articles(LAWS)
    assert [(one.id, str(basis)) for one in knowledge_base.disputes for basis in one.basis
            if (basis.law, basis.article) not in articles] == []
    assert sum(bool(one.basis) for one in knowledge_base.disputes) >= 15
