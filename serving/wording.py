"""Chinese words for the stable codes, for what staff read on a terminal and on the pages; there is no other copy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

_LONG_HOURS = 48

DECISION_REASONS = MappingProxyType({
    "category_uncertain": "类别把握不足", "lead_uncertain": "主办部门把握不足", "urgent": "紧急",
    "possible_false_report": "疑似不实", "possible_duplicate": "可能重复", "degraded": "部分环节未能完成",
    "duty_disputed": "职责有争议，须会商",
})
FALSE_REPORT_REASONS = MappingProxyType({
    "advert_wording": "有广告用语，请核对是否在推销", "plain_advert": "明显为广告（既有推销内容又有联系方式）",
    "hearsay": "仅为传闻（有“听说、网传”等语，未提供证据）",
    "impossible_time": "时间不可能（日期不存在，或晚于收到日）",
    "self_contradiction": "前后矛盾（起止时间颠倒、部分多于总数或日期与星期不符）",
    "no_checkable_element": "没有可核查的要素", "rumour_wording": "用语近似已知谣言",
    "model_suspects": "模型提示内容可疑", "model_finds_vague": "模型提示内容空泛", "kind_other": "内容不似诉求",
    "burst_of_copies": "一日内多人发来几乎相同的文字（也可能是邻里联名）",
    "copies_elsewhere": "近三十日多个地区收到几乎相同的文字",
    "one_against_one": "同一诉求人近三十日多次反映同一对象", "many_places": "同一诉求人一日内在多个地区反映",
    "reporter_flood": "同一诉求人一日内反映过多", "night_flood": "该地区凌晨来件异常集中",
    "reporter_unfounded": "该诉求人以往多件查无实据", "copy_of_unfounded": "与查无实据的诉求文字几乎相同",
    "insufficient_history": "尚无足够的办理结果可供比对",
})
FALSE_REPORT_BANDS = MappingProxyType({"low": "低", "medium": "中", "high": "高"})
ELEMENTS = MappingProxyType({"time": "时间", "place": "地点", "subject": "被反映对象", "evidence": "证据"})
TERRITORY_LEVELS = MappingProxyType({"street": "街道乡镇", "county": "区县"})
DANGERS = MappingProxyType({
    "gas_leak": "燃气泄漏", "collapse": "坍塌", "fire_explosion": "火灾爆炸", "poisoning": "中毒",
    "trapped": "人员受困", "collapsed_person": "人员昏迷", "violence": "暴力", "self_harm": "轻生", "electric": "触电",
    "missing_person": "人员失踪",
    "blocked_escape": "疏散通道堵塞", "outage": "停水停电", "crowd": "群体聚集",
})
DUPLICATE_REASONS = MappingProxyType({
    "same_text": "文字相同", "same_meaning": "内容相近", "same_place": "地点相同", "same_subject": "标题相近",
    "same_category": "类别相同", "same_reporter": "同一诉求人",
})
STAGES = MappingProxyType({
    "router": "部门路由（主办仅由模型给出）", "elements": "要素提取", "false_report": "不实评估",
    "duplicates": "查重", "deadlines": "期限计算",
})
CHANNELS = MappingProxyType({
    "phone": "电话", "web": "网站", "app": "手机应用", "mini_program": "小程序", "letter": "信件", "visit": "来访",
    "other": "其他",
})
STRATEGIES = MappingProxyType({
    "mixed": "综合安排", "uncertain": "把握不足的", "diverse": "少见的内容", "valuable": "复核少的类别",
    "urgent": "紧急的", "recent": "最近收到的", "random": "随机抽查", "second": "第二次复核",
    "adjudicate": "意见不一的",
})
WHY_ASKED = MappingProxyType({
    "small_margin": "前两类难分（概率相差{value:.2f}）", "lead_doubt": "主办难定（疑{value:.2f}）",
    "departments_disagree": "模型与职责所指主办不同", "large_set": "可能的类别有{value:.0f}个",
    "unlike_reviewed": "与已复核的都不相近（距离{value:.2f}）", "rare_category": "该类复核得少（值{value:.2f}）",
    "urgent": "紧急诉求（收到至今{span}）", "recent": "最近收到（{span}前）",
    "audit_sample": "固定的随机抽查样本", "random": "随机抽查", "second_reading": "抽取{value:.0%}作第二次复核",
    "readers_disagree": "两次复核有{value:.0f}项不一致",
})
PROBLEMS = MappingProxyType({
    "unauthenticated": "密钥无效或未填写，请填写密钥。", "forbidden": "此密钥的角色无权执行该操作。",
    "not_found": "没有找到该诉求。", "method_not_allowed": "服务不支持该操作。",
    "id_conflict": "该编号已用于其他内容。", "too_large": "内容过大。", "invalid": "内容不符合要求。",
    "invalid_bundle": "模型未能更换，原模型继续使用。", "invalid_knowledge_base": "知识库未能更换，原知识库继续使用。",
    "rate_limited": "请求过于频繁，请稍后再试。", "overloaded": "服务繁忙，请稍后再试。",
    "internal": "服务出错，请联系管理员。", "bad_request": "请求不完整，请重试。",
})
INVALID_FIELDS = MappingProxyType({
    "text": "正文须有 1 至 20000 字，且不能只有空白。", "title": "标题最多 500 字。",
    "region": "区划代码须为 6 位数字，首位不为 0。", "received_at": "收到时间须在 1990 至 2100 年之间。",
    "channel": "没有这种渠道。", "value": "更正内容不符合要求；另一件诉求须是已收到的、不同编号的诉求。",
    "reason": "理由最多 1000 字。",
})


def why_asked(code: str, value: float) -> str:
    """Return why a report is asked about; where ``value`` is a time it is in hours."""
    span = f"{value:.1f}小时" if value < _LONG_HOURS else f"{value / 24:.0f}天"
    return WHY_ASKED[code].format(value=value, span=span)


def page_words() -> dict[str, dict[str, str]]:
    """Return the tables that the pages' scripts read, by the name of what a code stands in."""
    tables = {"decision": DECISION_REASONS, "false_report": FALSE_REPORT_REASONS, "bands": FALSE_REPORT_BANDS,
              "elements": ELEMENTS, "territory": TERRITORY_LEVELS, "dangers": DANGERS,
              "duplicate": DUPLICATE_REASONS, "stages": STAGES, "problems": PROBLEMS, "fields": INVALID_FIELDS}
    return {name: dict(table) for name, table in tables.items()}


def named(codes: Iterable[str], words: Mapping[str, str]) -> str:
    """Return the words of codes in one line; a code without a word stands for itself."""
    return "、".join(words.get(code, code) for code in codes)


def dangers_named(reasons: Iterable[str]) -> str:
    """Return the words of danger reasons, each ``code:word of the text``, in one line."""
    parted = (reason.partition(":") for reason in reasons)
    return "、".join(f"{DANGERS.get(code, code)}（文中“{word}”）" for code, _, word in parted)
