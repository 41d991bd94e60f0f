"""Signals of how reports come: each attack is named, ordinary traffic and a reporter's person are not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from evaluation.attacks import KINDS, Attack
from knowledge_base.behaviour import RecentReports, trace_of
from knowledge_base.deadlines import CHINA
from knowledge_base.near_copies import ALIKE_FROM, equal_places, signature
from models.contract import Report

START = datetime(2026, 3, 2, 10, tzinfo=CHINA)
EXPECTED = {"copy_burst": "burst_of_copies", "copy_campaign": "copies_elsewhere", "one_against_one": "one_against_one",
            "many_places": "many_places", "flood": "reporter_flood", "night_flood": "night_flood",
            "known_reporter": "reporter_unfounded", "warmed_up_copy": "copy_of_unfounded"}
TEXT = "望江小区3栋楼下的烧烤店每天晚上油烟很大，关着窗户都呛人，已向物业反映多次没有结果，请尽快派人核查处理。"


def signals_of(attack: Attack, **changes: object) -> dict[str, float]:
    """Return the signals of the last report of an attack."""
    recent = RecentReports()
    for sequence, one in enumerate(attack.sent, 1):
        report = replace(one.report, **changes)  # type: ignore[arg-type]
        assert report.received_at is not None
        trace = trace_of(report, one.subjects, report.received_at, sequence)
        found = recent.signals(trace)
        recent.add(trace)
        if one.outcome:
            recent.judge(sequence, report.reporter_ref, unfounded=one.outcome == "unfounded")
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_attack_is_named(kind: str) -> None:
    attack = KINDS[kind](np.random.default_rng(3), START, "someone")
    assert signals_of(attack)[EXPECTED[kind]] > 0


@pytest.mark.parametrize("kind", KINDS)
def test_being_marked_anonymous_changes_nothing(kind: str) -> None:
    attack = KINDS[kind](np.random.default_rng(3), START, "someone")
    assert signals_of(attack, anonymous=True) == signals_of(attack)


@pytest.mark.parametrize("kind", KINDS)
def test_which_region_it_is_changes_nothing(kind: str) -> None:
    attack = KINDS[kind](np.random.default_rng(3), START, "someone")
    elsewhere = replace(attack, sent=tuple(
        replace(one, report=replace(one.report, region=f"65{str(one.report.region)[2:]}")) for one in attack.sent))
    assert signals_of(elsewhere) == signals_of(attack)


def test_a_first_report_and_a_follow_up_are_not_suspected() -> None:
    recent, report = RecentReports(), Report(TEXT, "a", region="430102", reporter_ref="p")
    assert recent.signals(trace_of(report, ["望江烧烤店"], START)) == {}
    recent.add(trace_of(report, ["望江烧烤店"], START, 1))
    again = trace_of(replace(report, id="b"), ["望江烧烤店"], START + timedelta(days=9), 2)
    assert recent.signals(again) == {}


def test_the_same_report_again_is_not_compared_with_itself() -> None:
    recent, trace = RecentReports(), trace_of(Report(TEXT, "a", reporter_ref="p"), [], START, 1)
    for _ in range(30):
        recent.add(trace)
    assert recent.signals(trace) == {}


def test_one_unfounded_report_is_held_against_nobody() -> None:
    recent = RecentReports()
    recent.judge(1, "p", unfounded=True)
    assert recent.signals(trace_of(Report(TEXT, "b", reporter_ref="p"), [], START)) == {}
    recent.judge(2, "p", unfounded=True)
    few = recent.signals(trace_of(Report(TEXT, "b", reporter_ref="p"), [], START))["reporter_unfounded"]
    for number in range(3, 9):
        recent.judge(number, "p", unfounded=True)
    many = recent.signals(trace_of(Report(TEXT, "b", reporter_ref="p"), [], START))["reporter_unfounded"]
    assert 0 < few < many < 1


def test_a_finding_that_is_corrected_no_longer_counts() -> None:
    recent = RecentReports()
    for number in range(4):
        recent.judge(number, "p", unfounded=True)
    for number in range(4):
        recent.judge(number, "p", unfounded=False, before=True)
    assert recent.signals(trace_of(Report(TEXT, "b", reporter_ref="p"), [], START)) == {}


def test_the_oldest_reports_give_way() -> None:
    recent = RecentReports(capacity=4)
    for number in range(20):
        recent.add(trace_of(Report(TEXT, f"r-{number}", reporter_ref=f"p-{number}"), [], START, number))
    assert len(recent) == 4
    assert "burst_of_copies" not in recent.signals(trace_of(Report(TEXT, "x"), [], START))


def test_copies_are_told_from_other_texts() -> None:
    first, copy = signature(TEXT), signature(TEXT.replace("望江小区3栋", "滨河花园12栋").replace("，", " "))
    other = signature("村里的自来水停了两天，找了村委会和水厂都说不归他们管，老人孩子没有水喝，"
                      "请帮忙协调尽快恢复供水。")
    assert first is not None
    assert copy is not None
    assert other is not None
    assert equal_places(first, copy) >= ALIKE_FROM > equal_places(first, other)
    assert signature("路灯不亮") is None
