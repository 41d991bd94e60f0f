"""Joint scenarios (联合派单场景) and known duty disputes (职责不清): who leads, who helps, who decides, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeVar

from knowledge_base.departments import LegalBasis
from knowledge_base.errors import fault
from knowledge_base.marked_yaml import Fields, read_yaml
from knowledge_base.word_finder import (
    WITHIN,
    WORD_FIELDS,
    Finder,
    Worded,
    WordGroups,
    read_categories,
    read_department,
    read_departments_of,
    read_words,
)

TERRITORIES = ("none", "street", "county")
FEWEST_INCIDENTS = 3
DISPUTE_WITHIN = 120  # characters: who said whose duty it is comes sentences after what it is about
_SCENARIO_FIELDS = ("id", "title", *WORD_FIELDS, "lead", "co", "territory", "why")
_DISPUTE_FIELDS = ("id", "title", *WORD_FIELDS, "departments", "why", "basis", "convener", "consult")

Complaint = tuple[str, str, str]  # the fields of ``checks.Problem``: a stable code, where, what is wrong


@dataclass(frozen=True, slots=True)
class Helper:
    """A co-handling department and, in Chinese, what it is needed for."""

    department: str
    why: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A situation that takes more than one department, or whose lead depends on more than its category.

    ``co`` is ranked; ``territory`` says whether street or county must take part besides; ``why`` says in Chinese
    why this lead. Stages of one matter (a shop still open, a shop gone) are scenarios of their own.
    """

    id: str
    title: str
    categories: tuple[str, ...]
    words: WordGroups
    incidents: tuple[str, ...]
    lead: str
    co: tuple[Helper, ...]
    territory: str
    why: str

    @property
    def co_codes(self) -> tuple[str, ...]:
        """Codes of the co-handling departments in order."""
        return tuple(helper.department for helper in self.co)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A matter that several departments each hold to be another's: it is sent to consultation, not decided alone.

    ``convener`` is the department code that calls the consultation; ``consult`` says in Chinese who decides and how.
    """

    id: str
    title: str
    categories: tuple[str, ...]
    words: WordGroups
    incidents: tuple[str, ...]
    departments: tuple[str, ...]
    why: str
    basis: tuple[LegalBasis, ...]
    convener: str
    consult: str


Scenarios = Finder[Scenario]
Disputes = Finder[Dispute]
Entry = TypeVar("Entry", bound=Worded)


def read_scenarios(path: Path, categories: Collection[str], departments: Collection[str]) -> Scenarios:
    """Read ``scenarios.yaml``; a file that is not there holds none.

    Raises:
        KnowledgeBaseError: the file is unreadable, a field is broken, or a code is unknown.
    """
    if not path.exists():
        return Finder()
    rows = read_yaml(path, ("scenarios",)).mappings("scenarios", _SCENARIO_FIELDS)
    return _finder(path, rows, [_read_scenario(row, categories, departments) for row in rows])


def read_disputes(path: Path, categories: Collection[str], departments: Collection[str]) -> Disputes:
    """Read ``disputes.yaml``; a file that is not there holds none.

    Raises:
        KnowledgeBaseError: the file is unreadable, a field is broken, or a code is unknown.
    """
    if not path.exists():
        return Finder()
    rows = read_yaml(path, ("disputes",)).mappings("disputes", _DISPUTE_FIELDS)
    return _finder(path, rows, [_read_dispute(row, categories, departments) for row in rows], DISPUTE_WITHIN)


def _finder(path: Path, rows: list[Fields], entries: list[Entry], within: int = WITHIN) -> Finder[Entry]:
    seen: set[str] = set()
    for row, entry in zip(rows, entries, strict=True):
        if entry.id in seen:
            raise row.fault("id", f"expected each id once, found {entry.id} again")
        seen.add(entry.id)
    if not entries:
        raise fault(path.name, 1, "file", "expected at least one entry; delete the file if there is none")
    return Finder(entries, within)


def read_helpers(fields: Fields, lead: str, departments: Collection[str]) -> tuple[Helper, ...]:
    """Read the ranked co-handlers of a field ``co``.

    Raises:
        KnowledgeBaseError: a department is unknown, named twice, or leads already.
    """
    helpers: list[Helper] = []
    for row in fields.mappings("co", ("department", "why")):
        helper = Helper(read_department(row, "department", departments), row.text("why"))
        if helper.department in (lead, *(other.department for other in helpers)):
            raise row.fault("department", f"expected {helper.department} only once among lead and co")
        helpers.append(helper)
    return tuple(helpers)


def _read_scenario(fields: Fields, categories: Collection[str], departments: Collection[str]) -> Scenario:
    lead = read_department(fields, "lead", departments)
    if (territory := fields.text("territory", "none")) not in TERRITORIES:
        raise fields.fault("territory", f"expected one of {', '.join(TERRITORIES)}, found {territory!r}")
    return Scenario(id=fields.text("id"), title=fields.text("title"), categories=read_categories(fields, categories),
                    words=read_words(fields), incidents=fields.texts("incidents"), lead=lead,
                    co=read_helpers(fields, lead, departments), territory=territory, why=fields.text("why"))


def _read_dispute(fields: Fields, categories: Collection[str], departments: Collection[str]) -> Dispute:
    contested = read_departments_of(fields, "departments", departments)
    if len(contested) < len(("one", "another")):
        raise fields.fault("departments", f"expected two departments or more, found {len(contested)}")
    basis = tuple(LegalBasis(row.text("law"), row.text("article"), row.text("superseded", ""))
                  for row in fields.mappings("basis", ("law", "article", "superseded")))
    return Dispute(id=fields.text("id"), title=fields.text("title"), categories=read_categories(fields, categories),
                   words=read_words(fields), incidents=fields.texts("incidents"), departments=contested,
                   why=fields.text("why"), basis=basis, convener=read_department(fields, "convener", departments),
                   consult=fields.text("consult"))


def problems(scenarios: Scenarios, disputes: Disputes, categories: Collection[str],
             departments: Collection[str]) -> Iterator[Complaint]:
    """Yield what is wrong with scenarios and disputes, as the fields of a ``Problem`` of ``kb check``."""
    yield from _entry_problems("scenario", scenarios, categories)
    yield from _entry_problems("dispute", disputes, categories)
    for scenario in scenarios:
        yield from _unknown(f"scenario {scenario.id}", (scenario.lead, *scenario.co_codes), departments)
        if scenario.lead in scenario.co_codes:
            yield "points_to_itself", f"scenario {scenario.id}", f"names its lead {scenario.lead} as co-handler too"
    for dispute in disputes:
        yield from _unknown(f"dispute {dispute.id}", (*dispute.departments, dispute.convener), departments)
    yield from _contradictions(scenarios)


def _unknown(where: str, codes: Iterable[str], departments: Collection[str]) -> Iterator[Complaint]:
    for code in codes:
        if code not in departments:
            yield "dead_reference", where, f"no department has the code {code!r}"


def _entry_problems(sort: str, entries: Finder[Scenario] | Finder[Dispute],
                    categories: Collection[str]) -> Iterator[Complaint]:
    for code, values in ((f"repeated_{sort}_id", [entry.id for entry in entries]),
                         ("repeated_incident", [text for entry in entries for text in entry.incidents])):
        for value, count in Counter(values).items():
            if count > 1:
                yield code, value, f"found {count} times, expected once"
    for entry in entries:
        where = f"{sort} {entry.id}"
        for code in entry.categories:
            if code not in categories:
                yield "dead_reference", where, f"no category has the code {code!r}"
        if len(entry.incidents) < FEWEST_INCIDENTS:
            yield "few_incidents", where, f"has {len(entry.incidents)} incidents, expected {FEWEST_INCIDENTS} or more"
        for text in entry.incidents:
            if entry.id not in [found.id for found in entries.matching(text, entry.categories)]:
                yield "unmatched_incident", where, f"its own words do not find its incident {text!r}"


def _contradictions(scenarios: Scenarios) -> Iterator[Complaint]:
    """Yield pairs that the same texts match under the same category, but with different leads."""
    for one, other in combinations(scenarios, 2):
        if one.lead != other.lead and _same_words(one.words, other.words):
            if shared := [code for code in one.categories if code in other.categories]:
                yield ("contradictory_scenarios", f"scenarios {one.id}, {other.id}",
                       f"the same words under {', '.join(shared)}, but the leads {one.lead} and {other.lead}")


def _same_words(one: WordGroups, other: WordGroups) -> bool:
    return (set(map(frozenset, one.groups)), frozenset(one.not_words)) == (
        set(map(frozenset, other.groups)), frozenset(other.not_words))
