"""Attacks on the false-report score, written by rule: who sends what, when and from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np

from models.contract import Report

Random = np.random.Generator
HOUR = timedelta(hours=1)
_FIRMS = ("宏达物业公司", "金源建材公司", "华丰餐饮公司", "顺发驾校公司", "明珠幼儿园", "长青药店连锁公司")
_FAULTS = ("乱收费还不开发票", "半夜施工吵得人睡不着", "门口堆满垃圾没人清理", "卖的东西过了保质期",
           "欠了工人三个月工资", "消防通道一直锁着", "占了人行道做生意", "污水直接排进沟里",
           "没有许可证也照样营业", "对来办事的人态度很差")
_ASKS = ("请有关部门尽快上门核查处理并给我们一个答复", "希望领导派人到现场看一看并依法处理",
         "要求查处并公开处理结果给大家一个交代")
_ROADS = ("枫林路", "建设路", "滨河路", "学院路", "解放路", "朝阳路", "人民路", "东风路", "长江路", "育才路")


@dataclass(frozen=True, slots=True)
class Sent:
    """A report with the subjects that it names; ``outcome`` is unfounded or verified where it was closed since."""

    report: Report
    subjects: tuple[str, ...] = ()
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Attack:
    """Reports of one attack in order; the first ``unjudged`` of them are its preparation and are not measured."""

    kind: str
    sent: tuple[Sent, ...]
    unjudged: int = field(default=0)


def _text(random: Random, firm: str, faults: int = 2) -> str:
    chosen = "，".join(str(fault) for fault in random.choice(_FAULTS, faults, replace=False))
    return (f"{random.choice(_ROADS)}{int(random.integers(1, 300))}号的{firm}{chosen}，"
            f"已经有{int(random.integers(2, 60))}天，{random.choice(_ASKS)}。")


def _sent(number: int, text: str, at: datetime, reporter: str | None, region: int, subject: str = "",
          outcome: str | None = None) -> Sent:
    report = Report(text=text, id=f"attack-{reporter}-{at.timestamp():.0f}-{number}", received_at=at,
                    region=str(region), reporter_ref=reporter)
    return Sent(report, (subject,) if subject else (), outcome)


def _region(random: Random) -> int:
    return int(430100 + random.integers(1, 90))


def copy_burst(random: Random, start: datetime, name: str) -> Attack:
    """Return twenty near-identical texts from twenty reporters within three hours."""
    firm, region = str(random.choice(_FIRMS)), _region(random)
    text = _text(random, firm)
    return Attack("copy_burst", tuple(
        _sent(n, text.replace("。", "！" * int(random.integers(1, 4))), start + 3 * HOUR * n / 20, f"{name}-{n}",
              region, firm) for n in range(20)), 8)


def copy_campaign(random: Random, start: datetime, name: str) -> Attack:
    """Return one template with the places exchanged, from thirty reporters in ten regions over ten days."""
    firm, regions = str(random.choice(_FIRMS)), [_region(random) for _ in range(10)]
    body = _text(random, firm).split("号的", 1)[1]
    return Attack("copy_campaign", tuple(
        _sent(n, f"{random.choice(_ROADS)}{int(random.integers(1, 300))}号的{body}", start + 8 * HOUR * n,
              f"{name}-{n}", regions[n % 10], firm) for n in range(30)), 8)


def one_against_one(random: Random, start: datetime, name: str) -> Attack:
    """Return fourteen different texts of one reporter against one firm over twenty days."""
    firm, region = str(random.choice(_FIRMS)), _region(random)
    return Attack("one_against_one", tuple(
        _sent(n, _text(random, firm), start + 34 * HOUR * n, name, region, firm) for n in range(14)), 6)


def many_places(random: Random, start: datetime, name: str) -> Attack:
    """Return ten different texts of one reporter in ten counties within a day."""
    return Attack("many_places", tuple(
        _sent(n, _text(random, str(random.choice(_FIRMS))), start + 1.5 * HOUR * n, name, 430101 + 7 * n)
        for n in range(10)), 5)


def flood(random: Random, start: datetime, name: str) -> Attack:
    """Return thirty different texts of one reporter in one region within a day."""
    region = _region(random)
    return Attack("flood", tuple(
        _sent(n, _text(random, str(random.choice(_FIRMS))), start + 0.6 * HOUR * n, name, region)
        for n in range(30)), 10)


def night_flood(random: Random, start: datetime, name: str) -> Attack:
    """Return thirty different texts from thirty reporters in one region between one and four at night."""
    night, region = start.replace(hour=1, minute=0), _region(random)
    return Attack("night_flood", tuple(
        _sent(n, _text(random, str(random.choice(_FIRMS)), 3), night + 0.1 * HOUR * n, f"{name}-{n}", region)
        for n in range(30)), 15)


def known_reporter(random: Random, start: datetime, name: str) -> Attack:
    """Return three reports of a reporter whose last six were unfounded."""
    return Attack("known_reporter", tuple(
        _sent(n, _text(random, str(random.choice(_FIRMS))), start + 60 * HOUR * n, name, _region(random),
              outcome="unfounded" if n < 6 else None) for n in range(9)), 6)


def warmed_up_copy(random: Random, start: datetime, name: str) -> Attack:
    """Return texts found unfounded twice that others send again with another place, weeks later."""
    firm, region = str(random.choice(_FIRMS)), _region(random)
    text = _text(random, firm)
    return Attack("warmed_up_copy", tuple(
        _sent(n, text.replace("号", "号院", 1) if n > 1 else text, start + 100 * HOUR * n, f"{name}-{n}", region, firm,
              "unfounded" if n < 2 else None) for n in range(4)), 2)


KINDS: Mapping[str, Callable[[Random, datetime, str], Attack]] = MappingProxyType({
    made.__name__: made for made in (copy_burst, copy_campaign, one_against_one, many_places, flood, night_flood,
                                     known_reporter, warmed_up_copy)})


def all_attacks(random: Random, starts: Sequence[datetime], of_each: int) -> list[Attack]:
    """Return attacks of every kind that begin at random among these moments."""
    return [make(random, starts[int(random.integers(len(starts)))], f"{kind}-{n}")
            for kind, make in KINDS.items() for n in range(of_each)]
