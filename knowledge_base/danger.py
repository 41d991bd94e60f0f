"""Danger words: they explain an urgency to the desk, and a report with one is never decided without a person."""

from __future__ import annotations

import re
from types import MappingProxyType

DANGER_WORDS = MappingProxyType({
    "gas_leak": ("燃气泄漏", "煤气泄漏", "天然气泄漏", "燃气漏气", "煤气漏气", "煤气中毒", "漏气"),
    "collapse": ("坍塌", "塌方", "倒塌", "垮塌", "塌陷", "随时会塌", "滑坡", "泥石流"),
    "fire_explosion": ("着火", "起火", "火灾", "爆炸", "自燃", "浓烟"),
    "poisoning": ("食物中毒", "集体中毒", "上吐下泻", "集体腹泻"),
    "collapsed_person": ("晕倒", "昏迷", "不省人事"),
    "trapped": ("被困", "困在电梯", "电梯坠落", "溺水", "落水"),
    "violence": ("持刀", "砍人", "打人", "殴打", "家暴", "绑架", "非法拘禁", "限制人身自由", "杀人"),
    "self_harm": ("自杀", "轻生", "跳楼", "不想活", "割腕"),
    "electric": ("漏电", "触电", "电线垂落", "电线裸露"),
    "missing_person": ("走失", "失踪", "失联"),
    "blocked_escape": ("消防通道堵", "堵塞消防通道", "占用消防通道", "安全出口被堵"),
    "outage": ("大面积停水", "大面积停电", "停水多日", "停电多日", "停暖"),
    "crowd": ("群体性", "聚集闹事", "堵路", "集体上访"),
})
_CODE_OF = {word: code for code, words in DANGER_WORDS.items() for word in words}
_PATTERN = re.compile("|".join(sorted(map(re.escape, _CODE_OF), key=len, reverse=True)))
MOST_REASONS = 5


def danger_reasons(text: str) -> list[str]:
    """Return ``code:word`` for the danger words of a normalised text, one a code, in order of appearance."""
    found: dict[str, str] = {}
    for match in _PATTERN.finditer(text):
        found.setdefault(_CODE_OF[match[0]], match[0])
    return [f"{code}:{word}" for code, word in found.items()][:MOST_REASONS]
