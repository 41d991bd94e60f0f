"""The review desk in a browser: twenty real-looking reports by keyboard alone, and every action of the desk."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.end_to_end.conftest import NARROW, Desk, sent

CASES = 20
MEDIAN_UNDER_S = 6.0
LABELS = {"kind", "category", "urgency", "lead_department", "co_departments"}

Opener = Callable[..., Desk]


def standing(desk: Desk, report_id: str) -> dict[str, tuple[str, Any]]:
    """Return entry and value of the last correction of each field."""
    return {made["field"]: (made["entry"], made["value"]) for made in desk.stored(report_id)["corrections"]}


def other_urgency(desk: Desk, report_id: str) -> int:
    level: int = desk.stored(report_id)["prediction"]["urgency"]["level"]
    return level % 4 + 1


def act(desk: Desk, number: int, report_id: str) -> dict[str, Any]:
    """Correct a report by keyboard, each in its turn another way; return what must be stored."""
    turn = number % 5
    if turn == 1:
        desk.choose("c", "CG02")
        return {"category": "CG02"}
    if turn == 2:
        level = other_urgency(desk, report_id)
        desk.press(str(level))
        desk.choose("z", "民政")
        return {"urgency": level, "lead_department": "MZJ"}
    if turn == 3:
        desk.press("x")
        desk.page.wait_for_selector("#picker[open]")
        while desk.page.locator("#picker-chosen button").count():
            desk.press("Shift+Tab", "Enter")
        for name in ("STHJ", "CGJ"):
            desk.page.keyboard.type(name)
            desk.press("Enter")
        desk.press("Enter", "r")
        desk.page.keyboard.type("需两家配合")
        desk.press("Enter")
        return {"co_departments": ["STHJ", "CGJ"]}
    if turn == 4:
        desk.press("b")
        desk.choose("v", "咨询")
        return {"false_report": True, "kind": "咨询"}
    return {}


def test_twenty_reports_by_keyboard_alone(desk_of: Opener) -> None:
    desk = desk_of()
    desk.open_review()
    took, seen = [], []
    report_id = desk.shown()
    for number in range(CASES):
        started = time.perf_counter()
        expected = act(desk, number, report_id)
        following = desk.accept()
        took.append(time.perf_counter() - started)
        found = standing(desk, report_id)
        assert found.keys() >= LABELS
        prediction = desk.stored(report_id)["prediction"]
        for field, value in expected.items():
            assert found[field][1] == value, (report_id, field)
        if not expected:
            assert {entry for entry, _ in found.values()} == {"confirmed"}
            assert found["category"][1] == prediction["category"]["code"]
        seen.append(report_id)
        report_id = following
    assert len(set(seen)) == CASES, "a report came twice"
    assert statistics.median(took) < MEDIAN_UNDER_S
    desk.press("t")
    desk.page.wait_for_function("() => document.getElementById('statistics-body').textContent.includes('今日已复核')")


def test_undo_brings_back_the_report_and_what_was_set(desk_of: Opener) -> None:
    desk = desk_of()
    desk.open_review()
    report_id = desk.shown()
    desk.choose("c", "GA01")
    desk.choose("c", "HJ02")
    desk.press("u")
    desk.status("已撤销一步")
    assert "GA01" in desk.page.inner_text("#prediction-body ins")
    desk.accept()
    assert standing(desk, report_id)["category"] == ("corrected", "GA01")
    desk.press("u")
    desk.status("已撤销：")
    assert desk.now() == report_id
    assert {entry for entry, _ in standing(desk, report_id).values()} == {"undone"}
    assert "GA01" in desk.page.inner_text("#prediction-body ins"), "the correction must be typed again"


def test_drafts_outlive_a_reload(desk_of: Opener) -> None:
    desk = desk_of()
    desk.open_review()
    report_id = desk.shown()
    desk.choose("z", "STHJ")
    desk.page.reload()
    desk.shown()
    assert desk.now() == report_id
    assert "生态环境" in desk.page.inner_text("#prediction-body ins")
    desk.press("u")
    assert desk.page.locator("#prediction-body ins").count() == 0


def test_duplicates_stand_side_by_side_and_are_judged(desk_of: Opener) -> None:
    desk = desk_of()
    text = "望江路12号门口的路灯坏了五天，晚上走路看不见，请尽快派人维修。"
    sent(desk.service, {"id": "LAMP-1", "title": "路灯不亮", "text": text})
    sent(desk.service, {"id": "LAMP-2", "title": "路灯不亮", "text": text.replace("五天", "一周") + "还有井盖松动。"})
    desk.open_review("recent")
    desk.go_to("LAMP-2")
    desk.page.wait_for_selector("#duplicates .sides")
    sides = desk.page.locator("#duplicates .side")
    assert sides.count() == 2
    assert "LAMP-1" in sides.nth(1).inner_text()
    same = "".join(desk.page.locator("#duplicates .side:first-child .same").all_inner_texts())
    different = "".join(desk.page.locator("#duplicates .side:first-child .differs").all_inner_texts())
    assert "望江路12号门口的路灯坏了" in same
    assert "井盖松动" in different
    assert "井盖" not in same
    desk.press("d")
    desk.status("重复")
    desk.press("n")
    desk.accept()
    assert standing(desk, "LAMP-2")["not_duplicate_of"][1] == "LAMP-1"
    assert "duplicate_of" not in standing(desk, "LAMP-2")


def test_elements_and_keywords_are_marked_each_with_a_sign_of_its_own(desk_of: Opener) -> None:
    desk = desk_of()
    desk.page.goto(f"{desk.service.address}/")
    desk.page.fill("#title", "昨天")
    desk.page.fill("#text", "昨天晚上八点，幸福小区3栋烧烤店燃气泄漏，有照片为证，老板不管。")
    desk.press("Control+Enter")
    desk.page.wait_for_selector("#answer:not([hidden]) .text")
    marked = desk.page.evaluate(
        "[...document.querySelectorAll('#answer .text .mark')].map(one => [one.className, one.textContent,"
        " getComputedStyle(one, '::before').content])")
    signs = {kind: (text, sign.strip('"')) for kind, text, sign in marked}
    assert signs["mark danger"] == ("燃气泄漏", "危")
    assert signs["mark place"][1] == "地"
    assert signs["mark time"][1] == "时"
    assert signs["mark evidence"] == ("照片", "证")
    assert desk.page.locator("#answer .text .keyword").count() > 0, "the dummy network's keyword: the text's beginning"
    assert desk.page.inner_text("#answer .text").replace("\n", "").count("燃气泄漏") == 1


def test_by_touch_on_a_telephone(desk_of: Opener) -> None:
    desk = desk_of(NARROW, has_touch=True, is_mobile=True)
    desk.open_review()
    report_id = desk.shown()
    other = desk.stored(report_id)["prediction"]["category"]["alternatives"][0]["code"]
    level = other_urgency(desk, report_id)
    desk.page.tap("button.other >> nth=0")
    desk.page.tap(f"[data-act=urgency-{level}]")
    desk.page.tap("[data-act=lead_department]")
    desk.page.tap("#picker-list li:has-text('JYJ')")
    desk.page.tap("[data-act=accept]")
    desk.moved_from(report_id)
    found = standing(desk, report_id)
    assert [found[field][1] for field in ("category", "urgency", "lead_department")] == [other, level, "JYJ"]
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]


def test_skip_help_and_switching_the_keys_off(desk_of: Opener) -> None:
    desk = desk_of()
    desk.open_review()
    first = desk.shown()
    desk.press("s")
    second = desk.moved_from(first)
    desk.press("?")
    desk.page.wait_for_selector("#help[open]")
    desk.press("a")
    desk.page.focus("#keys-on")
    desk.press("Space", "Escape", "a", "1")
    assert desk.now() == second
    assert desk.stored(second)["corrections"] == []
    assert desk.page.locator("#prediction-body ins").count() == 0
    desk.press("?")
    desk.page.focus("#keys-on")
    desk.press("Space", "Escape")
    desk.press("k")
    assert desk.now() == first


@pytest.mark.parametrize(("words", "first"), [("HJ01", "HJ01"), ("hj0", "HJ01"), ("油烟", "HJ01"), ("噪声", "HJ03")])
def test_categories_are_found_by_code_name_and_scope(desk_of: Opener, words: str, first: str) -> None:
    desk = desk_of()
    desk.open_review()
    desk.press("c")
    desk.page.keyboard.type(words)
    assert first in "".join(desk.page.locator("#picker-list li").all_inner_texts()[:2])


def test_absent_statistics_and_undo_are_told_plainly(desk_of: Opener) -> None:
    desk = desk_of()
    absent = {"status": 404, "json": {"code": "not_found"}}
    desk.page.route("**/v1/review/statistics", lambda route: route.fulfill(**absent))
    desk.page.route("**/undo", lambda route: route.fulfill(**absent))
    desk.open_review()
    desk.press("t")
    desk.page.wait_for_selector("text=此服务未提供统计")
    desk.accept()
    desk.press("u")
    desk.status("此服务未提供撤销")
    assert all("404" in line for line in desk.said)
    desk.said.clear()


def test_what_could_not_be_stored_stays(desk_of: Opener) -> None:
    desk = desk_of()
    desk.open_review()
    report_id = desk.shown()
    desk.choose("c", "CG02")
    desk.page.route("**/review", lambda route: route.abort())
    desk.press("a")
    desk.status("未保存")
    assert desk.now() == report_id
    assert "CG02" in desk.page.inner_text("#prediction-body ins")
    desk.page.unroute("**/review")
    desk.accept()
    assert standing(desk, report_id)["category"] == ("corrected", "CG02")
    assert all("Failed to load" in line for line in desk.said)
    desk.said.clear()
