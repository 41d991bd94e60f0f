"""The engine joins the stages into the contract's answer, and goes on where one fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from knowledge_base.danger import danger_reasons
from knowledge_base.duplicates import PairScore, PairSide
from knowledge_base.loading import KnowledgeBase
from knowledge_base.storage.records import EarlierReport, EventOf
from models.calibration import prediction_set
from models.contract import (
    KINDS,
    CoDepartment,
    DutyMatch,
    FloatArray,
    Prediction,
    Report,
    RoutingDecision,
    ScoredLabel,
)
from models.dummy import DummyPredictor, dummy_bundle
from serving import engine as engine_module
from serving.earlier import same_city
from serving.engine import Engine

TEXT = "幸福小区3栋楼下烧烤店每天晚上油烟扰民，有照片。"


class FixedRouter:
    def route(self, _report: Report, _prediction: Prediction) -> RoutingDecision:
        return RoutingDecision(
            (ScoredLabel("CGJ", 0.83456), ScoredLabel("STHJ", 0.1)),
            (DutyMatch("CGJ-07", "CGJ", "查处油烟", "大气污染防治法 第八十一条", 0.81239),),
            (CoDepartment("STHJ", 0.55557, "监测"),), 0.7, "street")


class FixedScorer:
    threshold, possible = 0.9, 0.6

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores = scores
        self.asked: list[PairSide] = []

    def score(self, new: PairSide, earlier: Sequence[PairSide]) -> list[PairScore]:
        self.asked = [new, *earlier]
        return [PairScore(self.scores[side.title], ("same_place",)) for side in earlier]


class FixedPast:
    def __init__(self, titles: Sequence[str], event: EventOf | None = None) -> None:
        self.titles, self.event = titles, event

    def candidates(self, embedding: FloatArray, region: str | None, report_id: str) -> list[EarlierReport]:
        return [EarlierReport(number, Report(text="较早", id=f"id-{title}", title=title,
                                             received_at=datetime(2026, 1, 1, tzinfo=UTC)), embedding, (), "HJ01")
                for number, title in enumerate(self.titles, 1)]

    def event_of(self, report_id: str) -> EventOf | None:
        return self.event


@pytest.fixture
def engine(knowledge_base: KnowledgeBase) -> Engine:
    labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
    return Engine(DummyPredictor(*labels), FixedRouter(), knowledge_base, dummy_bundle(*labels), FixedScorer({}))


def sharpened(engine: Engine, **heads: int) -> Prediction:
    """Return a prediction that is sure of the given label of each named head."""
    prediction = engine.predictor.predict([Report(text=TEXT)])[0]
    changes = {}
    for head, label in heads.items():
        vector = np.full_like(getattr(prediction, head), 1e-4)
        vector[label] = 1 - vector[:-1].sum()
        changes[head] = vector
    return replace(prediction, **changes)


def test_answer_has_the_sections_of_the_contract_in_order(engine: Engine) -> None:
    answer = engine.answer(Report(text=TEXT, id="a"))
    assert list(answer) == ["id", "kind", "category", "urgency", "lead_department", "co_departments", "territory",
                            "duplicate", "false_report", "elements", "keywords", "deadlines", "decision", "versions",
                            "elapsed_ms"]
    assert answer["lead_department"] == {
        "code": "CGJ", "name": "城市管理综合执法部门", "probability": 0.8346,
        "evidence": [{"duty_id": "CGJ-07", "text": "查处油烟", "basis": "大气污染防治法 第八十一条",
                      "score": 0.8124}]}
    assert answer["co_departments"] == [{"code": "STHJ", "name": "生态环境部门", "probability": 0.5556,
                                         "reason": "监测"}]
    assert answer["territory"] == {"involved": True, "probability": 0.7, "level": "street"}
    assert answer["duplicate"] == {"score": 0.0, "of": None, "event_id": None, "matches": []}
    assert answer["versions"] == {"bundle": "dummy", "knowledge_base": engine.knowledge_base.version}


def test_category_agrees_with_the_prediction(engine: Engine) -> None:
    prediction = engine.predictor.predict([Report(text=TEXT)])[0]
    category = engine.answer(Report(text=TEXT))["category"]
    order = np.argsort(-prediction.category)
    labels = engine.bundle.category_labels
    assert category["code"] == labels[order[0]]
    assert [one["code"] for one in category["alternatives"]] == [labels[i] for i in order[1:5]]
    assert category["probability"] == round(float(prediction.category[order[0]]), 4)
    assert category["path"] == list(engine.knowledge_base.taxonomy.path(category["code"]))
    expected = prediction_set(prediction.category, engine.bundle.prediction_set_threshold)
    assert category["prediction_set"] == [labels[i] for i in expected]


def test_sure_report_is_decided_alone_and_urgent_one_is_not(engine: Engine) -> None:
    calm = engine.consider(Report(text=TEXT), sharpened(engine, category=0, urgency=2)).body
    urgent = engine.consider(Report(text=TEXT), sharpened(engine, category=0, urgency=0)).body
    assert calm["decision"] == {"route": "auto", "reasons": [], "error_budget": 0.05}
    assert urgent["decision"]["reasons"] == ["urgent"]
    assert urgent["urgency"]["label"] == "特急"


@pytest.mark.parametrize(("score", "of", "reasons"), [
    (0.95, "id-路灯", []), (0.7, None, ["possible_duplicate"]), (0.3, None, [])])
def test_duplicate_bands(engine: Engine, score: float, of: str | None, reasons: list[str]) -> None:
    engine = replace(engine, past=FixedPast(["路灯", "别的"]), pair_scorer=FixedScorer({"路灯": score, "别的": 0.1}))
    answered = engine.consider(Report(text=TEXT, id="new"), sharpened(engine, category=0, urgency=2))
    duplicate = answered.body["duplicate"]
    assert (duplicate["score"], duplicate["of"]) == (score, of)
    assert answered.body["decision"]["reasons"] == reasons
    assert answered.matched == of
    assert [match["id"] for match in duplicate["matches"]] == (["id-路灯"] if score >= 0.6 else [])


def test_duplicate_of_an_event_names_its_earliest_report(engine: Engine) -> None:
    engine = replace(engine, past=FixedPast(["路灯"], EventOf("E-000007", "id-first")),
                     pair_scorer=FixedScorer({"路灯": 0.95}))
    answered = engine.consider(Report(text=TEXT, id="new"), sharpened(engine, category=0))
    assert (answered.body["duplicate"]["of"], answered.body["duplicate"]["event_id"]) == ("id-first", "E-000007")
    assert answered.matched == "id-路灯"


def test_places_of_the_report_reach_the_pair_scorer(engine: Engine) -> None:
    scorer = FixedScorer({"路灯": 0.1})
    answered = replace(engine, past=FixedPast(["路灯"]), pair_scorer=scorer).consider(
        Report(text=TEXT), sharpened(engine, category=3))
    assert any("幸福小区" in place for place in answered.places)
    assert scorer.asked[0].places == answered.places
    assert scorer.asked[0].category == engine.bundle.category_labels[3]


@pytest.mark.parametrize(("stage", "name"), [
    ("duplicates", "find_duplicate"), ("deadlines", "deadlines"), ("elements", "extract_elements"),
    ("false_report", "score_false_report")])
def test_a_stage_that_fails_is_named_and_the_rest_is_answered(
        engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stage: str,
        name: str) -> None:
    def fail(*_given: object, **_named: object) -> Any:
        raise RuntimeError(TEXT)

    monkeypatch.setattr(engine_module, name, fail)
    answered = engine.consider(Report(text=TEXT), sharpened(engine, category=0, urgency=2))
    assert answered.degraded == (stage,)
    assert answered.body["degraded"] == [stage]
    assert answered.body["decision"]["route"] == "review"
    assert answered.body["decision"]["reasons"] == ["degraded"]
    assert answered.body["lead_department"]["code"] == "CGJ"
    assert TEXT not in caplog.text


def test_without_a_router_the_network_names_the_lead(engine: Engine) -> None:
    class Broken:
        def route(self, _report: Report, _prediction: Prediction) -> RoutingDecision:
            raise ValueError("broken")

    answered = replace(engine, router=Broken()).consider(Report(text=TEXT), sharpened(engine, lead=4))
    assert answered.body["lead_department"]["code"] == engine.bundle.department_labels[4]
    assert answered.body["degraded"] == ["router"]


def test_missing_needs_rules_and_network_and_a_kind_that_can_lack_something(engine: Engine) -> None:
    report = Report(text="有人一直在乱收费")

    def missing(kind: str, doubt: float) -> list[str]:
        prediction = replace(sharpened(engine, kind=KINDS.index(kind)),
                             missing=np.full(4, doubt, dtype=np.float32))
        return list(engine.consider(report, prediction).body["elements"]["missing"])

    assert "place" in missing("投诉", 0.9)
    assert missing("投诉", 0.1) == []
    assert missing("咨询", 0.9) == []


def test_due_is_null_where_the_receipt_is_unknown(engine: Engine) -> None:
    prediction = sharpened(engine, kind=KINDS.index("投诉"), category=0)
    unknown = engine.consider(Report(text=TEXT), prediction).body["deadlines"]
    known = engine.consider(Report(text=TEXT, received_at=datetime(2026, 1, 5, tzinfo=UTC)), prediction).body
    assert unknown
    assert all(one["due"] is None and one["note"] for one in unknown)
    assert any(one["due"] for one in known["deadlines"])


def test_danger_words_are_only_those_of_the_text() -> None:
    assert danger_reasons("楼道天然气泄漏，有人被困，天然气泄漏很严重") == ["gas_leak:天然气泄漏", "trapped:被困"]
    assert danger_reasons("路灯不亮") == []


@pytest.mark.parametrize(("region", "other", "same"), [
    ("430102", "430105", True), ("430102", "430202", False), ("430100", "430102", True), (None, "430102", True),
    ("430000", "430102", True), ("430000", "440102", False), ("440102", "430000", False)])
def test_same_city(region: str | None, other: str | None, same: bool) -> None:
    assert same_city(region, other) is same
