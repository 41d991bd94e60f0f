"""Chinese words for the stable codes of an answer, for what staff read on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

DECISION_REASONS = MappingProxyType({
    "category_uncertain": "类别把握不足", "lead_uncertain": "主办部门把握不足", "urgent": "紧急",
    "possible_false_report": "疑似不实", "possible_duplicate": "可能重复", "degraded": "部分环节未能完成",
})
FALSE_REPORT_REASONS = MappingProxyType({
    "advert_wording": "有广告用语", "plain_advert": "明显为广告", "hearsay": "仅为传闻",
    "impossible_time": "时间自相矛盾", "no_checkable_element": "没有可核查的要素",
    "model_suspects": "模型提示内容可疑", "model_finds_vague": "模型提示内容空泛",
    "kind_other": "内容不似诉求", "insufficient_history": "尚无足够的办理结果可供比对",
})
FALSE_REPORT_BANDS = MappingProxyType({"low": "低", "medium": "中", "high": "高"})
ELEMENTS = MappingProxyType({"time": "时间", "place": "地点", "subject": "被反映对象", "evidence": "证据"})
TERRITORY_LEVELS = MappingProxyType({"street": "街道乡镇", "county": "区县"})
DANGERS = MappingProxyType({
    "gas_leak": "燃气泄漏", "collapse": "坍塌", "fire_explosion": "火灾爆炸", "poisoning": "中毒",
    "trapped": "人员受困", "violence": "暴力", "self_harm": "轻生", "electric": "触电", "missing_person": "人员失踪",
    "blocked_escape": "疏散通道堵塞", "outage": "停水停电", "crowd": "群体聚集",
})


def named(codes: Iterable[str], words: Mapping[str, str]) -> str:
    """Return the words of codes in one line; a code without a word stands for itself."""
    return "、".join(words.get(code, code) for code in codes)


def dangers_named(reasons: Iterable[str]) -> str:
    """Return the words of danger reasons, each ``code:word of the text``, in one line."""
    parted = (reason.partition(":") for reason in reasons)
    return "、".join(f"{DANGERS.get(code, code)}（文中“{word}”）" for code, _, word in parted)
