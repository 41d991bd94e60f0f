"""Checking the knowledge base as a whole, and its citations against the texts of the laws."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations, product
from pathlib import Path

from knowledge_base import localities, scenarios
from knowledge_base.contradictions import contradictions
from knowledge_base.deadlines import DeadlineRule
from knowledge_base.departments import LegalBasis
from knowledge_base.loading import KnowledgeBase
from knowledge_base.problem import Problem

FEWEST_DUTIES = 8
_ARTICLE = re.compile(r"(.+?) ?(第[〇零一二三四五六七八九十百]{1,7}条(?:之[一二三四五六七八九十])?)")
_DIGITS = "零一二三四五六七八九"
_TEN = 10

Articles = Mapping[tuple[str, str], str]


def check(knowledge_base: KnowledgeBase) -> list[Problem]:
    """Return what is wrong with a loaded knowledge base; nothing for one that is fit to serve."""
    return [*_dead_references(knowledge_base), *_repeats(knowledge_base), *_categories(knowledge_base),
            *_departments(knowledge_base), *_duties(knowledge_base), *contradictions(knowledge_base),
            *_superseded(knowledge_base), *_overlapping_deadlines(knowledge_base), *_joint_dispatch(knowledge_base)]


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
    by_department = {(department.code, code) for department, duty in knowledge_base.duties
                     for code in duty.categories}
    answered = {code for _, code in by_department}
    for code in knowledge_base.taxonomy.codes:
        entry = knowledge_base.catalogue.get(code)
        if entry is None:
            yield Problem("no_lead", code, "no row in catalogue.tsv, expected a lead for each category")
        elif (entry.lead, code) not in by_department:
            yield Problem("lead_without_duty", code, f"its lead {entry.lead} has no duty that answers it")
        if code not in answered:
            yield Problem("no_duty", code, "no duty answers this category, expected at least one")
        for name, crosswalk in (("db44t2479", knowledge_base.crosswalk.db44t2479),
                                ("xinfang", knowledge_base.crosswalk.xinfang)):
            if code not in crosswalk:
                yield Problem("no_crosswalk", code, f"no row in the cross-walk {name}, expected one for each category")


def _departments(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    listed = {code for entry in knowledge_base.catalogue.values() for code in (*entry.leads, *entry.co)}
    joint = {code for scenario in knowledge_base.scenarios for code in (scenario.lead, *scenario.co_codes)}
    for department in knowledge_base.departments:
        if len(department.duties) < FEWEST_DUTIES:
            yield Problem("few_duties", department.code,
                          f"has {len(department.duties)} duties, expected at least {FEWEST_DUTIES}")
        if not department.duties and department.code not in listed | joint:
            yield Problem("unreachable", department.code,
                          "has no duty and is in no category of the catalogue and no scenario: no report reaches it")
        elif department.code not in listed:
            yield Problem("not_in_catalogue", department.code, "is neither lead nor co-handler of any category")


def _duties(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    for department, duty in knowledge_base.duties:
        if not duty.id.startswith(f"{department.code}-"):
            yield Problem("foreign_duty_id", duty.id, f"is a duty of {department.code}, expected {department.code}-…")
        if not duty.incidents:
            yield Problem("no_incidents", duty.id, "has no incidents, expected some in citizens' words")
        if not duty.categories:
            yield Problem("no_categories", duty.id, "answers no category, expected at least one")
        if any(other.department == department.code for other in duty.not_ours):
            yield Problem("points_to_itself", duty.id, f"not_ours names its own department {department.code}")


def _superseded(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    """Yield articles that one duty marks as superseded and another not, or otherwise."""
    marks: dict[tuple[str, str], dict[str, str]] = {}
    for _, duty in knowledge_base.duties:
        for basis in duty.basis:
            marks.setdefault(_key(basis), {}).setdefault(basis.superseded, duty.id)
    for (law, article), found in marks.items():
        if len(found) > 1:
            said = "; ".join(f"{duty}: {mark or 'not superseded'}" for mark, duty in found.items())
            yield Problem("superseded_differs", f"{law} {article}", f"is marked in different ways ({said})")


def _overlapping_deadlines(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    """Yield rules that give the same step twice to one report on the same condition."""
    for one, other in combinations(knowledge_base.deadline_rules, 2):
        same = (one.step, one.regions, one.mentions) == (other.step, other.regions, other.mentions)
        if not same or one.in_force > other.until or other.in_force > one.until:
            continue
        region, text = "".join(one.regions[:1]), "".join(one.mentions[:1])
        both = [code for kind, code in product(one.kinds, knowledge_base.taxonomy.codes)
                if one.covers(kind, code, region, text) and other.covers(kind, code, region, text)]
        if both:
            yield Problem("step_twice", f"{one.id} {other.id}", f"both give {one.step!r} to {both[0]}")


def _joint_dispatch(knowledge_base: KnowledgeBase) -> Iterator[Problem]:
    """Yield what is wrong with scenarios, disputes and localities."""
    base, codes = knowledge_base, knowledge_base.department_codes
    for found in (scenarios.problems(base.scenarios, base.disputes, base.taxonomy.codes, codes),
                  localities.problems(base.localities, base.catalogue, base.scenarios, codes)):
        for code, where, message in found:
            yield Problem(code, where, message)


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
            if not rule.source:
                problems.append(Problem("unknown_article", rule.id, f"{rule.basis} is not among the known articles; "
                                        "name in `source` who publishes it"))
        elif rule.source:
            problems.append(Problem("idle_source", rule.id, f"{rule.basis} is among the known articles; drop `source`"))
        elif not states_limit(text, rule):
            problems.append(Problem("limit_not_stated", rule.id,
                                    f"{rule.basis} does not name {rule.length} {rule.unit}s"))
    return problems


def _key(basis: LegalBasis) -> tuple[str, str]:
    return basis.law, basis.article


def states_limit(text: str, rule: DeadlineRule) -> bool:
    """Return whether an article names the rule's number of days or hours, in Arabic or Chinese numerals."""
    days = "个?工作日" if rule.unit == "working_day" and "工作日" in text else "日"
    unit = "个?小时" if rule.unit == "hour" else days
    length = f"{rule.length}|{chinese_number(rule.length)}"
    return re.search(rf"(?<![0-9一二三四五六七八九十])(?:{length}){unit}", text) is not None


def chinese_number(number: int) -> str:
    """Return a number from 1 to 99 in Chinese numerals, as statutes write it."""
    tens, ones = divmod(number, _TEN)
    return (("" if tens == 1 else _DIGITS[tens]) + "十" if tens else "") + (_DIGITS[ones] if ones else "")
