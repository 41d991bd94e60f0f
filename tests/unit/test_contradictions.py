"""Duties that contradict each other are found; those that only resemble each other are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from knowledge_base.contradictions import contradictions, likeness, pairs_of
from knowledge_base.departments import Department, Duty, NotOurs
from knowledge_base.loading import KnowledgeBase
from tests.unit.small_knowledge import SMALL


def duty(number: str, text: str, incidents: tuple[str, ...] = (), not_ours: tuple[NotOurs, ...] = ()) -> Duty:
    return Duty(number, text, "county", ("HJ01",), (), "", incidents, not_ours)


def base(*departments: Department) -> KnowledgeBase:
    return replace(SMALL, departments=departments, catalogue={})


def department(code: str, *duties: Duty, aliases: tuple[str, ...] = ()) -> Department:
    return Department(code, f"部门{code}", "", aliases, duties=duties)


def found(*departments: Department) -> list[tuple[str, str]]:
    return [(problem.code, problem.where) for problem in contradictions(base(*departments))]


def test_the_shipped_duties_do_not_contradict_each_other(knowledge_base: KnowledgeBase) -> None:
    assert contradictions(knowledge_base) == []


def test_two_departments_must_not_claim_the_same() -> None:
    one = department("AA", duty("AA-01", "查处餐饮油烟直排扰民的行为"))
    other = department("BB", duty("BB-01", "监管工业废气", ("查处餐饮油烟直排，扰民的行为",)))
    assert found(one, other) == [("claimed_twice", "AA-01 BB-01")]
    within = department("AA", duty("AA-01", "查处餐饮油烟直排扰民的行为"), duty("AA-02", "查处餐饮油烟直排扰民行为"))
    assert found(within) == []


@pytest.mark.parametrize("other", ["查处餐饮油烟的行为", "监管餐饮企业用工", "维护路灯"])
def test_neighbouring_matters_are_no_contradiction(other: str) -> None:
    one = department("AA", duty("AA-01", "查处餐饮油烟直排扰民的行为"))
    assert found(one, department("BB", duty("BB-01", other))) == []


def test_a_matter_that_two_departments_leave_to_each_other_is_found() -> None:
    one = department("AA", duty("AA-01", "管路面", not_ours=(NotOurs("小区渣土清运", "BB"),)))
    other = department("BB", duty("BB-01", "管小区渣土清运", not_ours=(NotOurs("渣土清运", "AA"),)))
    assert ("ping_pong", "AA-01 BB-01") in found(one, other)
    honest = department("BB", duty("BB-01", "管小区渣土清运", not_ours=(NotOurs("路面坑洼", "AA"),)))
    assert found(one, honest) == []


def test_a_matter_that_is_left_to_two_departments_is_found() -> None:
    takers = (department("BB", duty("BB-01", "管渣土车抛洒")), department("CC", duty("CC-01", "管渣土车违章")))
    one = department("AA", duty("AA-01", "管路面", not_ours=(NotOurs("渣土车抛洒滴漏", "BB"),)))
    other = department("DD", duty("DD-01", "管路灯", not_ours=(NotOurs("渣土车抛洒、滴漏", "CC"),)))
    assert found(one, other, *takers) == [("disputed_referral", "AA-01 DD-01")]


def test_a_department_must_not_leave_to_others_what_it_claims() -> None:
    one = department("AA", duty("AA-01", "管路面", ("渣土车抛洒滴漏",)),
                     duty("AA-02", "管路灯", not_ours=(NotOurs("渣土车抛洒滴漏", "BB"),)))
    assert found(one, department("BB", duty("BB-01", "管渣土"))) == [("disclaims_its_own", "AA-02")]


@pytest.mark.parametrize(("taker", "problems"), [
    (Department("BB", "部门", "", duties=(replace(duty("BB-01", "管水库"), categories=("GY01",)),)),
     [("not_taken_up", "AA-01")]),
    (Department("BB", "部门", "", duties=(replace(duty("BB-01", "管水库"), categories=("HJ01",)),)), []),
    (Department("BB", "部门", "", duties=(replace(duty("BB-01", "管水库", ("黄牛加价卖票",)), categories=()),)), []),
    (Department("BB", "部门", "打击黄牛", duties=()), []),
    (Department("BB", "部门", "", ("黄牛整治办",), duties=()), []),
])
def test_a_matter_left_to_a_department_must_be_taken_up_there(taker: Department, problems: list[object]) -> None:
    one = department("AA", duty("AA-01", "管车站", not_ours=(NotOurs("黄牛倒票", "BB"),)))
    assert found(one, taker) == problems


def test_the_catalogue_takes_a_matter_up_too() -> None:
    one = department("AA", duty("AA-01", "管车站", not_ours=(NotOurs("黄牛倒票", "BB"),)))
    two = department("BB", replace(duty("BB-01", "管水库"), categories=()))
    listed = replace(base(one, two), catalogue={"HJ01": replace(SMALL.catalogue["HJ01"], lead="BB", other_leads=(),
                                                                co=())})
    assert contradictions(listed) == []


def test_unknown_and_own_departments_are_left_to_other_checks() -> None:
    others = (NotOurs("黄牛", "NONE"), NotOurs("倒票", "AA"))
    assert found(department("AA", duty("AA-01", "管车站", not_ours=others))) == []


def test_likeness_is_that_of_the_pairs() -> None:
    one, other = pairs_of("油烟扰民"), pairs_of("油烟，扰民了")
    assert one == {"油烟", "烟扰", "扰民"}
    assert other == {"油烟", "扰民", "民了"}
    assert likeness(one, other) == pytest.approx(2 / 4)
    assert likeness(pairs_of(""), pairs_of("")) == 0.0
