"""What a change of the knowledge base does to reports: which are routed otherwise, and because of which change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge_base.diff import CHANGED, Change
from knowledge_base.localities import Locality
from knowledge_base.records import DEPARTMENT, DUTY
from models.contract import Prediction, Report, RoutingDecision
from serving.engine import Engine
from serving.kb_wording import CHANGE_KINDS, FIELDS, LOCALITIES

_NAMED = r"(?<![0-9A-Za-z_-]){}(?![0-9A-Za-z_-])"
_CLOSE = 0.01
_PLAUSIBLE = 0.05
_NO_CAUSE = "没有直接引用的改动：职责增减后，词语权重随之变化"


@dataclass(frozen=True, slots=True)
class Route:
    """Where a report goes: department codes, the decision with its reasons, the days that are due.

    ``leads`` are the most probable leads with their probabilities, the chosen one first.
    """

    lead: str
    leads: tuple[tuple[str, float], ...]
    co: tuple[str, ...]
    decision: str
    reasons: tuple[str, ...]
    evidence: tuple[str, ...]
    deadlines: tuple[tuple[str, str | None], ...]

    @classmethod
    def of(cls, answer: Mapping[str, Any], routing: RoutingDecision) -> Route:
        """Return the route of an answer and of what the router said for it."""
        lead = answer["lead_department"]
        return cls(lead["code"], tuple((one.label, round(one.probability, 4)) for one in routing.leads),
                   tuple(one["code"] for one in answer["co_departments"]),
                   answer["decision"]["route"], tuple(answer["decision"]["reasons"]),
                   tuple(one["duty_id"] for one in lead["evidence"]),
                   tuple((one["step"], one["due"]) for one in answer["deadlines"]))

    def sends(self) -> tuple[str, frozenset[str], str, tuple[str, ...]]:
        """Return what decides whether a report is re-routed: the order of co-handlers does not."""
        return self.lead, frozenset(self.co), self.decision, self.reasons

    @property
    def confidence(self) -> float:
        """The probability of the lead."""
        return self.leads[0][1] if self.leads else 0.0

    def concerns(self, department: str) -> bool:
        """Return whether a department leads, helps, or was close to leading."""
        return department in self.co or any(code == department and p >= _CLOSE for code, p in self.leads)


@dataclass(frozen=True, slots=True)
class Cause:
    """A change that an answer rests on, and how, in Chinese."""

    part: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class Rerouted:
    """A report that the two versions route otherwise, or give other deadlines."""

    report_id: str
    before: Route
    after: Route
    causes: tuple[Cause, ...]

    @property
    def moved(self) -> bool:
        """Whether lead, co-handlers or decision differ; else only deadlines do."""
        return self.before.sends() != self.after.sends()


@dataclass(frozen=True, slots=True)
class _Pair:
    """How both versions route one report, and what each said for it.

    ``categories`` are the plausible ones, which the network alone decides; ``titles`` those of scenarios and disputes.
    """

    region: str | None
    categories: Mapping[str, str]
    titles: Mapping[str, str]
    before: Route
    after: Route
    said_before: str
    said_after: str


def rerouted(reports: Sequence[Report], predictions: Sequence[Prediction], old: Engine, new: Engine,
             changes: Sequence[Change]) -> Iterator[Rerouted]:
    """Yield the reports that two engines over the same network answer otherwise, in order."""
    titles = {one.id: one.title for engine in (old, new)
              for one in (*engine.knowledge_base.scenarios, *engine.knowledge_base.disputes)}
    for report, prediction in zip(reports, predictions, strict=True):
        answers = [engine.consider(report, prediction).body for engine in (old, new)]
        routings = [engine.router.route(report, prediction) for engine in (old, new)]
        before, after = map(Route.of, answers, routings)
        if before.sends() != after.sends():
            pair = _Pair(report.region, _categories(answers[1]), titles, before, after, *map(_said, routings))
            yield Rerouted(report.id, before, after, tuple(_causes(changes, pair)) or (Cause("", "", _NO_CAUSE),))
        elif before.deadlines != after.deadlines:
            yield Rerouted(report.id, before, after, ())


def _categories(answer: Mapping[str, Any]) -> Mapping[str, str]:
    category = answer["category"]
    return {one["code"]: "·".join(one["path"]) for one in (category, *category["alternatives"])
            if one["probability"] >= _PLAUSIBLE}


def _said(routing: RoutingDecision) -> str:
    return "\n".join([*(helper.reason for helper in routing.co_departments), *routing.notes, *routing.disputed])


def _causes(changes: Sequence[Change], pair: _Pair) -> Iterator[Cause]:
    """Yield the changes that either answer rests on; where it rests on none, those of the departments concerned."""
    found = [cause for change in changes if (cause := _cause(change, pair)) is not None]
    yield from found or _of_departments(changes, pair)


def _cause(change: Change, pair: _Pair) -> Cause | None:
    """Return how the answers rest on a change, None where they do not."""
    what = CHANGE_KINDS[change.kind] + (f"（{field_names(change)}）" if change.kind == CHANGED else "")
    why = None
    if change.part == DUTY:
        why = _by_duty(change.key, pair)
    elif change.part == DEPARTMENT:
        why = _by_department(change, pair)
    elif change.part == "catalogue" and change.key in pair.categories:
        why = f"是“{pair.categories[change.key]}”的派单目录"
    elif change.part.startswith(LOCALITIES):
        why = _by_locality(change, pair)
    elif change.part in ("scenario", "dispute"):
        why = _by_title(change.key, pair)
    return Cause(change.part, change.key, f"{what}，{why}") if why else None


def _by_duty(duty: str, pair: _Pair) -> str | None:
    for held, said in ((duty in pair.after.evidence, "现为主办依据"), (duty in pair.before.evidence, "原为主办依据"),
                       (_names(pair.said_after, duty), "现为协办理由"),
                       (_names(pair.said_before, duty), "原为协办理由")):
        if held:
            return said
    return None


def _by_department(change: Change, pair: _Pair) -> str | None:
    """Return what a department that came or went does here; other names or aliases route nothing."""
    if change.kind == CHANGED:
        return None
    for route, said in ((pair.after, "现在参与主办的比较"), (pair.before, "原先参与主办的比较")):
        if change.key in (route.lead, *route.co):
            return "现在承办" if route is pair.after else "原先承办"
        if route.concerns(change.key):
            return f"{said}（可能性 {dict(route.leads)[change.key]:.2f}）"
    return None


def _by_locality(change: Change, pair: _Pair) -> str | None:
    locality = Locality(change.part.removeprefix(LOCALITIES), "")
    if pair.region is None or not pair.region.startswith(locality.prefix):
        return None
    section, _, key = change.key.partition(" ")
    held = key in pair.categories if section == "categories" else bool(key) and _by_title(key, pair) is not None
    return "是当地的规定" if held else None


def _by_title(key: str, pair: _Pair) -> str | None:
    title = f"“{pair.titles[key]}”" if key in pair.titles else key
    for said, how in ((pair.said_after, "现据此派单"), (pair.said_before, "原据此派单")):
        if title in said or _names(said, key):
            return how
    return None


def _of_departments(changes: Sequence[Change], pair: _Pair) -> Iterator[Cause]:
    for change in changes:
        department = change.key.rpartition("-")[0]
        if change.part == DUTY and (pair.before.concerns(department) or pair.after.concerns(department)):
            yield Cause(change.part, change.key, f"{CHANGE_KINDS[change.kind]}，属于可能承办的部门")


def field_names(change: Change) -> str:
    """Return the changed fields in Chinese, in one line."""
    return "、".join(FIELDS.get(one.field, one.field) for one in change.fields)


def _names(said: str, key: str) -> bool:
    """Return whether a text names a record by its key."""
    return re.search(_NAMED.format(re.escape(key)), said) is not None
