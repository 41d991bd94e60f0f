"""The contract's answer as Chinese lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from serving.wording import (
    DECISION_REASONS,
    DUPLICATE_REASONS,
    ELEMENTS,
    FALSE_REPORT_BANDS,
    FALSE_REPORT_REASONS,
    STAGES,
    TERRITORY_LEVELS,
    dangers_named,
    named,
)

LEAST_SHOWN, MOST_SHOWN = 0.0005, 0.9995


def percent(probability: float) -> str:
    """Return a probability as a percentage with one digit, never rounded to certainty."""
    if probability >= MOST_SHOWN:
        return ">99.9%"
    return "<0.1%" if probability < LEAST_SHOWN else f"{probability * 100:.1f}%"


def decision_text(body: dict[str, Any]) -> str:
    """Return the decision with its reasons."""
    decision = body["decision"]
    if decision["route"] == "auto":
        return "可自动派单"
    return f"需人工复核：{named(decision['reasons'], DECISION_REASONS)}"


def category_text(category: dict[str, Any]) -> str:
    """Return the path of a category, its code where the path is unknown."""
    return "/".join(category["path"]) or str(category["code"])


def answer_lines(body: dict[str, Any]) -> list[str]:
    """Return an answer, one finding a line; what was not found takes no line."""
    return [*(f"{name}：{value}" for name, value in _findings(body) if value), *_evidence(body), *_duplicates(body),
            *_deadlines(body), f"模型 {body['versions']['bundle']}，知识库 {body['versions']['knowledge_base'][:19]}"
                               f"，用时 {body['elapsed_ms']} 毫秒"]


def _findings(body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    category, urgency, lead = body["category"], body["urgency"], body["lead_department"]
    elements = body["elements"]
    yield "决定", decision_text(body)
    yield "未完成的环节", named(body.get("degraded", ()), STAGES)
    yield "性质", f"{body['kind']['label']}（{percent(body['kind']['probability'])}）"
    yield "类别", f"{category_text(category)} {category['code']}（{percent(category['probability'])}）"
    others = (f"{category_text(one)} {percent(one['probability'])}" for one in category["alternatives"])
    yield "其他可能", "，".join(others)
    yield "紧急程度", f"{urgency['level']} {urgency['label']}（{percent(urgency['probability'])}）"
    yield "危险词语", dangers_named(urgency["reasons"])
    yield "主办", f"{lead['name']}（{percent(lead['probability'])}）"
    yield "协办", "；".join(f"{one['name']}（{one['reason']}）" for one in body["co_departments"])
    yield "属地", _territory(body["territory"])
    yield "关键词", "、".join(body["keywords"])
    for name, found in (("地点", "places"), ("时间", "times"), ("对象", "subjects"), ("证据线索", "evidence")):
        yield name, "、".join(elements[found])
    yield "缺失要素", named(elements["missing"], ELEMENTS)
    yield "不实可能", _false_report(body["false_report"])


def _territory(territory: dict[str, Any]) -> str:
    if not territory["involved"]:
        return ""
    return f"需{TERRITORY_LEVELS.get(territory['level'], '属地')}参与（{percent(territory['probability'])}）"


def _false_report(found: dict[str, Any]) -> str:
    reasons = named(found["reasons"], FALSE_REPORT_REASONS) or "无"
    return f"{FALSE_REPORT_BANDS[found['band']]}：{reasons}（仅供复核参考）"


def _evidence(body: dict[str, Any]) -> list[str]:
    duties, notes = body["lead_department"]["evidence"], body["lead_department"].get("notes", [])
    return [*(["职责依据："] if duties else []),
            *(f"  {duty['duty_id']} {duty['text']}（{duty['basis']}）" for duty in duties),
            *(["派单说明："] if notes else []), *(f"  {note}" for note in notes)]


def _duplicates(body: dict[str, Any]) -> list[str]:
    duplicate = body["duplicate"]
    if not duplicate["matches"]:
        return []
    heading = f"与已有诉求重复：{duplicate['of']}" if duplicate["of"] else "可能相关的已有诉求："
    return [heading, *(f"  {match['id']} {match['title']}（{'，'.join(_likeness(match))}）"
                       for match in duplicate["matches"])]


def _likeness(match: dict[str, Any]) -> list[str]:
    return [percent(match["score"]), *filter(None, [named(match["reasons"], DUPLICATE_REASONS)])]


def _deadlines(body: dict[str, Any]) -> list[str]:
    lines = [f"  {one['step']}：{one['due'] or '日期未定'}，" + "。".join(filter(None, (one["basis"], one.get("note"))))
             for one in body["deadlines"]]
    return ["办理期限：", *lines] if lines else []
