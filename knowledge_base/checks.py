"""Checking the knowledge base as a whole, and its citations against the texts of the laws."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from knowledge_base.deadlines import DeadlineRule
from knowledge_base.departments import LegalBasis
from knowledge_base.loading import KnowledgeBase

FEWEST_DUTIES = 8
_ARTICLE = re.compile(r"(.+?) ?(第[〇零一二三四五六七八九十百]{1,7}条(?:之[一二三四五六七八九十])?)")
_DIGITS = "零一二三四五六七八九"
_TEN = 10

Articles = Mapping[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend: a stable code, where it is, and what is wrong."""

    code: str
    where: str
    message: str


def check(knowledge_base: KnowledgeBase) -> list[Problem]:
    """Return what is wrong with a loaded knowledge base; nothing for one that is fit to serve."""
    return [*_dead_references(knowledge_base), *_repeats(knowledge_base), *_categories(knowledge_base),
            *_departments(knowledge_base), *_duties(knowledge_base)]


def _dead_references(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    references = [(f"duty {duty.id}", code, False) for _, duty in knowledge_base.duties for code in duty.categories]
    references += [(f"duty {duty.id}", other.department, True)
                   for _, duty in knowledge_base.duties for other in duty.not_ours]
    for entry in knowledge_base.catalogue.values():
        references.append((f"catalogue {entry.category}", entry.category, False))
        references += [(f"catalogue {entry.category}", code, True) for code in (*entry.leads, *entry.co)]
    for name, crosswalk in (("db44t2479", knowledge_base.crosswalk.db44t2479),
                            ("xinfang", knowledge_base.crosswalk.xinfang)):
        references += [(f"cross-walk {name}", code, False) for code in crosswalk]
    departments = set(knowledge_base.department_codes)
    for where, code, is_department in references:
        if code not in (departments if is_department else knowledge_base.taxonomy):
            yield Problem("dead_reference", where,
                          f"no {'department' if is_department else 'category'} has the code {code!r}")


def _repeats(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    duties = [duty for _, duty in knowledge_base.duties]
    for code, values in (("repeated_department", [department.code for department in knowledge_base.departments]),
                         ("repeated_duty_id", [duty.id for duty in duties]),
                         ("repeated_duty_text", [duty.text for duty in duties]),
                         ("repeated_incident", [text for duty in duties for text in duty.incidents]),
                         ("repeated_deadline_rule", [rule.id for rule in knowledge_base.deadline_rules])):
        for value, count in Counter(values).items():
            if count > 1:
                yield Problem(code, value, f"found {count} times, expected once")


def _categories(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    answered = {code for _, duty in knowledge_base.duties for code in duty.categories}
    for code in knowledge_base.taxonomy.codes:
        if code not in knowledge_base.catalogue:
            yield Problem("no_lead", code, "no row in catalogue.tsv, expected a lead for each category")
        if code not in answered:
            yield Problem("no_duty", code, "no duty answers this category, expected at least one")
        for name, crosswalk in (("db44t2479", knowledge_base.crosswalk.db44t2479),
                                ("xinfang", knowledge_base.crosswalk.xinfang)):
            if code not in crosswalk:
                yield Problem("no_crosswalk", code, f"no row in the cross-walk {name}, expected one for each category")


def _departments(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    reachable = {code for entry in knowledge_base.catalogue.values() for code in (*entry.leads, *entry.co)}
    for department in knowledge_base.departments:
        if len(department.duties) < FEWEST_DUTIES:
            yield Problem("few_duties", department.code,
                          f"has {len(department.duties)} duties, expected at least {FEWEST_DUTIES}")
        if department.code not in reachable:
            yield Problem("unreachable", department.code, "is neither lead nor co-handler of any category")


def _duties(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    for department, duty in knowledge_base.duties:
        if not duty.incidents:
            yield Problem("no_incidents", duty.id, "has no incidents, expected some in citizens' words")
        if not duty.categories:
            yield Problem("no_categories", duty.id, "answers no category, expected at least one")
        if any(other.department == department.code for other in duty.not_ours):
            yield Problem("points_to_itself", duty.id, f"not_ours names its own department {department.code}")


def read_articles(folder: Path) -> dict[tuple[str, str], str]:
    """Return the text of every article by law and article, from the two files of laws in ``folder``.

    Raises:
        OSError: a file cannot be read.
    """
    articles: dict[tuple[str, str], str] = {}
    for line in (folder / "laws_articles.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        articles.setdefault((row["law"], row["article_zh"]), row["text"])
    for line in (folder / "samr_rules_articles.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if match := _ARTICLE.fullmatch(row["title"]):
            articles.setdefault((match[1], match[2]), row["text"])
    return articles


def check_legal_bases(knowledge_base: KnowledgeBase, laws: Path) -> list[Problem]:
    """Compare every citation with ``laws_articles.jsonl`` and ``samr_rules_articles.jsonl`` in the folder ``laws``.

    Raises:
        OSError: a file cannot be read.
    """
    articles = read_articles(laws)
    cited = [(duty.id, basis) for _, duty in knowledge_base.duties for basis in duty.basis]
    problems = [Problem("unknown_article", where, f"{basis} is not among the known articles")
                for where, basis in cited if _key(basis) not in articles]
    for rule in knowledge_base.deadline_rules:
        text = articles.get(_key(rule.basis))
        if text is None:
            problems.append(Problem("unknown_article", rule.id, f"{rule.basis} is not among the known articles"))
        elif not states_limit(text, rule):
            problems.append(Problem("limit_not_stated", rule.id, f"{rule.basis} does not name {rule.days} days"))
    return problems


def _key(basis: LegalBasis) -> tuple[str, str]:
    return basis.law, basis.article


def states_limit(text: str, rule: DeadlineRule) -> bool:
    """Return whether an article names the rule's number of days, in Arabic or Chinese numerals."""
    unit = "个?工作日" if rule.unit == "working_day" and "工作日" in text else "日"
    days = f"{rule.days}|{chinese_number(rule.days)}"
    return re.search(rf"(?<![0-9一二三四五六七八九十])(?:{days}){unit}", text) is not None


def chinese_number(number: int) -> str:
    """Return a number from 1 to 99 in Chinese numerals, as statutes write it."""
    tens, ones = divmod(number, _TEN)
    return (("" if tens == 1 else _DIGITS[tens]) + "十" if tens else "") + (_DIGITS[ones] if ones else "")
