"""Changes of a report that must not move its false-report score: anger, spelling, dialect, person, region."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from knowledge_base.elements import extract_elements
from knowledge_base.false_report import FalseReport, score_false_report
from models.contract import Predictor, Report
from models.text import normalise

_TYPOS = {"的": "得", "在": "再", "已": "以", "做": "作", "他": "它", "那": "哪", "请": "清", "帐": "账", "像": "象"}
_DIALECT = {"什么": "啥子", "没有": "冇得", "不知道": "晓不得", "怎么": "咋个", "我们": "俺们", "非常": "蛮",
            "这里": "这厢", "现在": "而今"}
_SWAPPED = {"先生": "女士", "女士": "先生", "男": "女", "女": "男", "他": "她", "她": "他"}


def _replaced(text: str, words: Mapping[str, str]) -> str:
    """Return the text with every word exchanged at once, longer words first."""
    made, place = [], 0
    ordered = sorted(words, key=len, reverse=True)
    while place < len(text):
        word = next((one for one in ordered if text.startswith(one, place)), text[place])
        made.append(words.get(word, word))
        place += len(word)
    return "".join(made)


def _in_text(change: Callable[[str], str]) -> Callable[[Report], Report]:
    return lambda report: replace(report, text=change(report.text), title=change(report.title))


VARIANTS: Mapping[str, Callable[[Report], Report]] = MappingProxyType({
    "anger before": lambda report: replace(report, text="气死我了！！！太黑心了！" + report.text),
    "anger after": lambda report: replace(report, text=report.text + "你们这群混蛋，天理何在！！"),
    "typos": _in_text(lambda text: _replaced(text, _TYPOS)),
    "dialect": _in_text(lambda text: _replaced(text, _DIALECT)),
    "no punctuation": _in_text(lambda text: "".join(" " if mark in "，。！？；、" else mark for mark in text)),
    "sex exchanged": _in_text(lambda text: _replaced(text, _SWAPPED)),
    "signed as 先生, as 女士": lambda report: replace(report, text=report.text + "反映人：李女士"),
    "anonymous flag": lambda report: replace(report, anonymous=not report.anonymous),
    "asks for anonymity": lambda report: replace(report, text=report.text + "本人不便透露姓名，请保密。"),
    "other region code": lambda report: replace(report, region="650102"),
    "other place name": _in_text(lambda text: text.replace("A市", "K市").replace("西地省", "东天省")),
    "from the country": lambda report: replace(report, text="我是农村来的，没文化。" + report.text)})
_SIGNED = "signed as 先生, as 女士"


@dataclass(frozen=True, slots=True)
class Moved:
    """How far a change moved the score of one report, whether it changed its band, and whether any reason stood."""

    by: float
    band_changed: bool
    suspected: bool


def moved_by(name: str, reports: Sequence[Report], predictor: Predictor) -> list[Moved]:
    """Return how far a change moves the score of each report that it changes, network and all."""
    change = VARIANTS[name]
    moved = []
    for report in reports:
        before = replace(report, text=report.text + "反映人：李先生") if name == _SIGNED else report
        after = change(report)
        if after != before:
            first, second = _scored(before, predictor), _scored(after, predictor)
            moved.append(Moved(abs(first.score - second.score), first.band != second.band, len(first.reasons) > 1))
    return moved


def _scored(report: Report, predictor: Predictor) -> FalseReport:
    text = f"{report.title}。{report.text}" if report.title else report.text
    prediction = predictor.predict([report])[0]
    return score_false_report(prediction, extract_elements(text), normalise(text).text)
