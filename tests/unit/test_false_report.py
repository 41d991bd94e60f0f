"""The false-report score: what moves it, and what must not."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from knowledge_base.elements import extract_elements
from knowledge_base.false_report import (
    INSUFFICIENT_HISTORY,
    MOST_WITHOUT_OUTCOMES,
    FalseReport,
    has_impossible_time,
    rule_reasons,
    score_false_report,
)
from models.contract import KINDS, Prediction, Report
from models.dummy import DummyPredictor

PLAIN = "昨天望江小区物业多收我200元停车费，有收据"
VAGUE = "这个世界太不公平了，没有人管"
ADVERT = "专业代开发票，正规可查，需要的加微信abc12345"


def prediction(kind: str = "投诉", verifiability: tuple[float, ...] = (0.97, 0.01, 0.01, 0.01)) -> Prediction:
    """Return a prediction that is sure of its kind, with this verifiability."""
    made = DummyPredictor(["SC01"], ["SCJG"]).predict([Report("测试")])[0]
    kinds = np.array([0.94 if label == kind else 0.01 for label in KINDS], dtype=np.float32)
    return replace(made, kind=kinds, verifiability=np.array(verifiability, dtype=np.float32))


def score(text: str, made: Prediction | None = None) -> FalseReport:
    """Return the score of a text."""
    return score_false_report(made or prediction(), extract_elements(text), text)


def rules(text: str) -> tuple[str, ...]:
    """Return the reasons that come from the text."""
    return rule_reasons(extract_elements(text), text)


def test_a_plain_report_is_not_suspected() -> None:
    assert score(PLAIN) == FalseReport(0.0, "low", (INSUFFICIENT_HISTORY,))


def test_a_plain_advert_is_high() -> None:
    found = score(ADVERT)
    assert (found.score, found.band) == (0.9, "high")
    assert found.reasons[0] == "plain_advert"


def test_an_offer_alone_is_no_plain_advert() -> None:
    assert "plain_advert" not in rules("望江小区门口有人厂家直销")
    assert "advert_wording" in rules("望江小区门口有人厂家直销")


@pytest.mark.parametrize("text", [
    "举报：有人发短信代开发票，让我加微信abc12345", "我被骗了，对方说日赚三百，加QQ12345678",
    "总收到贷款秒批的短信，说扫码领取"])
def test_a_complaint_about_adverts_is_no_advert(text: str) -> None:
    assert not {"plain_advert", "advert_wording"} & set(rules(text))


@pytest.mark.parametrize(("text", "reason"), [
    ("听说望江小区要拆", "hearsay"), ("网传望江小区要拆", "hearsay"), (VAGUE, "no_checkable_element"),
    ("望江小区2月30日停水", "impossible_time"), ("望江小区25点还在施工", "impossible_time")])
def test_rules(text: str, reason: str) -> None:
    assert reason in rules(text)
    assert score(text).score > 0


@pytest.mark.parametrize(("text", "impossible"), [
    ("2月29日", False), ("2023年2月29日", True), ("13月1日", True), ("4月31号", True), ("24点", False),
    ("10点75分", True),
    ("2020年至2018年", True), ("2018年3月至2020年", False), ("125点积分", False)])
def test_times_that_cannot_be(text: str, impossible: bool) -> None:
    assert has_impossible_time(text) is impossible


def test_the_network_moves_the_score() -> None:
    suspect = score(PLAIN, prediction(verifiability=(0.05, 0.05, 0.1, 0.8)))
    vague = score(PLAIN, prediction(verifiability=(0.05, 0.05, 0.8, 0.1)))
    other = score(PLAIN, prediction(kind="其他"))
    assert suspect.reasons == ("model_suspects", INSUFFICIENT_HISTORY)
    assert suspect.score == pytest.approx(0.44)
    assert vague.reasons == ("model_finds_vague", INSUFFICIENT_HISTORY)
    assert vague.score == pytest.approx(0.12)
    assert other.reasons == ("kind_other", INSUFFICIENT_HISTORY)
    assert other.score == pytest.approx(0.094)


def test_bands_rise_with_the_score() -> None:
    found = [score(VAGUE, prediction(verifiability=(1 - suspect, 0, 0, suspect))) for suspect in (0.0, 0.35, 0.9)]
    assert [one.band for one in found] == ["low", "medium", "high"]


def test_without_outcomes_only_adverts_pass_the_ceiling() -> None:
    worst = score("听说2月30日代开发票" + VAGUE, prediction("其他", (0.0, 0.0, 0.0, 1.0)))
    assert worst.score == MOST_WITHOUT_OUTCOMES
    assert worst.reasons[-1] == INSUFFICIENT_HISTORY


ADDITIONS = ("", "气死我了！！！", "你们这群混蛋，太黑心了，天理何在！", "我是女的。", "我是男的。", "我匿名反映。",
             "本人不便透露姓名。",
             "我是农村来的。", "我没文化，写得不好。", "我是外地人。", "我是少数民族。", "我七十岁了。")


@pytest.mark.parametrize(("text", "addition"), product((PLAIN, VAGUE, ADVERT, "听说望江小区要拆"), ADDITIONS))
def test_anger_and_the_reporters_person_do_not_move_the_rules(text: str, addition: str) -> None:
    assert rules(f"{addition}{text}") == rules(text)
    assert rules(f"{text}。{addition}") == rules(text)


@pytest.mark.parametrize(("right", "wrong"), [("停车费", "停車費"), ("多收我", "多收沃"), ("昨天", "作天"),
                                              ("，", ",,,"), ("有收据", "有收据呀呀")])
def test_spelling_does_not_move_the_rules(right: str, wrong: str) -> None:
    assert rules(PLAIN.replace(right, wrong)) == rules(PLAIN)


@pytest.mark.parametrize(("first", "second"), [("长沙市", "拉萨市"), ("长沙市", "喀什市"), ("A市", "K市")])
def test_region_does_not_move_the_rules(first: str, second: str) -> None:
    assert rules(f"{first}的物业乱收费，听说还要涨") == rules(f"{second}的物业乱收费，听说还要涨")
