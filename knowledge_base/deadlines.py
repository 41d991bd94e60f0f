"""Legal time limits of a report: which step is due on which day, by which article."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import chinese_calendar  # type: ignore[import-untyped]

from knowledge_base.departments import LegalBasis
from knowledge_base.marked_yaml import Fields, read_yaml
from models.contract import KINDS

CHINA = ZoneInfo("Asia/Shanghai")
UNITS = {"working_day": "个工作日", "calendar_day": "日", "hour": "小时"}
STARTS = {"receipt": "收到", "acceptance": "受理", "filing": "立案", "transfer": "转交"}
_FIELDS = ("id", "step", "days", "hours", "unit", "from", "kinds", "categories", "except_categories", "regions",
           "mentions", "in_force", "until", "rolls_over", "law", "article", "source", "note")
UNKNOWN_RECEIPT = "收到日期未知，无法推算届满日"

WorkdayCalendar = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """A time limit for reports of some kinds and categories.

    ``categories`` are prefixes of codes, none means all; ``regions`` are prefixes of division codes, none means
    everywhere; where ``mentions`` is not empty the text must contain one of them. ``length`` is a number of ``unit``:
    days count from the day after ``starts``, hours from its hour. ``rolls_over``: a limit that ends on a holiday ends
    on the first working day after it. ``source`` names what publishes the article, where the law files lack it.
    """

    id: str
    step: str
    length: int
    unit: str
    starts: str
    kinds: tuple[str, ...]
    basis: LegalBasis
    categories: tuple[str, ...] = ()
    except_categories: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    in_force: date = date.min
    until: date = date.max
    rolls_over: bool = False
    source: str = ""
    note: str = ""

    def covers(self, kind: str, category: str, region: str | None, text: str) -> bool:
        """Return whether the rule is about such a report, whenever it came."""
        return (kind in self.kinds
                and (not self.categories or category.startswith(self.categories))
                and not (self.except_categories and category.startswith(self.except_categories))
                and (not self.regions or (region is not None and region.startswith(self.regions)))
                and (not self.mentions or any(word in text for word in self.mentions)))


@dataclass(frozen=True, slots=True)
class Deadline:
    """A step with the last day for it; ``due`` is None where it cannot be known, ``note`` says why (in Chinese)."""

    step: str
    due: date | None
    basis: str
    note: str


def deadlines(kind: str, category: str, received_at: datetime | None, rules: Sequence[DeadlineRule], *,
              region: str | None = None, text: str = "",
              is_workday: WorkdayCalendar = chinese_calendar.is_workday) -> tuple[Deadline, ...]:
    """Return the time limits for a report, soonest first, unknown days last.

    ``received_at`` needs a time zone; days are those of China. Without it no day is given. ``text`` (title and
    body) decides the rules that hold only where a report asks for a certain procedure. ``is_workday`` raises
    ``NotImplementedError`` for a year it does not know.

    Raises:
        ValueError: ``received_at`` has no time zone.
    """
    if received_at is not None and received_at.tzinfo is None:
        raise ValueError("received_at has no time zone; give one, such as +08:00")
    day = received_at.astimezone(CHINA).date() if received_at else None
    found = [_deadline(rule, received_at, is_workday) for rule in rules
             if rule.covers(kind, category, region, text) and _in_force(rule, day)]
    return tuple(sorted(found, key=lambda deadline: deadline.due or date.max))


def _in_force(rule: DeadlineRule, day: date | None) -> bool:
    """Return whether the rule held on that day; with the day unknown only rules without an end hold."""
    return rule.until == date.max if day is None else rule.in_force <= day <= rule.until


def _deadline(rule: DeadlineRule, received_at: datetime | None, is_workday: WorkdayCalendar) -> Deadline:
    due, notes = None, [rule.note] if rule.note else []
    if rule.source:
        notes.append(f"条文库未收录该文件（{rule.source}），引用前请核对原文")
    if received_at is None:
        notes.append(UNKNOWN_RECEIPT)
    elif rule.unit == "hour":
        moment = due_moment(rule, received_at)
        due = moment.date()
        notes.append(f"当日{moment:%H:%M}前")
    else:
        day = received_at.astimezone(CHINA).date()
        try:
            due = due_date(rule, day, is_workday)
        except NotImplementedError:
            notes.append(f"{day.year}年起算的期限涉及节假日安排未收录的年份，无法推算届满日，请人工核对")
    if due is not None and rule.starts != "receipt":
        begins = STARTS[rule.starts]
        notes.append(f"法定期限自{begins}之日起算，此处按收到当日{begins}推算，为最早届满日")
    return Deadline(rule.step, due, f"{rule.basis}（{rule.length}{UNITS[rule.unit]}）", "；".join(notes))


def due_moment(rule: DeadlineRule, start: datetime) -> datetime:
    """Return the time in China at which a limit of hours ends."""
    return (start + timedelta(hours=rule.length)).astimezone(CHINA)


def due_date(rule: DeadlineRule, start: date, is_workday: WorkdayCalendar = chinese_calendar.is_workday) -> date:
    """Return the last day of a limit of days; the day it starts on is not counted.

    Raises:
        NotImplementedError: the calendar does not know a year that the limit touches.
    """
    day = start
    if rule.unit == "working_day":
        left = rule.length
        while left:
            day += timedelta(days=1)
            left -= bool(is_workday(day))
        return day
    day += timedelta(days=rule.length)
    while rule.rolls_over and not is_workday(day):
        day += timedelta(days=1)
    return day


def read_deadline_rules(path: Path, categories: Collection[str]) -> tuple[DeadlineRule, ...]:
    """Read ``deadlines.yaml``.

    Raises:
        KnowledgeBaseError: the file is unreadable, a field is broken, or a category prefix fits no category.
    """
    return tuple(_read_rule(fields, categories) for fields in read_yaml(path, ("rules",)).mappings("rules", _FIELDS))


def _read_rule(fields: Fields, categories: Collection[str]) -> DeadlineRule:
    kinds = fields.texts("kinds")
    if not kinds or set(kinds) - set(KINDS):
        raise fields.fault("kinds", f"expected one or more of {', '.join(KINDS)}")
    for name in ("categories", "except_categories"):
        if unknown := [prefix for prefix in fields.texts(name)
                       if not any(code.startswith(prefix) for code in categories)]:
            raise fields.fault(name, f"expected codes of taxonomy.tsv or their beginnings, found {', '.join(unknown)}")
    unit = _one_of(fields, "unit", UNITS)
    return DeadlineRule(
        id=fields.text("id"), step=fields.text("step"), length=fields.count("hours" if unit == "hour" else "days"),
        unit=unit, starts=_one_of(fields, "from", STARTS), kinds=kinds,
        basis=LegalBasis(fields.text("law"), fields.text("article")), categories=fields.texts("categories"),
        except_categories=fields.texts("except_categories"), regions=fields.texts("regions"),
        mentions=fields.texts("mentions"), in_force=_day(fields, "in_force", date.min),
        until=_day(fields, "until", date.max), rolls_over=fields.flag("rolls_over"),
        source=fields.text("source", ""), note=fields.text("note", ""))


def _one_of(fields: Fields, name: str, known: Collection[str]) -> str:
    if (value := fields.text(name)) not in known:
        raise fields.fault(name, f"expected one of {', '.join(known)}, found {value!r}")
    return value


def _day(fields: Fields, name: str, default: date) -> date:
    text = fields.text(name, default.isoformat())
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise fields.fault(name, f"expected a day such as \"2026-04-15\" in quotes, found {text!r}") from error
