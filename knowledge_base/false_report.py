"""How much a reviewer should ask whether a report is true: an interpretable score, never a verdict.

Only what a report says can move the score: adverts, hearsay, times that cannot be, nothing to check, and what the
network makes of its verifiability. Anonymity, anger, spelling, region and the reporter's person never do. While no
outcomes are known the score of anything but a plain advert stays at or below 0.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from knowledge_base.elements import Elements
from models.contract import KINDS, Prediction
from models.text import normalise

MOST_WITHOUT_OUTCOMES = 0.6
PLAIN_ADVERT = 0.9
MEDIUM_FROM = 0.3
HIGH_FROM = 0.5
INSUFFICIENT_HISTORY = "insufficient_history"
RULE_WEIGHTS = {"advert_wording": 0.2, "hearsay": 0.15, "impossible_time": 0.15, "no_checkable_element": 0.2}
MODEL_SUSPECTS_WEIGHT = 0.55
MODEL_VAGUE_WEIGHT = 0.15
KIND_OTHER_WEIGHT = 0.1
_SUSPECTS_FROM = 0.3
_LIKELY_FROM = 0.5
_VAGUE, _SUSPECT = 2, 3
_OTHER = KINDS.index("其他")

_OFFER = re.compile(
    r"代开发票|发票代开|办证刻章|刻章办证|代办(?:各类|各种|毕业|学历|文凭)|无抵押.{0,4}贷款|贷款.{0,6}(?:秒到|秒批|当天放款|当天下款)|日赚|月入\d|躺赚|刷单兼职|兼职刷单"
    r"|诚招(?:代理|加盟|兼职)|招代理|免费领取|低价(?:出售|批发|转让)|厂家直销|限时(?:优惠|特价|抢购)|稳赚不赔|包过|内部渠道|专业(?:疏通|清洗|开锁|搬家|补漏|装修)"
    r"|私家侦探|博彩|彩票预测|股票推荐|荐股")
_CONTACT = re.compile(
    r"(?:加|添加|联系|咨询)(?:我|本人|客服|老师|经理)?(?:的)?(?:微信|薇信|VX|vx|V信|QQ|qq|扣扣)"
    r"|(?:微信|薇信|VX|vx|V信|QQ|qq|扣扣)(?:号|同号)?[: ]{0,2}[A-Za-z0-9_-]{5,20}"
    r"|(?:联系|咨询|预约|订购|热线|加盟)电话|欢迎(?:来电|咨询|加盟|选购)|(?:电话|手机)(?:微信)?同号|扫码(?:进群|添加|领取|关注)|点击(?:链接|领取)|详情请?(?:咨询|联系|点击)")
_ABOUT_ADVERTS = re.compile(
    r"投诉|举报|骚扰|被骗|上当|诈骗|小广告|垃圾短信|虚假宣传|不退|退款|退费|维权|收到.{0,6}(?:短信|电话|信息)")
_HEARSAY = re.compile(r"听说|据说|听别?人说|听人讲|网传|传言|谣传|道听途说|有传闻|坊间|小道消息|据传|盛传")
_DAY = re.compile(r"(?<!\d)(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号]")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})点(?:(\d{1,2})分)?(?!\d)")
_YEARS = re.compile(r"(?<!\d)((?:19|20)\d{2})年(?:\d{1,2}月)?(?:至|到|[-~])((?:19|20)\d{2})年")
_LEAP_YEAR, _LAST_HOUR, _LAST_MINUTE = 2000, 24, 59


@dataclass(frozen=True, slots=True)
class FalseReport:
    """A score in [0, 1], its band ``low``, ``medium`` or ``high``, and stable reason codes."""

    score: float
    band: str
    reasons: tuple[str, ...]


def score_false_report(prediction: Prediction, elements: Elements, text: str) -> FalseReport:
    """Return whether a reviewer should ask if a report is true, and why.

    The score is the sum of the rules' weights, 0.55 · P(suspect), 0.15 · P(vague) and 0.1 · P(kind 其他), where the
    network finds these likely, at most 0.6; a plain advert (an offer with a way to order it) is 0.9.
    """
    reasons = list(rule_reasons(elements, text))
    score = sum(RULE_WEIGHTS[reason] for reason in reasons if reason in RULE_WEIGHTS)
    suspect, vague = (float(prediction.verifiability[level]) for level in (_SUSPECT, _VAGUE))
    other = float(prediction.kind[_OTHER])
    if suspect >= _SUSPECTS_FROM:
        reasons.append("model_suspects")
        score += MODEL_SUSPECTS_WEIGHT * suspect
    if vague >= _LIKELY_FROM:
        reasons.append("model_finds_vague")
        score += MODEL_VAGUE_WEIGHT * vague
    if other >= _LIKELY_FROM:
        reasons.append("kind_other")
        score += KIND_OTHER_WEIGHT * other
    score = PLAIN_ADVERT if "plain_advert" in reasons else min(score, MOST_WITHOUT_OUTCOMES)
    return FalseReport(round(score, 4), _band(score), (*reasons, INSUFFICIENT_HISTORY))


def rule_reasons(elements: Elements, text: str) -> tuple[str, ...]:
    """Return the reason codes that come from the text alone, without the network.

    A text that complains of adverts may quote them: it has no ``advert_wording``.
    """
    plain = normalise(text).text
    offer = None if _ABOUT_ADVERTS.search(plain) else _OFFER.search(plain)
    contact = _CONTACT.search(plain)
    checkable = (elements.places, elements.subjects, elements.evidence, elements.plates, elements.amounts)
    found = {"plain_advert": offer and contact, "advert_wording": offer, "hearsay": _HEARSAY.search(plain),
             "impossible_time": has_impossible_time(plain), "no_checkable_element": not any(checkable)}
    return tuple(reason for reason, present in found.items() if present)


def has_impossible_time(plain: str) -> bool:
    """Return whether a text names a day or hour that does not exist, or years that run backwards."""
    return (any(not _is_day(year, month, day) for year, month, day in _DAY.findall(plain))
            or any(int(hour) > _LAST_HOUR or int(minute or 0) > _LAST_MINUTE for hour, minute in _CLOCK.findall(plain))
            or any(int(first) > int(last) for first, last in _YEARS.findall(plain)))


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year or _LEAP_YEAR), int(month), int(day))
    except ValueError:
        return False
    return True


def _band(score: float) -> str:
    if score >= HIGH_FROM:
        return "high"
    return "medium" if score >= MEDIUM_FROM else "low"
