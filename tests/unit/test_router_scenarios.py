"""Joint scenarios, duty disputes, localities and named departments as evidence of the router."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from knowledge_base.departments import Department, LegalBasis
from knowledge_base.localities import Locality, Override
from knowledge_base.mentions import DepartmentNames
from knowledge_base.router import CO_FEATURES, LEAD_FEATURES, LOCAL_SHARE
from knowledge_base.scenarios import Dispute, Helper, Scenario
from knowledge_base.word_finder import Finder, WordGroups
from models.contract import FloatArray, Report
from tests.unit.small_knowledge import DEPARTMENTS, SMALL, flat, make_router, predict

OIL = Scenario("oil", "居民楼下油烟", ("HJ01",), WordGroups((("油烟",), ("楼下", "楼上"))), (), "CGJ",
               (Helper("GSGS", "接驳排污管"),), "none", "油烟由城管主办")
DISPUTE = Dispute("smoke", "露天焚烧", ("HJ01",), WordGroups((("焚烧",),)), (), ("CGJ", "STHJ"), "两家都不管。",
                  (LegalBasis("某法", "第一条"),), "ZF", "由区政府会商")
WITH_SCENARIO = replace(SMALL, scenarios=Finder([OIL]), disputes=Finder([DISPUTE]))
WEIGHTS = {"lead": {"head": 1.0, "scenario": 2.0}, "co": {"scenario": 3.0, "constant": -1.5}}
TEXT = "楼下烧烤店油烟往家里灌"


def sharp(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


def test_a_scenario_speaks_for_its_lead_and_helpers_and_says_why() -> None:
    prediction = predict(TEXT, lead=sharp(0.4, 0.5, 0.1), category=sharp(0.9, 0.05, 0.05))
    assert make_router(WEIGHTS).route(Report(text=TEXT), prediction).lead.label == "STHJ"
    route = make_router(WEIGHTS, WITH_SCENARIO).route(Report(text=TEXT), prediction)
    assert route.lead.label == "CGJ"
    assert [(one.code, one.reason) for one in route.co_departments] == [("GSGS", "联合场景“居民楼下油烟”：接驳排污管")]
    assert route.notes == ("联合场景“居民楼下油烟”：油烟由城管主办",)
    assert route.disputed == ()


@pytest.mark.parametrize(("text", "category"), [("工厂的油烟", (0.9, 0.05, 0.05)), (TEXT, (0.01, 0.98, 0.01))])
def test_a_scenario_needs_its_words_and_a_plausible_category(text: str, category: tuple[float, ...]) -> None:
    features = make_router(WEIGHTS, WITH_SCENARIO).features(predict(text, category=sharp(*category)), text)
    assert features.scenarios == ()
    assert not features.lead[:, LEAD_FEATURES.index("scenario")].any()
    assert not features.co[:, CO_FEATURES.index("scenario")].any()


def test_a_dispute_is_said() -> None:
    route = make_router(WEIGHTS, WITH_SCENARIO).route(Report(text="有人焚烧秸秆"), predict("有人焚烧秸秆"))
    assert route.disputed == ("smoke",)
    assert route.notes == ("职责争议“露天焚烧”：两家都不管。 由区政府会商",)


def test_named_departments_by_alias_but_not_by_shared_or_short_names() -> None:
    names = DepartmentNames([Department("A", "城市管理局", "", aliases=("城管局", "管理处", "城管")),
                             Department("B", "水务局", "", aliases=("管理处",))])
    assert names.named_in("城管局和水务局推来推去") == {"A", "B"}
    assert names.named_in("管理处说找城管") == set()
    assert names.named_in("") == set()


def test_naming_a_department_or_its_duty_never_lowers_it() -> None:
    knowledge = replace(SMALL, departments=tuple(replace(one, aliases=("城市管理局",)) if one.code == "CGJ" else one
                                                 for one in DEPARTMENTS))
    router = make_router({"lead": {"head": 0.8, "dense": 1.0, "lexical": 1.0, "named": 0.4}}, knowledge)

    def chance(text: str) -> float:
        return float(router.lead_probabilities(router.features(predict("停水", lead=flat(3)), text))[0])
    assert chance("路灯坏了找城市管理局") > chance("路灯坏了") > chance("停水了")


def _local(**kinds: dict[str, Override]) -> Locality:
    return Locality("430100", "某市", MappingProxyType({"CGJ": "行政执法局"}),
                    MappingProxyType(kinds.get("categories", {})), MappingProxyType(kinds.get("scenarios", {})))


@pytest.mark.parametrize(("region", "expected"), [("430102", "GSGS"), ("430100", "GSGS"), ("440100", "CGJ"),
                                                  (None, "CGJ")])
def test_a_locality_has_the_last_word_on_its_categories(region: str | None, expected: str) -> None:
    local = _local(categories={"CG05": Override("GSGS", (), "本市由供水单位管井盖", "某办法")})
    router = make_router({"lead": {"head": 1.0}}, replace(SMALL, localities=(local,)))
    prediction = predict("路灯", lead=sharp(0.9, 0.05, 0.05), category=sharp(0.05, 0.05, 0.9))
    assert router.route(Report(text="路灯", region=region), prediction).lead.label == expected


def test_a_locality_takes_only_the_share_of_its_categories() -> None:
    local = _local(categories={"CG05": Override("GSGS", (), "", "")})
    router = make_router({"lead": {"head": 1.0}}, replace(SMALL, localities=(local,)))
    prediction = predict("路灯", lead=sharp(0.7, 0.2, 0.1), category=sharp(0.6, 0.1, 0.3))
    nationwide = router.lead_probabilities(router.features(prediction, "路灯"))
    here = router.lead_probabilities(router.features(prediction, "路灯", "430100"))
    taken = LOCAL_SHARE * 0.3
    np.testing.assert_allclose(here, nationwide * (1 - taken) + taken * np.array([0, 0, 1, 0]), rtol=1e-5)
    assert here.sum() == pytest.approx(1.0, abs=1e-6)


def test_a_locality_rules_a_scenario_before_its_category() -> None:
    local = _local(categories={"HJ01": Override("GSGS", (), "", "")},
                   scenarios={"oil": Override("STHJ", (), "本市归环境部门", "某办法")})
    router = make_router({"lead": {"head": 1.0}}, replace(WITH_SCENARIO, localities=(local,)))
    prediction = predict(TEXT, lead=sharp(0.9, 0.05, 0.05), category=sharp(0.9, 0.05, 0.05))
    route = router.route(Report(text=TEXT, region="430100"), prediction)
    assert route.lead.label == "STHJ"
    assert route.notes == ("联合场景“居民楼下油烟”：某市：本市归环境部门（某办法）",)
