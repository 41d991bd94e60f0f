"""The false-report score: what moves it, and what must not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import numpy as np
import pytest

from knowledge_base import behaviour
from knowledge_base.elements import extract_elements
from knowledge_base.false_report import (
    HIGH_FROM,
    INSUFFICIENT_HISTORY,
    MOST_WITHOUT_OUTCOMES,
    Circumstances,
    FalseReport,
    score_false_report,
    weigh,
)
from knowledge_base.false_report_weights import Weights, read_weights
from knowledge_base.text_signals import contradicts_itself, has_impossible_time, rule_signals
from models.contract import KINDS, Prediction, Report
from models.dummy import DummyPredictor
from models.text import normalise

PLAIN = "昨天望江小区物业多收我200元停车费，有收据"
VAGUE = "这个世界太不公平了，没有人管"
ADVERT = "专业代开发票，正规可查，需要的加微信abc12345"


def prediction(kind: str = "投诉", verifiability: tuple[float, ...] = (0.97, 0.01, 0.01, 0.01)) -> Prediction:
    """Return a prediction that is sure of its kind, with this verifiability."""
    made = DummyPredictor(["SC01"], ["SCJG"]).predict([Report("测试")])[0]
    kinds = np.array([0.94 if label == kind else 0.01 for label in KINDS], dtype=np.float32)
    return replace(made, kind=kinds, verifiability=np.array(verifiability, dtype=np.float32))


def score(text: str, made: Prediction | None = None, known: Circumstances | None = None) -> FalseReport:
    """Return the score of a text."""
    return score_false_report(made or prediction(), extract_elements(text), normalise(text).text, known)


def rules(text: str) -> set[str]:
    """Return the reasons that come from the text."""
    return {code for code, strength in rule_signals(normalise(text).text, extract_elements(text)).items() if strength}


def test_a_plain_report_is_not_suspected() -> None:
    assert score(PLAIN) == FalseReport(0.0399, "low", (INSUFFICIENT_HISTORY,))


def test_a_plain_advert_is_high() -> None:
    found = score(ADVERT)
    assert found.score == pytest.approx(0.9, abs=0.01)
    assert found.band == "high"
    assert found.reasons[0] == "plain_advert"


def test_an_offer_alone_is_no_plain_advert() -> None:
    assert "plain_advert" not in rules("望江小区门口有人厂家直销")
    assert "advert_wording" in rules("望江小区门口有人厂家直销")


@pytest.mark.parametrize("text", [
    "举报：有人发短信代开发票，让我加微信abc12345", "我被骗了，对方说日赚三百，加QQ12345678",
    "总收到贷款秒批的短信，说扫码领取"])
def test_a_complaint_about_adverts_is_no_advert(text: str) -> None:
    assert not {"plain_advert", "advert_wording"} & rules(text)


@pytest.mark.parametrize(("text", "reason"), [
    ("听说望江小区要拆", "hearsay"), ("网传望江小区要拆", "hearsay"), (VAGUE, "no_checkable_element"),
    ("望江小区2月30日停水", "impossible_time"), ("望江小区25点还在施工", "impossible_time")])
def test_rules(text: str, reason: str) -> None:
    assert reason in rules(text)
    assert score(text).score > score(PLAIN).score


@pytest.mark.parametrize(("text", "impossible"), [
    ("2月29日", False), ("2023年2月29日", True), ("13月1日", True), ("4月31号", True), ("24点", False),
    ("10点75分", True), ("125点积分", False)])
def test_times_that_cannot_be(text: str, impossible: bool) -> None:
    assert has_impossible_time(text) is impossible


@pytest.mark.parametrize(("text", "contradicts"), [
    ("2020年至2018年", True), ("2018年3月至2020年", False), ("2019年5月至2019年3月停水", True),
    ("共3人受伤，其中5人重伤", True), ("共5人受伤，其中3人重伤", False),
    ("2025年6月20日（星期一）停电", True), ("2025年6月20日（星期五）停电", False), ("6月20日星期一", False)])
def test_contradictions(text: str, contradicts: bool) -> None:
    assert contradicts_itself(normalise(text).text) is contradicts


@pytest.mark.parametrize(("text", "impossible"), [
    ("2026年5月1日望江小区停水", True), ("计划于2026年5月1日交房", False), ("2026年5月1日前整改", False),
    ("2026年1月9日望江小区停水", False)])
def test_a_past_day_after_receipt_cannot_be(text: str, impossible: bool) -> None:
    assert has_impossible_time(text, date(2026, 1, 10)) is impossible


def test_the_network_moves_the_score() -> None:
    suspect = score(PLAIN, prediction(verifiability=(0.05, 0.05, 0.1, 0.8)))
    vague = score(PLAIN, prediction(verifiability=(0.05, 0.05, 0.8, 0.1)))
    other = score(PLAIN, prediction(kind="其他"))
    for found, reason in ((suspect, "model_suspects"), (vague, "model_finds_vague"), (other, "kind_other")):
        assert found.reasons == (reason, INSUFFICIENT_HISTORY)
        assert found.score > score(PLAIN).score
    assert suspect.score > vague.score


@pytest.mark.parametrize("kind", ["咨询", "建议", "表扬"])
def test_who_claims_nothing_need_prove_nothing(kind: str) -> None:
    assert score("听说有新的政策", prediction(kind)).reasons == (INSUFFICIENT_HISTORY,)


def test_a_report_worded_like_a_rumour_says_so() -> None:
    rumour = "网传央视曝光惊人内幕，据说警方已经证实有婴儿死亡，真相被隐瞒，请大家注意，求证，求扩散转发！" * 2
    assert "rumour_wording" in score(rumour).reasons
    assert "rumour_wording" not in score(PLAIN).reasons


def test_bands_rise_with_the_score() -> None:
    found = [score(VAGUE, prediction(verifiability=(1 - suspect, 0, 0, suspect))) for suspect in (0.0, 0.6, 0.95)]
    assert [one.band for one in found] == ["low", "medium", "high"]


def test_without_outcomes_only_adverts_pass_the_ceiling() -> None:
    worst = score("听说2月30日代开发票" + VAGUE, prediction("其他", (0.0, 0.0, 0.0, 1.0)))
    assert worst.score == MOST_WITHOUT_OUTCOMES
    assert worst.reasons[-1] == INSUFFICIENT_HISTORY


def test_behaviour_alone_is_never_high_without_outcomes() -> None:
    everything = dict.fromkeys(behaviour.CODES, 1.0)
    prior = read_weights()
    assert weigh(everything, prior).score < HIGH_FROM
    assert weigh(everything, prior).band == "medium"
    learned = Weights(prior.bias, prior.by_code, outcomes=500, unfounded=70)
    assert weigh(everything, learned).band == "high"
    assert INSUFFICIENT_HISTORY not in weigh(everything, learned).reasons


@pytest.mark.parametrize("code", behaviour.CODES)
def test_each_sign_of_behaviour_alone_asks_at_most_for_attention(code: str) -> None:
    found = score(PLAIN, known=Circumstances({code: 1.0}))
    assert found.reasons == (code, INSUFFICIENT_HISTORY)
    assert score(PLAIN).score < found.score < HIGH_FROM


def test_no_signal_lowers_the_score() -> None:
    prior = read_weights()
    assert all(weigh({code: 1.0}, prior).score >= weigh({}, prior).score for code in prior.by_code)


ADDITIONS = ("", "气死我了！！！", "你们这群混蛋，太黑心了，天理何在！", "我是女的。", "我是男的。", "我匿名反映。",
             "本人不便透露姓名。",
             "我是农村来的。", "我没文化，写得不好。", "我是外地人。", "我是少数民族。", "我七十岁了。")


def moved(one: str, other: str) -> float:
    """Return how far two texts' scores lie apart, what the network says being equal."""
    return abs(score(one).score - score(other).score)


