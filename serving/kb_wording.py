"""Chinese words for the parts and fields of the knowledge base, for those who edit it."""

from __future__ import annotations

from types import MappingProxyType

CHANGE_KINDS = MappingProxyType({"added": "新增", "removed": "删除", "changed": "修改"})
PARTS = MappingProxyType({
    "department": "部门", "category": "类别", "catalogue": "派单目录", "crosswalk_db44": "广东标准对照",
    "crosswalk_xinfang": "信访类别对照", "db44t2479": "广东标准", "deadline": "期限", "duty": "职责",
    "scenario": "联合场景", "dispute": "职责争议",
})
LOCALITIES = "localities/"
FIELDS = MappingProxyType({
    "name": "名称", "scope": "范围", "aliases": "别名", "history": "沿革", "text": "内容", "level": "层级",
    "categories": "类别", "category": "类别", "level1": "一级", "level2": "二级", "department": "部门",
    "basis": "依据", "basis_note": "依据说明", "incidents": "典型情形", "not_ours": "不属本部门", "lead": "主办",
    "other_leads": "其他主办", "co": "协办", "note": "说明", "title": "标题", "why": "理由", "words": "关键词",
    "not_words": "排除词", "any": "任一", "territory": "属地", "departments": "相关部门", "convener": "召集部门",
    "consult": "会商办法", "step": "步骤", "days": "天数", "hours": "小时数", "unit": "单位", "from": "起算",
    "kinds": "诉求性质", "mentions": "须提及", "except_categories": "除外类别", "regions": "地区", "in_force": "施行",
    "until": "止于", "law": "法律", "article": "条", "superseded": "已被取代", "rolls_over": "节假日顺延",
    "source": "来源", "level3": "三级", "db44t2479": "广东标准", "xinfang": "信访类别", "also": "也用",
    "division": "区划", "department_names": "部门名称", "scenarios": "联合场景",
})


def part_name(part: str) -> str:
    """Return a part of the knowledge base in Chinese; that of a file which is not known is its path."""
    if part.startswith(LOCALITIES):
        return f"本地规定 {part.removeprefix(LOCALITIES)}"
    return PARTS.get(part, part)
