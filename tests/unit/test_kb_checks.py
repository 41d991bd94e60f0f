"""Checking the knowledge base as a whole, and its citations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType

import pytest

from knowledge_base.catalogue import CatalogueEntry
from knowledge_base.checks import check, check_legal_bases, chinese_number, read_articles, states_limit
from knowledge_base.crosswalk import Crosswalk
from knowledge_base.departments import Duty, LegalBasis, NotOurs
from knowledge_base.loading import KnowledgeBase
from knowledge_base.localities import Locality, Override
from knowledge_base.scenarios import Dispute, Scenario
from knowledge_base.word_finder import Finder, WordGroups

SCENARIOS = Finder([Scenario("JS-99", "烧烤店油烟", ("HJ01",), WordGroups((("油烟",),)),
                             ("烧烤店油烟", "饭店油烟", "楼下油烟"), "CGJ", (), "none", "油烟由城管查处")])
LAWS = Path(__file__).parents[2].parent / "shared" / "data"


def with_duty(knowledge_base: KnowledgeBase, code: str, duty: Duty) -> KnowledgeBase:
    """Return the knowledge base with one more duty of a department."""
    return replace(knowledge_base, departments=tuple(
        replace(department, duties=(*department.duties, duty)) if department.code == code else department
        for department in knowledge_base.departments))


def with_entry(knowledge_base: KnowledgeBase, entry: CatalogueEntry) -> KnowledgeBase:
    """Return the knowledge base with one entry of the catalogue in place of another."""
    return replace(knowledge_base, catalogue={**knowledge_base.catalogue, entry.category: entry})


def without(entries: Mapping[str, object], code: str) -> dict[str, object]:
    """Return a mapping without one key."""
    return {key: value for key, value in entries.items() if key != code}


def found(knowledge_base: KnowledgeBase) -> set[tuple[str, str]]:
    """Return codes and places of all problems."""
    return {(problem.code, problem.where) for problem in check(knowledge_base)}


def test_the_shipped_knowledge_base_has_no_problem(knowledge_base: KnowledgeBase) -> None:
    assert check(knowledge_base) == []


@pytest.mark.parametrize(("change", "problem"), [
    ({"categories": ("CG99",)}, ("dead_reference", "duty CGJ-99")),
    ({"not_ours": (NotOurs("别处的事", "NOBODY"),)}, ("dead_reference", "duty CGJ-99")),
    ({"not_ours": (NotOurs("别处的事", "CGJ"),)}, ("points_to_itself", "CGJ-99")),
    ({"incidents": ()}, ("no_incidents", "CGJ-99")),
    ({"categories": ()}, ("no_categories", "CGJ-99")),
])
def test_a_bad_duty_is_found(knowledge_base: KnowledgeBase, change: dict[str, object],
                             problem: tuple[str, str]) -> None:
    duty = replace(knowledge_base.department("CGJ").duties[0],
                   id="CGJ-99", text="另一条职责。", incidents=("另一件事",))
    assert problem not in found(with_duty(knowledge_base, "CGJ", duty))
    assert problem in found(with_duty(knowledge_base, "CGJ", replace(duty, **change)))  # type: ignore[arg-type]


def test_repeats_are_found(knowledge_base: KnowledgeBase) -> None:
    first = knowledge_base.department("CGJ").duties[0]
    repeated = found(with_duty(knowledge_base, "CGJ", first))
    assert {("repeated_duty_id", first.id), ("repeated_duty_text", first.text),
            ("repeated_incident", first.incidents[0])} <= repeated
    rules = knowledge_base.deadline_rules
    assert ("repeated_deadline_rule", rules[0].id) in found(replace(knowledge_base, deadline_rules=(*rules, rules[0])))
    departments = (*knowledge_base.departments, knowledge_base.departments[0])
    assert ("repeated_department", departments[0].code) in found(replace(knowledge_base, departments=departments))


def test_categories_without_lead_duty_or_crosswalk_are_found(knowledge_base: KnowledgeBase) -> None:
    assert ("no_lead", "HJ03") in found(replace(
        knowledge_base, catalogue=without(knowledge_base.catalogue, "HJ03")))  # type: ignore[arg-type]
    known = knowledge_base.crosswalk
    crosswalk = Crosswalk(known.standard, without(known.db44t2479, "HJ03"), known.xinfang)  # type: ignore[arg-type]
    assert ("no_crosswalk", "HJ03") in found(replace(knowledge_base, crosswalk=crosswalk))
    silent = tuple(replace(department, duties=tuple(duty for duty in department.duties
                                                    if "HJ03" not in duty.categories))
                   for department in knowledge_base.departments)
    assert ("no_duty", "HJ03") in found(replace(knowledge_base, departments=silent))


def test_departments_with_few_duties_or_never_reached_are_found(knowledge_base: KnowledgeBase) -> None:
    lonely = replace(knowledge_base.department("CGJ"), code="XYZ",
                     duties=knowledge_base.department("CGJ").duties[:7])
    problems = found(replace(knowledge_base, departments=(*knowledge_base.departments, lonely)))
    assert {("few_duties", "XYZ"), ("not_in_catalogue", "XYZ")} <= problems
    assert ("unreachable", "XYZ") not in problems
    silent = replace(lonely, duties=())
    bare = replace(knowledge_base, departments=(*knowledge_base.departments, silent))
    assert ("unreachable", "XYZ") in found(bare)
    joint = replace(next(iter(SCENARIOS)), lead="XYZ")
    assert ("unreachable", "XYZ") not in found(replace(bare, scenarios=Finder([joint])))


def test_a_lead_without_a_duty_for_its_category_is_found(knowledge_base: KnowledgeBase) -> None:
    entry = replace(knowledge_base.catalogue["GY04"], lead="GJJ", other_leads=())
    assert ("lead_without_duty", "GY04") in found(with_entry(knowledge_base, entry))


def test_duties_under_another_departments_id_are_found(knowledge_base: KnowledgeBase) -> None:
    duty = replace(knowledge_base.department("CGJ").duties[0], id="STHJ-99")
    assert ("foreign_duty_id", "STHJ-99") in found(with_duty(knowledge_base, "CGJ", duty))


def test_an_article_marked_as_superseded_in_one_place_only_is_found(knowledge_base: KnowledgeBase) -> None:
    duty = next(duty for _, duty in knowledge_base.duties if any(basis.superseded for basis in duty.basis))
    basis = next(basis for basis in duty.basis if basis.superseded)
    other = replace(knowledge_base.department("CGJ").duties[0], id="CGJ-99",
                    basis=(LegalBasis(basis.law, basis.article),))
    assert ("superseded_differs", str(basis)) in found(with_duty(knowledge_base, "CGJ", other))


@pytest.mark.parametrize(("change", "twice"), [
    ({}, True), ({"step": "另一步"}, False), ({"kinds": ("表扬",)}, False), ({"categories": ("GY04",)}, False),
    ({"mentions": ("某某申请",)}, False), ({"regions": ("3701",)}, False), ({"in_force": date(2090, 1, 1)}, False)])
def test_the_same_step_by_two_rules_is_found(knowledge_base: KnowledgeBase, change: dict[str, object],
                                             twice: bool) -> None:
    rule = replace(next(rule for rule in knowledge_base.deadline_rules if rule.id == "gas-complaint"),
                   until=date(2080, 1, 1))
    rules = (rule, replace(rule, id="another", until=date.max, **change))  # type: ignore[arg-type]
    problems = found(replace(knowledge_base, deadline_rules=rules))
    assert (("step_twice", "gas-complaint another") in problems) is twice


def test_what_is_wrong_with_scenarios_disputes_and_localities_is_found(knowledge_base: KnowledgeBase) -> None:
    scenario = next(iter(SCENARIOS))
    dispute = Dispute("D-99", "某事", ("HJ01",), WordGroups((("某事",),)), ("某事一", "某事二", "某事三"),
                      ("CGJ", "NOBODY"), "两家都说不管", (), "ZF", "由区政府会商")
    override = Override("CGJ", (), "某规定", "某文")
    locality = Locality("440300", "某市", scenarios=MappingProxyType({"JS-none": override}))
    broken = replace(knowledge_base, scenarios=Finder([replace(scenario, lead="NOBODY")]),
                     disputes=Finder([dispute]), localities=(locality,))
    assert {("dead_reference", f"scenario {scenario.id}"), ("dead_reference", "dispute D-99"),
            ("dead_reference", "locality 440300 JS-none")} <= found(broken)


def test_dead_codes_in_the_catalogue_are_found(knowledge_base: KnowledgeBase) -> None:
    entry = CatalogueEntry("HJ03", "GAJ", ("NOBODY",), (), "")
    assert ("dead_reference", "catalogue HJ03") in found(with_entry(knowledge_base, entry))
    assert ("dead_reference", "catalogue HJ99") in found(
        with_entry(knowledge_base, replace(entry, category="HJ99", other_leads=())))


@pytest.mark.parametrize(("number", "text"), [(5, "五"), (7, "七"), (10, "十"), (15, "十五"), (20, "二十"),
                                              (45, "四十五"), (60, "六十"), (90, "九十")])
def test_numbers_are_written_as_statutes_do(number: int, text: str) -> None:
    assert chinese_number(number) == text


@pytest.mark.parametrize(("text", "states"), [
    ("应当自收到投诉之日起七个工作日内处理", True), ("应当自收到投诉之日起7个工作日内处理", True),
    ("应当自收到投诉之日起十七个工作日内处理", False), ("应当自收到投诉之日起17个工作日内处理", False),
    ("应当及时处理", False)])
def test_an_article_must_name_the_days(knowledge_base: KnowledgeBase, text: str, states: bool) -> None:
    rule = next(rule for rule in knowledge_base.deadline_rules if (rule.length, rule.unit) == (7, "working_day"))
    assert states_limit(text, rule) is states


@pytest.mark.parametrize(("text", "states"), [
    ("应当在接到举报投诉后二十四小时内进行核查", True), ("应当在24小时内进行核查", True), ("应当在24日内核查", False),
    ("应当在四小时内核查", False)])
def test_an_article_must_name_the_hours(knowledge_base: KnowledgeBase, text: str, states: bool) -> None:
    rule = next(rule for rule in knowledge_base.deadline_rules if (rule.length, rule.unit) == (24, "hour"))
    assert states_limit(text, rule) is states


def write_laws(folder: Path, articles: dict[tuple[str, str], str]) -> None:
    """Write the two files of laws: rules with Chinese titles in one, the rest in the other."""
    rows = [{"law": law, "article_zh": article, "text": text} for (law, article), text in articles.items()]
    (folder / "laws_articles.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    (folder / "samr_rules_articles.jsonl").write_text(
        json.dumps({"title": "某某办法 第三条", "text": "甲"}) + "\n" + json.dumps({"title": "说明", "text": "乙"}),
        encoding="utf-8")


def test_both_files_of_laws_are_read(tmp_path: Path) -> None:
    write_laws(tmp_path, {("某某法", "第一条之一"): "丙"})
    assert read_articles(tmp_path) == {("某某法", "第一条之一"): "丙", ("某某办法", "第三条"): "甲"}


def test_wrong_citations_are_found(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    rule = knowledge_base.deadline_rules[0]
    duty = knowledge_base.department("CGJ").duties[0]
    cited = {(basis.law, basis.article): "七日" for _, duty in knowledge_base.duties for basis in duty.basis}
    ours = [rule for rule in knowledge_base.deadline_rules if not rule.source]
    limits = {(rule.basis.law, rule.basis.article): "" for rule in ours}
    for known in ours:
        limits[known.basis.law, known.basis.article] += f"{known.length}日、{known.length}个工作日；"
    write_laws(tmp_path, {**cited, **limits})
    assert check_legal_bases(knowledge_base, tmp_path) == []
    write_laws(tmp_path, {**cited, **limits, (rule.basis.law, rule.basis.article): "应当及时处理"})
    assert {(problem.code, problem.where) for problem in check_legal_bases(knowledge_base, tmp_path)} >= {
        ("limit_not_stated", rule.id)}
    invented = with_duty(knowledge_base, "CGJ", replace(duty, id="CGJ-99", basis=(LegalBasis("某某法", "第一条"),)))
    assert ("unknown_article", "CGJ-99") in {(problem.code, problem.where)
                                             for problem in check_legal_bases(invented, tmp_path)}


def test_articles_that_the_files_lack_need_a_source(knowledge_base: KnowledgeBase, tmp_path: Path) -> None:
    rule = next(rule for rule in knowledge_base.deadline_rules if rule.source)
    alone = replace(knowledge_base, departments=(), deadline_rules=(rule,))
    write_laws(tmp_path, {("某某法", "第一条"): "十日"})
    assert check_legal_bases(alone, tmp_path) == []
    unnamed = replace(alone, deadline_rules=(replace(rule, source=""),))
    assert [problem.code for problem in check_legal_bases(unnamed, tmp_path)] == ["unknown_article"]
    write_laws(tmp_path, {(rule.basis.law, rule.basis.article): "及时"})
    assert [problem.code for problem in check_legal_bases(alone, tmp_path)] == ["idle_source"]


@pytest.mark.skipif(not (LAWS / "laws_articles.jsonl").is_file(),
                    reason="the texts of the laws (../shared/data) are not in this checkout")
def test_every_citation_is_a_known_article(knowledge_base: KnowledgeBase) -> None:
    assert check_legal_bases(knowledge_base, LAWS) == []