TOLERANCE = 0.02
LONG = ("望江小区3栋业主反映，小区物业公司从去年5月起擅自把停车费由每月200元涨到400元，没有公示也没有征求业主意见，"
        "先生去物业办公室问，工作人员说是公司规定，不交就不给开门禁，我们有缴费收据和录音，请物价部门核查处理并答复。")


@pytest.mark.parametrize(("text", "addition"),
                         list(product((PLAIN, VAGUE, ADVERT, LONG, "听说望江小区要拆"), ADDITIONS)))
def test_anger_and_the_reporters_person_do_not_move_the_score(text: str, addition: str) -> None:
    for changed in (f"{addition}{text}", f"{text}。{addition}"):
        assert rules(changed) == rules(text)
        assert moved(changed, text) <= TOLERANCE


@pytest.mark.parametrize(("right", "wrong"), [("停车费", "停車費"), ("多收我", "多收沃"), ("昨天", "作天"),
                                              ("，", ",,,"), ("有收据", "有收据呀呀"), ("的", "得"), ("没有", "冇得"),
                                              ("我们", "俺们"), ("。", "！！！"), ("先生", "女士"), ("答复", "达复")])
def test_spelling_dialect_and_sex_do_not_move_the_score(right: str, wrong: str) -> None:
    for text in (PLAIN, LONG, LONG + PLAIN):
        assert rules(text.replace(right, wrong)) == rules(text)
        assert moved(text.replace(right, wrong), text) <= TOLERANCE


@pytest.mark.parametrize(("first", "second"), [("长沙市", "拉萨市"), ("长沙市", "喀什市"), ("A市", "K市"),
                                               ("河南", "上海"), ("新疆", "广东")])
def test_region_does_not_move_the_score(first: str, second: str) -> None:
    for text in ("{}的物业乱收费，听说还要涨", "我从{}来，" + LONG):
        assert rules(text.format(first)) == rules(text.format(second))
        assert moved(text.format(first), text.format(second)) <= TOLERANCE
