"""The router joins network, duties and catalogue; departments that the network never saw can win."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.index import open_duty_index
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, load_knowledge_base
from knowledge_base.router import CO_FEATURES, LEAD_FEATURES, Router
from models.contract import HEAD_SIZES, FloatArray, Prediction, Report
from models.dummy import DummyPredictor
from models.tokens import READ_CHARACTERS
from tests.unit.small_knowledge import CATEGORIES, KNOWN, NEW, SMALL, flat, make_router, predict

WEIGHTS = {"lead": {"head": 0.8, "catalogue": 0.5, "dense": 1.5, "lexical": 1.5},
           "co": {"head": 1.0, "usual": 0.5, "dense": 1.0, "lead": -1.0, "constant": -0.5}}


def sharp(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float32)


def test_features_are_what_they_are_called() -> None:
    router = make_router()
    text = "楼下烧烤店油烟往家里灌"
    features = router.features(predict(text, lead=sharp(0.7, 0.2, 0.1), category=sharp(1, 0, 0)), text)
    assert router.department_codes == (*KNOWN, NEW)
    assert features.lead.shape == (4, len(LEAD_FEATURES))
    assert features.co.shape == (4, len(CO_FEATURES))
    head, catalogue, dense, lexical, scenario, named = features.lead.T
    np.testing.assert_allclose(np.exp(head), [0.7, 0.2, 0.1, 1e-4], rtol=1e-5)  # of no nearer duty: the floor
    np.testing.assert_allclose(np.exp(catalogue), [0.25, 0.75, 3e-3, 3e-3], rtol=1e-4)
    assert dense[0] == pytest.approx(1.0, abs=2.0**-11)  # duty embeddings are kept as float16
    assert int(lexical.argmax()) == 0
    np.testing.assert_allclose(features.co[:, 2], dense)
    np.testing.assert_allclose(features.co[:, CO_FEATURES.index("constant")], 1.0)
    assert not scenario.any()
    assert not named.any()


def test_label_counts_outweigh_the_catalogue() -> None:
    counts = {"lead_counts": {"HJ01": {"CGJ": 96.0, "GONE": 7.0}}, "co_counts": {"HJ01": {"": 17.0, "GSGS": 9.0}}}
    category = sharp(1, 0, 0)
    features = make_router(counts).features(predict("", category=category), "")
    np.testing.assert_allclose(np.exp(features.lead[:2, 1]), [0.97, 0.03], rtol=1e-4)
    assert 1 / (1 + np.exp(-features.co[2, 1])) == pytest.approx((9 + 1) / (17 + 3), rel=1e-4)


@pytest.mark.parametrize("text", ["楼下烧烤店油烟", "停水", "", "无关"])
def test_probabilities_sum_to_one(text: str) -> None:
    router = make_router(WEIGHTS)
    features = router.features(predict(text), text)
    probabilities = router.lead_probabilities(features)
    assert probabilities.shape == (4,)
    assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
    helpers = router.co_probabilities(features)
    assert np.all((helpers > 0) & (helpers < 1))
    leads = router.route(Report(text=text), predict(text)).leads
    assert [one.probability for one in leads] == sorted((one.probability for one in leads), reverse=True)
    assert sum(one.probability for one in leads) == pytest.approx(1.0, abs=1e-5)


def test_the_conditional_logit_by_hand() -> None:
    router = make_router(WEIGHTS)
    features = router.features(predict("停水"), "停水")
    scores = np.exp(features.lead[:, :4] @ np.array([0.8, 0.5, 1.5, 1.5]))
    np.testing.assert_allclose(router.lead_probabilities(features), scores / scores.sum(), rtol=1e-4)


def test_a_route_explains_itself() -> None:
    text = "化工厂半夜偷排刺鼻废气"
    prediction = predict(text, lead=sharp(0.1, 0.8, 0.1), category=sharp(1, 0, 0), co=sharp(0.9, 0.9, 0.6),
                         territory=sharp(0.8, 0.1, 0.7))
    route = make_router(WEIGHTS | {"co_threshold": 0.1}).route(Report(text=text), prediction)
    assert route.lead.label == "STHJ"
    assert route.evidence[0].duty_id == "STHJ-01"
    assert {match.department for match in route.evidence} == {"STHJ"}
    assert route.evidence[0].basis == "某法 第一条"
    helpers = {one.code: one for one in route.co_departments}
    assert "STHJ" not in helpers
    assert "派单目录：“生态环境·大气污染”通常请其协办" in helpers["GSGS"].reason
    assert "CGJ-0" in helpers["CGJ"].reason
    assert "派单目录" not in helpers["CGJ"].reason
    assert route.territory_probability == pytest.approx(0.8)
    assert route.territory_level == "county"


@pytest.mark.parametrize(("territory", "level"), [((0.49, 0.9, 0.1), None), ((0.5, 0.4, 0.4), "street"),
                                                  ((0.9, 0.1, 0.2), "county")])
def test_territory(territory: tuple[float, float, float], level: str | None) -> None:
    route = make_router().route(Report(text="停水"), predict("停水", territory=sharp(*territory)))
    assert route.territory_level == level


def test_helpers_need_the_threshold_and_are_three_at_most() -> None:
    prediction = predict("停水", co=sharp(0.99, 0.99, 0.99))
    assert make_router(WEIGHTS | {"co_threshold": 0.999}).route(Report(text="停水"), prediction).co_departments == ()
    many = make_router(WEIGHTS | {"co_threshold": 0.0}).route(Report(text="停水"), prediction).co_departments
    assert len(many) == 3
    assert [one.probability for one in many] == sorted((one.probability for one in many), reverse=True)


def test_what_lies_beyond_the_read_part_changes_nothing() -> None:
    """Weights were fitted on the characters that the network reads, so the words compared are the same ones."""
    start = "停水两天了" * (READ_CHARACTERS // 5)
    short, long = (make_router(WEIGHTS).route(Report(text=text), predict(start)) for text in
                   (start, start + "化工厂半夜偷排刺鼻废气" * 900))
    assert long == short


@pytest.mark.parametrize("text", ["楼下烧烤店油烟往家里灌", "化工厂半夜偷排刺鼻废气", "家里停水两天了"])
def test_an_unseen_department_does_not_win_what_is_not_its_duty(text: str) -> None:
    assert make_router(WEIGHTS).route(Report(text=text), predict(text)).lead.label != NEW


def test_a_sure_network_outweighs_an_unseen_department() -> None:
    text = "加油站避雷针断了没人检测,加油站避雷针"
    sure = predict(text, lead=sharp(0.998, 0.001, 0.001), category=sharp(0, 0, 1))
    assert make_router(WEIGHTS).route(Report(text=text), sure).lead.label == "CGJ"


class UndecidedPredictor(DummyPredictor):
    """A network that knows no better than chance."""

    def _predict_one(self, text: str) -> Prediction:
        sizes = {**HEAD_SIZES, "category": len(self.category_labels), "lead": len(self.department_labels)}
        names = ("category", "kind", "urgency", "lead", "territory", "verifiability", "xinfang", "missing")
        return Prediction(**{name: flat(sizes[name]) for name in names}, keywords=(),
                          co=flat(len(self.department_labels)),
                          embedding=self.embed([text])[0])


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    """The shipped knowledge base with one department more, as an office would add it."""
    folder = Path(shutil.copytree(DEFAULT_FOLDER, tmp_path_factory.mktemp("kb") / "data"))
    with (folder / "departments.tsv").open("a", encoding="utf-8") as stream:
        stream.write("HYJ\t海洋渔政部门\t海域使用、渔港与渔船管理\n")
    (folder / "duties" / "HYJ.yaml").write_text("""department: HYJ
