"""What speaks in a report's own words against its truth; each signal has a code and a strength in [0, 1].

Anonymity, anger, spelling, region and the reporter's person have no rule here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

from knowledge_base.elements import Elements
from knowledge_base.rumour import RumourWording
from models.contract import KINDS, Prediction

READ_CHARACTERS = 3000
CODES = ("plain_advert", "advert_wording", "hearsay", "impossible_time", "self_contradiction",
         "no_checkable_element", "rumour_wording", "model_suspects", "model_finds_vague", "kind_other")
NOTHING_TO_VERIFY = ("咨询", "建议", "表扬")
SUSPECTS_FROM, LIKELY_FROM = 0.3, 0.5
WEAKEST = 0.05
_VAGUE, _SUSPECT = 2, 3

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
_DAY = re.compile(r"(?<!\d)(?:(\d{4})年)?(\d{1,2})月(\d{1,2})[日号](?:\(?(?:星期|礼拜|周)([一二三四五六日天])\)?)?")
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})点(?:(\d{1,2})分)?(?!\d)")
_RANGE = re.compile(r"(?<!\d)((?:19|20)\d{2})年(?:(\d{1,2})月)?(?:至|到|[-~])((?:19|20)\d{2})年(?:(\d{1,2})月)?")
_PART = re.compile(r"[共有](\d{1,5})(名|人|户|家|辆|栋|台)[^。!?]{0,20}其中[^。!?\d]{0,6}(\d{1,5})\2")
_PLANNED = re.compile(r"前|内|底|起|将|到期|截止|计划|预计|拟|承诺|有效|规划|交付|交房|期限|之后|合同|至|到")
_AFTER_DAY, _BEFORE_DAY = 8, 12
_LEAP_YEAR, _LAST_HOUR, _LAST_MINUTE = 2000, 24, 59
_WEEKDAYS = "一二三四五六日"


def text_signals(plain: str, elements: Elements, prediction: Prediction, rumour: RumourWording,
                 received: date | None = None) -> dict[str, float]:
    """Return the strength of every signal in a report's words that is not nil.

    ``plain`` is the normalised text, of which the first 3,000 characters count; ``received`` is the day of receipt
    in China.
    """
    plain = plain[:READ_CHARACTERS]
    claims = KINDS[int(prediction.kind.argmax())] not in NOTHING_TO_VERIFY
    found = dict(rule_signals(plain, elements, received, claims=claims))
    found["rumour_wording"] = rumour.strength(plain)
    suspect, vague = (float(prediction.verifiability[level]) for level in (_SUSPECT, _VAGUE))
    found["model_suspects"] = _beyond(suspect, SUSPECTS_FROM)
    found["model_finds_vague"] = _beyond(vague, LIKELY_FROM)
    found["kind_other"] = _beyond(float(prediction.kind[KINDS.index("其他")]), LIKELY_FROM)
    return {code: found[code] for code in CODES if found[code] >= WEAKEST}


def rule_signals(plain: str, elements: Elements, received: date | None = None, *,
                 claims: bool = True) -> Mapping[str, float]:
    """Return the strengths that rules find in a normalised text.

    A text that complains of adverts may quote them. Hearsay counts where no evidence is named, and neither it nor a
    lack of anything to check counts where the report claims nothing (``claims``): a question, a proposal, praise.
    """
    offer = None if _ABOUT_ADVERTS.search(plain) else _OFFER.search(plain)
    plainly = bool(offer and _CONTACT.search(plain))
    checkable = (elements.places, elements.subjects, elements.evidence, elements.plates, elements.amounts)
    return {"plain_advert": float(plainly), "advert_wording": float(bool(offer) and not plainly),
            "hearsay": float(claims and not elements.evidence and _HEARSAY.search(plain) is not None),
            "impossible_time": float(has_impossible_time(plain, received)),
            "self_contradiction": float(contradicts_itself(plain)),
            "no_checkable_element": float(claims and not any(checkable))}


def has_impossible_time(plain: str, received: date | None = None) -> bool:
    """Return whether a text names a day or hour that does not exist, or as past a day after its receipt."""
    for day in _DAY.finditer(plain):
        named = _day(day[1], day[2], day[3])
        if named is None or (day[1] and received is not None and named > received + timedelta(days=1)
                             and not _is_planned(plain, day)):
            return True
    return any(int(hour) > _LAST_HOUR or int(minute or 0) > _LAST_MINUTE for hour, minute in _CLOCK.findall(plain))


def contradicts_itself(plain: str) -> bool:
    """Return whether times run backwards, a part is larger than its whole, or a day has another weekday."""
    return (any((int(first), int(month or 1)) > (int(last), int(until or 12))
                for first, month, last, until in _RANGE.findall(plain))
            or any(int(part) > int(whole) for whole, _, part in _PART.findall(plain))
            or any(_other_weekday(*named) for named in _DAY.findall(plain)))


def _is_planned(plain: str, day: re.Match[str]) -> bool:
    around = plain[max(0, day.start() - _BEFORE_DAY):day.start()] + plain[day.end():day.end() + _AFTER_DAY]
    return _PLANNED.search(around) is not None


def _other_weekday(year: str, month: str, day: str, weekday: str) -> bool:
    named = _day(year, month, day)
    return bool(year and weekday and named) and named is not None and (
        _WEEKDAYS[named.weekday()] != weekday.replace("天", "日"))


def _day(year: str | None, month: str, day: str) -> date | None:
    try:
        return date(int(year or _LEAP_YEAR), int(month), int(day))
    except ValueError:
        return None


def _beyond(probability: float, least: float) -> float:
    """Return a probability that rises from nil at ``least`` to itself at one, so that nothing jumps."""
    return max(0.0, (probability - least) / (1.0 - least))
