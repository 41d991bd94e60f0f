"""Localities: what a city lays down otherwise than the national files, and how its file is read."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from knowledge_base.catalogue import CatalogueEntry
from knowledge_base.errors import KnowledgeBaseError
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, content_hash, load_knowledge_base
from knowledge_base.localities import NATIONWIDE, Locality, Override, for_region, problems, read_localities
from knowledge_base.scenarios import Helper, Scenario
from knowledge_base.word_finder import Finder, WordGroups

CITY = """division: "330100"
name: 某市
department_names:
- {department: CGJ, name: 综合行政执法局}
categories:
- category: GA05
  lead: CGJ
  co:
  - {department: GAJ, why: 治安案件}
  why: 养犬归综合执法
  source: 某市养犬条例第四条
scenarios:
- scenario: dogs
  lead: CGJ
  why: 养犬归综合执法
  source: 某市养犬条例第四条
"""
CATEGORIES, DEPARTMENTS, SCENARIOS = {"GA05", "HJ01"}, {"GAJ", "CGJ", "STHJ"}, {"dogs"}
ENTRY = CatalogueEntry("GA05", "GAJ", ("CGJ", "STHJ"), ("STHJ",), "全国")
OTHER = CatalogueEntry("HJ01", "STHJ", (), (), "")
DOGS = Scenario("dogs", "养犬", ("GA05",), WordGroups((("狗",),)), (), "GAJ", (Helper("STHJ", "协助"),), "street",
                "公安")
PROVINCE = Locality("330000", "某省", {"CGJ": "省厅", "GAJ": "公安厅"},
                    {"GA05": Override("STHJ", (), "省里", "省条例"), "HJ01": Override("CGJ", (), "省里", "省条例")})


def write(folder: Path, text: str = CITY, name: str = "330100.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def read(folder: Path) -> tuple[Locality, ...]:
    return read_localities(folder, CATEGORIES, DEPARTMENTS, SCENARIOS)


def test_the_shipped_examples_are_sound_and_sourced(knowledge_base: KnowledgeBase) -> None:
    assert len(knowledge_base.localities) >= 3
    assert list(problems(knowledge_base.localities, knowledge_base.catalogue, knowledge_base.scenarios,
                         knowledge_base.department_codes)) == []
    for locality in knowledge_base.localities:
        assert locality.categories or locality.scenarios


@pytest.mark.parametrize(("region", "lead"), [("440300", "CGJ"), ("440305", "CGJ"), ("440100", "GAJ"),
                                              ("440000", "GAJ"), (None, "GAJ"), ("110000", "GAJ")])
def test_dogs_in_shenzhen_are_the_city_management_s(knowledge_base: KnowledgeBase, region: str | None,
                                                    lead: str) -> None:
    locality = for_region(knowledge_base.localities, region)
    entry = locality.catalogue(knowledge_base.catalogue)["GA05"]
    assert entry.lead == lead
    assert entry.leads.count(lead) == 1
    found = locality.joint_scenarios(knowledge_base.scenarios).matching("邻居遛狗不牵绳", {"GA05"})
    assert [one.lead for one in found] == [lead]


def test_fumes_in_chongqing_are_the_environment_department_s(knowledge_base: KnowledgeBase) -> None:
    national = knowledge_base.scenarios.matching("楼下饭店油烟扰民", {"HJ01"})[0]
    local = for_region(knowledge_base.localities, "500103").scenario(national)
    assert (national.lead, local.lead) == ("CGJ", "STHJ")
    assert (local.id, local.words, local.incidents) == (national.id, national.words, national.incidents)
    assert "重庆市大气污染防治条例" in local.why


def test_a_city_file_is_read(tmp_path: Path) -> None:
    (city,) = read(write(tmp_path))
    assert (city.division, city.prefix, city.name) == ("330100", "3301", "某市")
    assert city.categories["GA05"] == Override("CGJ", (Helper("GAJ", "治安案件"),), "养犬归综合执法",
                                               "某市养犬条例第四条")
    entry = city.entry(ENTRY)
    assert (entry.lead, entry.other_leads, entry.co) == ("CGJ", ("STHJ",), ("GAJ",))
    assert "某市养犬条例第四条" in entry.note
    assert city.entry(OTHER) == OTHER
    assert city.catalogue({"GA05": ENTRY, "HJ01": OTHER})["HJ01"] is OTHER
    assert (city.scenario(DOGS).lead, city.scenario(DOGS).co) == ("CGJ", ())
    assert city.scenario(DOGS).territory == "street"
    assert city.scenario(replace(DOGS, id="cats")).lead == "GAJ"


def test_the_smaller_division_has_the_last_word(tmp_path: Path) -> None:
    localities = (*read(write(tmp_path)), PROVINCE)
    city = for_region(localities, "330106")
    assert (city.name, city.division) == ("某市", "330100")
    assert city.categories["GA05"].lead == "CGJ"
    assert city.categories["HJ01"].lead == "CGJ"
    assert city.department_names == {"CGJ": "综合行政执法局", "GAJ": "公安厅"}
    assert for_region(localities, "330200").categories["GA05"].lead == "STHJ"
    assert for_region(localities, "330000") == PROVINCE
    for elsewhere in ("340100", "", None):
        assert for_region(localities, elsewhere) is NATIONWIDE


def test_nothing_differs_nationwide(knowledge_base: KnowledgeBase) -> None:
    assert NATIONWIDE.catalogue(knowledge_base.catalogue) is knowledge_base.catalogue
    assert NATIONWIDE.joint_scenarios(knowledge_base.scenarios) is knowledge_base.scenarios
    department = knowledge_base.department("CGJ")
    assert NATIONWIDE.department_name(department) == department.name
    assert for_region(knowledge_base.localities, "440300").department_name(department) == "城市管理和综合执法局"


def test_joint_scenarios_keep_how_near_their_words_stand() -> None:
    city = replace(NATIONWIDE, scenarios={"dogs": Override("CGJ", (), "", "")})
    assert city.joint_scenarios(Finder([DOGS], within=7)) == Finder([city.scenario(DOGS)], within=7)


@pytest.mark.parametrize(("old", "new", "line", "field", "expected"), [
    ('division: "330100"', "division: 330100", 1, "division", "quotes"),
    ('division: "330100"', 'division: "3301"', 1, "division", "6-digit"),
    ('division: "330100"', 'division: "000000"', 1, "division", "6-digit"),
    ('division: "330100"', 'division: "330200"', 1, "division", "name of the file"),
    ("department: CGJ, name", "department: XX, name", 4, "department", "XX"),
    ("category: GA05", "category: GA99", 6, "category", "GA99"),
    ("scenario: dogs", "scenario: cats", 13, "scenario", "cats"),
    ("department: GAJ, why", "department: CGJ, why", 9, "department", "only once"),
    ("  source: 某市养犬条例第四条\nscenarios", "scenarios", 6, "source", "text"),
    ("  lead: CGJ\n  why", "  led: CGJ\n  why", 14, "led", "lead"),
    ("scenarios:", "- category: GA05\n  lead: CGJ\n  why: 甲\n  source: 乙\nscenarios:", 12, "category", "again")])
def test_a_broken_file_is_refused_with_file_line_and_field(tmp_path: Path, old: str, new: str, line: int, field: str,
                                                           expected: str) -> None:
    assert old in CITY
    with pytest.raises(KnowledgeBaseError) as caught:
        read(write(tmp_path, CITY.replace(old, new, 1)))
    fault = caught.value.faults[0]
    assert (fault.file, fault.field) == ("330100.yaml", field)
    assert abs(fault.line - line) <= 1
    assert expected in fault.expected


def test_faults_of_several_cities_are_listed_together(tmp_path: Path) -> None:
    write(tmp_path, CITY.replace("lead: CGJ", "lead: XX", 1))
    write(tmp_path, CITY, "330200.yaml")
    with pytest.raises(KnowledgeBaseError) as caught:
        read(tmp_path)
    assert [(fault.file, fault.field) for fault in caught.value.faults] == [("330100.yaml", "lead"),
                                                                            ("330200.yaml", "division")]


def test_a_city_edits_its_own_file_only(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "data"))
    before = content_hash(folder)
    write(folder / "localities", CITY.replace("dogs", "dog-nuisance"))
    loaded = load_knowledge_base(folder)
    assert loaded.version != before
    assert for_region(loaded.localities, "330106").catalogue(loaded.catalogue)["GA05"].lead == "CGJ"
    assert for_region(loaded.localities, "320106").catalogue(loaded.catalogue)["GA05"].lead == "GAJ"


@pytest.mark.parametrize(("override", "problem"), [
    (Override("XX", (), "", ""), "dead_reference"),
    (Override("CGJ", (Helper("XX", ""),), "", ""), "dead_reference"),
    (Override("GAJ", (Helper("STHJ", ""),), "", ""), "idle_override")])
def test_what_a_check_should_say(override: Override, problem: str) -> None:
    def found(locality: Locality) -> set[tuple[str, str]]:
        return {(code, where) for code, where, _ in problems([locality], {"GA05": ENTRY}, Finder([DOGS]), DEPARTMENTS)}

    fine = Override("CGJ", (), "", "")
    assert found(Locality("330100", "某市", {"CGJ": "局"}, {"GA05": fine}, {"dogs": fine})) == set()
    assert found(Locality("330100", "某市", {}, {"GA05": override})) == {(problem, "locality 330100 GA05")}
    assert found(Locality("330100", "某市", {}, {}, {"dogs": override})) == {(problem, "locality 330100 dogs")}


def test_dead_names_and_repeated_divisions_are_found() -> None:
    fine = Override("CGJ", (), "", "")
    lost = Locality("330100", "某市", {"XX": "局"}, {"GA99": fine})
    found = [(code, where) for code, where, _ in problems([lost, lost], {"GA05": ENTRY}, Finder([DOGS]), DEPARTMENTS)]
    assert found == [("dead_reference", "locality 330100"), ("dead_reference", "locality 330100 GA99"),
                     ("repeated_locality", "locality 330100"), ("dead_reference", "locality 330100"),
                     ("dead_reference", "locality 330100 GA99")]
