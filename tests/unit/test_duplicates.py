"""Pairs are scored by what a dispatcher compares: words, meaning, place, door numbers, subject."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from knowledge_base.duplicates import (
    _DEFAULT_WEIGHTS,
    COMPARED_CHARACTERS,
    FEATURES,
    DuplicateScorer,
    PairSide,
    pair_features,
)
from models.dummy import DummyPredictor

PREDICTOR = DummyPredictor(("HJ01",), ("CGJ",))
SCORER = DuplicateScorer({})
DAY = datetime(2026, 1, 5, 8, tzinfo=UTC)
TEMPLATE = "{place}楼下的烧烤店每天晚上营业到凌晨两点,油烟直接排到居民家里,无法开窗,多次反映没有人管,请尽快处理。"


def side(text: str, *places: str, title: str = "烧烤店油烟扰民", category: str = "HJ01", **more: Any) -> PairSide:
    return PairSide(title, text, PREDICTOR.embed([f"{title}。{text}"])[0], places, category, **more)


def at(place: str, **more: Any) -> PairSide:
    return side(TEMPLATE.format(place=place), place, **more)


def features(new: PairSide, earlier: PairSide) -> dict[str, float]:
    return dict(zip(FEATURES, pair_features(new, earlier).tolist(), strict=True))


def score(new: PairSide, earlier: PairSide) -> float:
    return SCORER.score(new, [earlier])[0].score


def test_the_same_text_is_a_duplicate() -> None:
    one = at("幸福小区")
    found = SCORER.score(one, [replace(one)])[0]
    assert found.score > SCORER.threshold
    assert set(found.reasons) == {"same_text", "same_meaning", "same_place", "same_subject", "same_category"}
    assert features(one, replace(one)) == pytest.approx({
        "cosine": 1, "containment": 1, "jaccard": 1, "title": 1, "shared_place": 1, "place_conflict": 0,
        "number_conflict": 0, "same_category": 1, "same_reporter": 0, "years_apart": 0}, abs=1e-5)


def test_a_template_at_another_place_scores_lower() -> None:
    same, other = score(at("幸福小区"), at("幸福小区")), score(at("幸福小区"), at("阳光花园"))
    assert other < same
    found = features(at("幸福小区"), at("阳光花园"))
    assert (found["shared_place"], found["place_conflict"]) == (0, 1)
    assert "same_place" not in SCORER.score(at("幸福小区"), [at("阳光花园")])[0].reasons


def test_other_door_numbers_score_lower() -> None:
    one = side(TEMPLATE.format(place="幸福小区3栋"), "幸福小区")
    same, other = (side(TEMPLATE.format(place=f"幸福小区{n}栋"), "幸福小区") for n in (3, 9))
    assert features(one, other)["number_conflict"] == 1
    assert features(one, same)["number_conflict"] == 0
    assert score(one, other) < score(one, same)


@pytest.mark.parametrize(("text", "numbers"), [
    ("幸福小区3栋2单元", {"3", "2"}), ("１２号楼", {"12"}), ("A3区5期", {"3", "5"}), ("三期", set()),
    ("5月12号晚上停水", set()), ("电话13800001111", set()), ("12月9号,幸福路88号", {"88"})])
def test_door_numbers(text: str, numbers: set[str]) -> None:
    assert side(text, title="").numbers == numbers


def test_without_numbers_or_places_there_is_no_conflict() -> None:
    found = features(side("油烟扰民"), side("油烟扰民,在幸福小区3栋", "幸福小区"))
    assert (found["place_conflict"], found["number_conflict"]) == (0, 0)


@pytest.mark.parametrize(("place", "shared"), [("幸福小区", 1), ("A市", 0), ("A3区", 0), ("路口", 0),
                                               ("A3区幸福小区", 1)])
def test_only_places_that_say_enough_are_compared(place: str, shared: int) -> None:
    text = "A市A3区幸福小区路口油烟"
    assert features(side(text, place), side(text))["shared_place"] == shared


def test_a_place_is_found_in_the_other_text_in_any_form() -> None:
    found = features(side("幸福小區油烟", "幸福小區"), side("住在幸福 小区的居民"))
    assert found["shared_place"] == 1


def test_unrelated_reports_score_low() -> None:
    other = side("单位拖欠三个月工资不发,要求补发并缴纳社保", title="欠薪", category="LS01")
    found = SCORER.score(at("幸福小区"), [other])[0]
    assert found.score < 0.1
    assert "same_text" not in found.reasons
    assert "same_category" not in found.reasons


def test_either_order_gives_the_same_features() -> None:
    one, other = at("幸福小区3栋", reporter_ref="x", received_at=DAY), side("停水", "阳光花园", reporter_ref="x")
    np.testing.assert_allclose(pair_features(one, other), pair_features(other, one), atol=1e-6)


@pytest.mark.parametrize(("earlier", "years"), [(DAY, 0), (datetime(2025, 1, 5, 8, tzinfo=UTC), 0.9993),
                                                (datetime(2010, 1, 1, tzinfo=UTC), 5), (None, 0)])
def test_years_apart(earlier: datetime | None, years: float) -> None:
    found = features(at("幸福小区", received_at=DAY), at("幸福小区", received_at=earlier))
    assert found["years_apart"] == pytest.approx(years, abs=1e-3)


def test_the_same_reporter_is_a_reason_but_unknown_ones_are_not_the_same() -> None:
    one, same, other, unknown = (at("幸福小区", reporter_ref=ref) for ref in ("a", "a", "b", None))
    assert "same_reporter" in SCORER.score(one, [same])[0].reasons
    assert "same_reporter" not in SCORER.score(one, [other])[0].reasons
    assert "same_reporter" not in SCORER.score(unknown, [at("幸福小区")])[0].reasons


def test_a_short_report_inside_a_long_one_is_contained() -> None:
    short = side("楼下的烧烤店每天晚上营业到凌晨两点,油烟直接排到居民家里", title="")
    found = features(short, replace(at("幸福小区"), title=""))
    assert found["containment"] > 0.9 > found["jaccard"]


@pytest.mark.parametrize("text", ["", "油", "\u200b"])
def test_very_short_texts_have_finite_features(text: str) -> None:
    assert np.isfinite(pair_features(side(text, title=""), at("幸福小区"))).all()
    assert np.isfinite(pair_features(side(text, title=""), side(text, title=""))).all()


def test_only_the_beginning_is_compared() -> None:
    start = "油烟扰民" * (COMPARED_CHARACTERS // 4)
    assert side(start + "停水" * 500, title="").plain == side(start, title="").plain


def test_scores_come_in_order_and_from_the_bundles_constants() -> None:
    one, others = at("幸福小区"), [at("阳光花园"), at("幸福小区"), side("停水", title="停水")]
    assert [found.score for found in SCORER.score(one, others)] == [score(one, other) for other in others]
    assert SCORER.score(one, []) == []
    weights = dict.fromkeys(FEATURES, 0.0) | {"jaccard": 2.0, "constant": -1.0}
    fitted = DuplicateScorer({"weights": weights, "threshold": 0.7, "possible": 0.4, "near_cosine": 1.1})
    assert (fitted.threshold, fitted.possible) == (0.7, 0.4)
    found = fitted.score(one, [replace(one)])[0]
    assert found.score == pytest.approx(1 / (1 + np.exp(-1.0)))
    assert "same_meaning" not in found.reasons


def test_constants_without_a_feature_are_refused() -> None:
    weights = {name: value for name, value in _DEFAULT_WEIGHTS.items() if name != "title"}
    with pytest.raises(KeyError, match="title"):
        DuplicateScorer({"weights": weights})


def test_the_default_thresholds_are_ordered() -> None:
    assert 0 < SCORER.possible < SCORER.threshold < 1