aliases: [海洋局]
history: 测试用。
duties:
- id: HYJ-01
  text: 查处渔港内渔船违规停靠和无证海钓船载客出海。
  level: county
  categories: [JT05]
  basis: []
  basis_note: 地方性法规
  incidents: [渔港里的海钓船没有证还天天载客出海, 渔船乱停把渔港航道堵死]
  not_ours: []
""", encoding="utf-8")
    return load_knowledge_base(folder)


def test_a_department_added_to_the_shipped_knowledge_base_wins(extended: KnowledgeBase) -> None:
    known = tuple(code for code in extended.department_codes if code != "HYJ")
    predictor = UndecidedPredictor(extended.taxonomy.codes, known)
    router = Router(extended, predictor.category_labels, known, open_duty_index(extended, predictor, "model", []), {})
    for text in ("渔港里的海钓船没有证还天天载客出海", "渔船乱停把渔港航道堵死了,请处理"):
        report = Report(text=text)
        route = router.route(report, predictor.predict([report])[0])
        assert route.lead.label == "HYJ"
        assert route.evidence[0].duty_id == "HYJ-01"
    for text in ("楼下烧烤店油烟扰民", "家里停水两天了", "老板拖欠工资不给", "小区路灯坏了"):
        assert router.route(Report(text=text), predictor.predict([Report(text=text)])[0]).lead.label != "HYJ"


def test_without_its_duties_the_added_department_does_not_win(extended: KnowledgeBase) -> None:
    known = tuple(code for code in extended.department_codes if code != "HYJ")
    bare = replace(extended, departments=tuple(replace(one, duties=()) if one.code == "HYJ" else one
                                               for one in extended.departments))
    predictor = UndecidedPredictor(bare.taxonomy.codes, known)
    router = Router(bare, predictor.category_labels, known, open_duty_index(bare, predictor, "model", []), {})
    report = Report(text="渔港里的海钓船没有证还天天载客出海")
    assert router.route(report, predictor.predict([report])[0]).lead.label != "HYJ"


def test_small_and_shipped_have_the_same_shape(knowledge_base: KnowledgeBase) -> None:
    assert set(CATEGORIES) <= set(knowledge_base.taxonomy.codes)
    assert set(KNOWN) <= set(knowledge_base.department_codes)
    assert SMALL.department(NEW).code not in knowledge_base.department_codes
