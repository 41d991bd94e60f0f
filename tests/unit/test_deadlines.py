"""Legal time limits: which apply, when they end, and when no day may be named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from knowledge_base.deadlines import CHINA, Deadline, DeadlineRule, deadlines, due_date
from knowledge_base.departments import LegalBasis
from knowledge_base.loading import KnowledgeBase


def at(text: str) -> datetime:
    """Return nine in the morning of a day in China."""
    return datetime.fromisoformat(text).replace(hour=9, tzinfo=CHINA)


def rule(days: int, unit: str, *, rolls_over: bool = False) -> DeadlineRule:
    """Return a rule for tests."""
    return DeadlineRule("test", "办理", days, unit, "receipt", ("投诉",), LegalBasis("某某法", "第一条"),
                        rolls_over=rolls_over)


def steps(found: tuple[Deadline, ...]) -> dict[str, date | None]:
    """Return due days by step."""
    return {deadline.step: deadline.due for deadline in found}


@pytest.mark.parametrize(("start", "days", "unit", "rolls_over", "due"), [
    ("2026-05-11", 7, "working_day", False, "2026-05-20"),     # Monday; one weekend between
    ("2026-05-09", 1, "working_day", False, "2026-05-11"),     # a Saturday that is worked: the day itself never counts
    ("2026-05-08", 1, "working_day", False, "2026-05-09"),     # Friday: the worked Saturday counts
    ("2026-09-30", 1, "working_day", False, "2026-10-08"),     # national holiday
    ("2026-05-11", 15, "calendar_day", False, "2026-05-26"),
    ("2026-09-21", 10, "calendar_day", False, "2026-10-01"),
    ("2026-09-21", 10, "calendar_day", True, "2026-10-08"),    # ends on a holiday
    ("2026-05-11", 10, "calendar_day", True, "2026-05-21"),    # ends on a working day
])
def test_the_last_day(start: str, days: int, unit: str, rolls_over: bool, due: str) -> None:
    found = due_date(rule(days, unit, rolls_over=rolls_over), date.fromisoformat(start))
    assert found == date.fromisoformat(due)


@pytest.mark.parametrize("days", [1, 5, 23, 60])
def test_working_days_agree_with_counting_one_by_one(days: int) -> None:
    start = date(2026, 3, 2)

    def weekday(day: date) -> bool:
        return day.isoweekday() < 6

    due = due_date(rule(days, "working_day"), start, weekday)
    span = [start + timedelta(days=step) for step in range(1, (due - start).days + 1)]
    assert sum(map(weekday, span)) == days
    assert weekday(due)


def test_a_day_is_the_day_in_china(knowledge_base: KnowledgeBase) -> None:
    late = datetime(2026, 5, 10, 18, 30, tzinfo=UTC)           # already the 11th in China
    found = steps(deadlines("投诉", "ZJ01", late, knowledge_base.deadline_rules))
    assert found["受理告知"] == date(2026, 5, 26)


def test_petition_rules(knowledge_base: KnowledgeBase) -> None:
    found = deadlines("投诉", "ZJ01", at("2026-05-11"), knowledge_base.deadline_rules)
    assert steps(found) == {"退单异议": date(2026, 5, 18), "受理告知": date(2026, 5, 26), "办结": date(2026, 7, 10)}
    _, notice, handling = found
    assert notice.basis == "信访工作条例 第二十三条（15日）"
    assert "最早届满日" in handling.note
    assert "最早届满日" not in notice.note


def test_market_rules_changed_in_april_2026(knowledge_base: KnowledgeBase) -> None:
    rules = knowledge_base.deadline_rules
    old = {one.step: one for one in deadlines("投诉", "SC01", at("2026-04-14"), rules)}
    new = {one.step: one for one in deadlines("投诉", "SC01", at("2026-04-15"), rules)}
    assert old["受理决定"].basis.startswith("市场监督管理投诉举报处理暂行办法 第十四条")
    assert new["受理决定"].basis.startswith("市场监督管理投诉举报处理办法 第十五条")
    assert new["受理决定"].due == date(2026, 4, 24)
    assert new["调解终结"].due == date(2026, 6, 15)             # the 60th day is a Sunday
    assert "办结" not in new


@pytest.mark.parametrize(("kind", "category", "step", "due"), [
    ("举报", "LS01", "监察调查完成", "2026-08-04"), ("投诉", "SC06", "处理并告知", "2026-05-20"),
    ("投诉", "GY03", "处理", "2026-06-01"), ("咨询", "GY03", "答复", "2026-05-18"),
    ("举报", "HJ01", "处罚决定", "2026-08-09"), ("举报", "SC02", "核查并决定是否立案", "2026-06-01"),
    ("投诉", "LS02", "监察投诉受理", "2026-05-18"), ("举报", "YJ02", "火灾隐患实地核查", "2026-05-14"),
    ("建议", "JT01", "受理告知", "2026-05-26")])
def test_rules_of_other_laws(knowledge_base: KnowledgeBase, kind: str, category: str, step: str, due: str) -> None:
    found = steps(deadlines(kind, category, at("2026-05-11"), knowledge_base.deadline_rules))
    assert found[step] == date.fromisoformat(due)


@pytest.mark.parametrize(("kind", "category"), [("表扬", "JT01"), ("其他", "QT03"), ("咨询", "LS04"), ("举报", "JW01"),
                                                ("投诉", "SF01")])
def test_no_limit_where_no_law_gives_one(knowledge_base: KnowledgeBase, kind: str, category: str) -> None:
    assert deadlines(kind, category, at("2026-05-11"), knowledge_base.deadline_rules) == ()


def test_special_procedures_need_their_words(knowledge_base: KnowledgeBase) -> None:
    def found(text: str) -> dict[str, date | None]:
        return steps(deadlines("咨询", "ZR01", at("2026-05-11"), knowledge_base.deadline_rules, text=text))

    assert found("征地款什么时候发") == {}
    assert found("我寄出了政府信息公开申请，何时答复") == {"政府信息公开答复": date(2026, 6, 8)}


def test_review_of_a_petition_needs_its_words(knowledge_base: KnowledgeBase) -> None:
    def found(text: str) -> set[str]:
        return set(steps(deadlines("求助", "ZR01", at("2026-05-11"), knowledge_base.deadline_rules, text=text)))

    assert found("不服县里的信访处理意见，申请复查") - found("不服县里的信访处理意见") == {"信访复查"}
    assert found("不服市里的复查意见，请求复核") - found("不服市里的复查意见") == {"信访复核"}


def test_public_order_cases_end_with_the_text_that_is_known(knowledge_base: KnowledgeBase) -> None:
    def found(day: str) -> dict[str, date | None]:
        return steps(deadlines("举报", "GA03", at(day), knowledge_base.deadline_rules))

    assert found("2025-05-12")["治安案件办结"] == date(2025, 6, 11)
    assert "治安案件办结" not in found("2026-01-01")


@pytest.mark.parametrize(("received", "due", "by"), [
    ("2026-05-11T09:00:00+08:00", "2026-05-12", "09:00"),
    ("2026-05-11T23:30:00+00:00", "2026-05-13", "07:30"),      # already the 12th in China
    ("2026-09-30T18:45:00+08:00", "2026-10-01", "18:45"),      # hours run on holidays too
])
def test_hours_run_from_the_hour(knowledge_base: KnowledgeBase, received: str, due: str, by: str) -> None:
    found = {one.step: one for one in deadlines("举报", "YJ02", datetime.fromisoformat(received),
                                                knowledge_base.deadline_rules, text="安全出口被锁死")}
    check = found["疏散通道实地核查"]
    assert check.due == date.fromisoformat(due)
    assert f"当日{by}前" in check.note
    assert check.basis == "消防监督检查规定 第十八条（24小时）"


def test_hours_need_no_calendar_but_a_receipt(knowledge_base: KnowledgeBase) -> None:
    def check(received_at: datetime | None) -> Deadline:
        return next(one for one in deadlines("举报", "YJ02", received_at, knowledge_base.deadline_rules,
                                             text="安全出口被锁死") if one.step == "疏散通道实地核查")

    assert check(at("2039-05-11")).due == date(2039, 5, 12)
    assert check(None).due is None
    assert "收到日期未知" in check(None).note


def test_articles_that_the_law_files_lack_say_so(knowledge_base: KnowledgeBase) -> None:
    found = {one.step: one for one in deadlines("投诉", "WX02", at("2026-05-11"), knowledge_base.deadline_rules,
                                                text="这个App强制读取通讯录")}
    operator = found["应用运营者受理并处理"]
    assert operator.due == date(2026, 6, 1)
    assert "条文库未收录该文件（国信办秘字〔2019〕191号）" in operator.note
    assert "条文库" not in found["退单异议"].note


def test_local_rules_need_their_region(knowledge_base: KnowledgeBase) -> None:
    def found(region: str | None) -> dict[str, date | None]:
        return steps(deadlines("咨询", "LS04", at("2026-05-11"), knowledge_base.deadline_rules, region=region))

    assert found("370102") == {"热线回复": date(2026, 5, 18)}
    assert found("430102") == {}
    assert found(None) == {}


def test_unknown_receipt_gives_no_day(knowledge_base: KnowledgeBase) -> None:
    found = deadlines("投诉", "SC01", None, knowledge_base.deadline_rules)
    assert {one.step for one in found} == {"退单异议", "受理告知", "受理决定", "调解终结"}
    assert all(one.due is None and "收到日期未知" in one.note for one in found)
    assert not any("暂行" in one.basis for one in found)


def test_a_year_without_a_calendar_gives_no_working_day(knowledge_base: KnowledgeBase) -> None:
    found = {one.step: one for one in deadlines("投诉", "SC06", at("2039-05-11"), knowledge_base.deadline_rules)}
    assert found["处理并告知"].due is None
    assert "节假日安排未收录" in found["处理并告知"].note
    assert found["受理告知"].due == date(2039, 5, 26)
    unknown = deadlines("投诉", "ZJ01", None, knowledge_base.deadline_rules)
    assert not any("最早届满日" in one.note for one in unknown)


def test_soonest_first_unknown_last(knowledge_base: KnowledgeBase) -> None:
    days = [one.due or date.max for one in deadlines("投诉", "SC06", at("2039-05-11"), knowledge_base.deadline_rules)]
    assert len(days) > 2
    assert days == sorted(days)


def test_a_time_without_zone_is_refused(knowledge_base: KnowledgeBase) -> None:
    with pytest.raises(ValueError, match="time zone"):
        deadlines("投诉", "SC01", datetime(2026, 5, 11), knowledge_base.deadline_rules)
