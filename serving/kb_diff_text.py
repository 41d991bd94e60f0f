"""How a comparison of two knowledge bases is written: Chinese for staff, JSON for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from knowledge_base.diff import ADDED, CHANGED, REMOVED, Change, FieldChange, counts
from serving.kb_wording import CHANGE_KINDS, FIELDS, part_name
from serving.rerouting import Rerouted, Route
from serving.sections import department_name
from serving.wording import DECISION_REASONS

if TYPE_CHECKING:
    from knowledge_base.loading import KnowledgeBase
    from knowledge_base.records import Value
    from serving.kb_diff import Comparison

_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
_ROUTES = {"auto": "自动", "review": "人工复核"}
_SHORT = 120
_NAMED = re.compile(r"(^|，)([a-z_]+)：")
_TITLES = ("text", "title", "name", "level2", "step", "lead")


def document(comparison: Comparison, shown: Mapping[str, str]) -> dict[str, Any]:
    """Return a comparison as one JSON object; ``shown`` are first words of reports by id, where they may be shown."""
    reports = [{"id": one.report_id, "before": asdict(one.before), "after": asdict(one.after), "rerouted": one.moved,
                "causes": [asdict(cause) for cause in one.causes]}
               | ({"words": shown[one.report_id]} if one.report_id in shown else {}) for one in comparison.rerouted]
    return {"old": comparison.old.version, "new": comparison.new.version, "counts": counts(comparison.changes),
            "changes": [asdict(change) for change in comparison.changes],
            "effect": {"reports": len(comparison.sample), "rerouted": sum(one.moved for one in comparison.rerouted),
                       "answers": reports}}


def lines(comparison: Comparison, shown: Mapping[str, str]) -> Iterator[str]:
    """Yield a comparison in Chinese, line by line."""
    yield f"知识库 {_version(comparison.old)} → {_version(comparison.new)}"
    found = counts(comparison.changes)
    if not comparison.changes:
        yield "没有改动"
        return
    yield (f"改动 {len(comparison.changes)} 处："
           + "，".join(f"{CHANGE_KINDS[kind]} {count}" for kind, count in found.items()))
    for change in comparison.changes:
        yield from _change_lines(change)
    if comparison.sample:
        yield from _effect_lines(comparison, shown)


def _version(knowledge_base: KnowledgeBase) -> str:
    return knowledge_base.version[:len("sha256:") + 12]


def _change_lines(change: Change) -> Iterator[str]:
    head = f"  {_SIGNS[change.kind]} {part_name(change.part)} {change.key}"
    if change.kind == CHANGED:
        yield head
        for one in change.fields:
            yield f"      {FIELDS.get(one.field, one.field)}：{_difference(one)}"
        return
    said = {one.field: one.after if change.kind == ADDED else one.before for one in change.fields}
    title = next((_text(said[field]) for field in _TITLES if field in said), "")
    yield f"{head}：{_cut(title)}" if title else head


def _difference(change: FieldChange) -> str:
    if isinstance(change.before, str) and isinstance(change.after, str):
        return f"{_cut(change.before) or '无'} → {_cut(change.after) or '无'}"
    before, after = _several(change.before), _several(change.after)
    parts = [f"去掉“{_cut(one)}”" for one in before if one not in after]
    parts += [f"加上“{_cut(one)}”" for one in after if one not in before]
    return "，".join(parts) or "次序改变"


def _several(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (value,) if value else ()


def _text(value: Value) -> str:
    return value if isinstance(value, str) else "、".join(value)


def _cut(text: str) -> str:
    text = _NAMED.sub(lambda match: f"{match[1]}{FIELDS.get(match[2], match[2])}：", text)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _effect_lines(comparison: Comparison, shown: Mapping[str, str]) -> Iterator[str]:
    moved = [one for one in comparison.rerouted if one.moved]
    leads = sum(one.before.lead != one.after.lead for one in moved)
    helpers = sum(set(one.before.co) != set(one.after.co) for one in moved)
    decisions = sum((one.before.decision, one.before.reasons) != (one.after.decision, one.after.reasons)
                    for one in moved)
    dates = sum(one.before.deadlines != one.after.deadlines for one in comparison.rerouted)
    yield (f"对 {len(comparison.sample)} 件诉求的影响：改派 {len(moved)} 件"
           f"（主办 {leads}，协办 {helpers}，决定 {decisions}），期限有变 {dates} 件")
    for one in moved:
        yield from _report_lines(comparison, one, shown.get(one.report_id, ""))


def _report_lines(comparison: Comparison, one: Rerouted, words: str) -> Iterator[str]:
    yield f"  {one.report_id}" + (f"（{words}…）" if words else "")
    old, new = comparison.old, comparison.new
    if one.before.lead != one.after.lead or one.before.decision != one.after.decision:
        yield f"    主办：{_lead(one.before, old)} → {_lead(one.after, new)}"
    if set(one.before.co) != set(one.after.co):
        yield f"    协办：{_names(one.before.co, old)} → {_names(one.after.co, new)}"
    if (one.before.decision, one.before.reasons) != (one.after.decision, one.after.reasons):
        yield f"    决定：{_decision(one.before)} → {_decision(one.after)}"
    for cause in one.causes:
        name = f"{part_name(cause.part)} {cause.key}：" if cause.key else ""
        yield f"    原因：{name}{cause.why}"


def _lead(route: Route, knowledge_base: KnowledgeBase) -> str:
    return f"{department_name(route.lead, knowledge_base)}（{route.confidence:.2f}）"


def _names(codes: tuple[str, ...], knowledge_base: KnowledgeBase) -> str:
    return "、".join(department_name(code, knowledge_base) for code in codes) or "无"


def _decision(route: Route) -> str:
    reasons = "、".join(DECISION_REASONS.get(reason, reason) for reason in route.reasons)
    return _ROUTES.get(route.decision, route.decision) + (f"（{reasons}）" if reasons else "")
