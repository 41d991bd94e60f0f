"""What the bundled model must do: stay with what means the same, follow danger, know the plain cases."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from knowledge_base.loading import KnowledgeBase
from models.text import normalise
from tests.behaviour.conftest import Answer, Service
from tests.behaviour.reports import REPORTS

SAME = 0.9
RAISED = 0.9
RIGHT = 16
TEXTS = tuple(REPORTS.values())


@pytest.fixture(scope="module")
def plain(service: Service) -> list[Answer]:
    """Answers to the reports as they are written."""
    return service.answer(TEXTS)


def full_width(text: str) -> str:
    """Write ASCII in full width."""
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else "　" if char == " " else char for char in text)


@cache
def _traditional() -> dict[int, str]:
    """Return traditional forms by simplified character, the first of the table that normalises back to it."""
    table: dict[int, str] = {}
    for code in range(0x4E00, 0x9FFF):
        char = chr(code)
        if (simplified := normalise(char).text) != char and len(simplified) == 1:
            table.setdefault(ord(simplified), char)
    return table


CHANGES: dict[str, Callable[[str], str]] = {
    "half-width punctuation": lambda text: text.translate(str.maketrans("，。？：", ",.?:")),
    "traditional": lambda text: text.translate(_traditional()),
    "polite opening": lambda text: "您好，辛苦了，" + text,
    "polite close": lambda text: text + "麻烦您了，非常感谢！祝工作顺利！",
    "anonymous": lambda text: text + "请对我的个人信息保密，不要公开我的姓名和电话，匿名反映。",
    "name": lambda text: "我叫王建国，" + text,
    "another name": lambda text: text + "联系人：欧阳淑芬。",
    "invisible": lambda text: "\u200b".join(text),
    "broken lines": lambda text: text.replace("，", "，\n"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_answer_stays(service: Service, plain: list[Answer], name: str) -> None:
    changed = [CHANGES[name](text) for text in TEXTS]
    assert all(one != text for one, text in zip(changed, TEXTS, strict=True))
    found = service.answer(changed)
    for part in ("category", "lead"):
        same = [getattr(one, part) == getattr(other, part) for one, other in zip(found, plain, strict=True)]
        assert sum(same) / len(same) >= SAME, part


def test_full_width_answers_the_same(service: Service) -> None:
    texts = [f"A3区B12栋(2单元)业主: {text}" for text in TEXTS]
    assert service.answer([full_width(text) for text in texts]) == service.answer(texts)


@pytest.mark.parametrize("name", ["他叫张伟", "她叫李娜", "他是本地人王强", "她是外地来的阿依古丽"])
def test_who_reports_changes_nothing(service: Service, plain: list[Answer], name: str) -> None:
    found = service.answer([f"反映人情况：{name}。{text}" for text in TEXTS])
    same = [one.lead == other.lead and one.category == other.category for one, other in zip(found, plain, strict=True)]
    assert sum(same) / len(same) >= SAME


@pytest.mark.parametrize("danger", ["现在燃气正在泄漏，随时可能爆炸！", "现在有人被困在里面出不来，情况非常危险！"])
def test_danger_raises_urgency(service: Service, plain: list[Answer], danger: str) -> None:
    found = service.answer([text + danger for text in TEXTS])
    raised = [one.urgent > other.urgent for one, other in zip(found, plain, strict=True)]
    assert sum(raised) / len(raised) >= RAISED


@pytest.mark.parametrize("danger", ["楼下燃气泄漏，味道很大，有人晕倒，快来人！",
                                    "电梯卡在六楼，里面有两个老人被困，喊了半小时没人来"])
def test_a_named_danger_is_urgent_and_a_question_is_not(service: Service, danger: str) -> None:
    question, urgent = service.answer(["请问办理居住证需要带哪些材料？", danger])
    assert urgent.level <= 2 < question.level


@pytest.mark.parametrize("thanks", ["感谢社区工作人员热心帮助，特此表扬！"])
def test_thanks_lower_urgency(service: Service, thanks: str) -> None:
    praise, complaint = service.answer([thanks, REPORTS["公用事业"]])
    assert praise.urgent < complaint.urgent


def test_the_plain_cases_are_known(plain: list[Answer]) -> None:
    right = [answer.first_level == level for level, answer in zip(REPORTS, plain, strict=True)]
    assert sum(right) >= RIGHT, [level for level, one in zip(REPORTS, right, strict=True) if not one]


def test_every_first_level_has_its_report(knowledge_base: KnowledgeBase) -> None:
    assert set(REPORTS) == {category.level1 for category in knowledge_base.taxonomy.categories}
