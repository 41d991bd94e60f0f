"""The router: department head, duties, catalogue and joint scenarios joined into lead, co-handlers and territory.

Lead probabilities come from a conditional logit (McFadden 1974) whose few non-negative weights are shared by all
departments, so that better evidence for a department never lowers it, and a department that the network never saw
can still win by its duties and its place in the catalogue. What a locality has laid down otherwise than the national
catalogue takes the share of probability of the categories and scenarios that it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knowledge_base.index import DutyIndex
from knowledge_base.loading import KnowledgeBase
from knowledge_base.localities import Locality, for_region
from knowledge_base.mentions import DepartmentNames
from knowledge_base.scenarios import Dispute, Scenario
from models.calibration import sigmoid, softmax
from models.contract import (
    TERRITORY_CODES,
    CoDepartment,
    DutyMatch,
    FloatArray,
    Prediction,
    Report,
    RoutingDecision,
    ScoredLabel,
)
from models.tokens import read_text, report_text

LEAD_FEATURES = ("head", "catalogue", "dense", "lexical", "scenario", "named")
CO_FEATURES = ("head", "usual", "dense", "lead", "constant", "beside_lead", "scenario", "named", "territory")
HEAD_FLOOR = 1e-4
CATALOGUE_FLOOR = 3e-3
UNSEEN_HEAD = 0.1
_LEAD_PSEUDO, _OTHER_PSEUDO = 3.0, 1.0
_CO_PSEUDO = 3.0
_EVIDENCE = 3
_MOST_LEADS = 5
_MOST_CO = 3
_LEXICAL_SHARE = 0.5
_NEARNESS = 40.0
_PLAUSIBLE = 0.05
_BESIDE_PSEUDO = 5.0
LOCAL_SHARE = 0.95
_STREET, _COUNTY = TERRITORY_CODES


@dataclass(frozen=True, slots=True)
class RouterWeights:
    """Fitted constants: weights by feature name, label statistics, thresholds.

    ``lead_counts[category][department]`` and ``co_counts[category][department]`` count training labels,
    ``beside_counts[category][lead][department]`` those of co-handlers beside a lead; the key "" counts all rows.
    """

    lead: Mapping[str, float]
    co: Mapping[str, float]
    co_threshold: float
    territory_threshold: float
    lead_counts: Mapping[str, Mapping[str, float]]
    co_counts: Mapping[str, Mapping[str, float]]
    beside_counts: Mapping[str, Mapping[str, Mapping[str, float]]]

    @classmethod
    def from_fitted(cls, fitted: Mapping[str, Any]) -> RouterWeights:
        """Read the section ``router`` of a bundle, or return weights that trust the head where there is none."""
        return cls(lead=fitted.get("lead", {"head": 1.0, "catalogue": 0.3, "dense": 2.0, "lexical": 2.0,
                                             "scenario": 1.0}),
                   co=fitted.get("co", {"head": 1.0, "usual": 1.0, "dense": 1.0, "lead": 0.0, "constant": -1.0}),
                   co_threshold=float(fitted.get("co_threshold", 0.5)),
                   territory_threshold=float(fitted.get("territory_threshold", 0.5)),
                   lead_counts=fitted.get("lead_counts", {}), co_counts=fitted.get("co_counts", {}),
                   beside_counts=fitted.get("beside_counts", {}))


@dataclass(frozen=True, slots=True, eq=False)
class RouteFeatures:
    """Features of every department, float32 (departments, features), and the evidence behind them."""

    lead: FloatArray
    co: FloatArray
    dense: FloatArray
    lexical: FloatArray
    scenarios: tuple[Scenario, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    local: tuple[tuple[int, float], ...] = ()


class Router:
    """Routes reports; immutable, so a reload makes a new one."""

    def __init__(self, knowledge_base: KnowledgeBase, category_labels: tuple[str, ...],
                 department_labels: tuple[str, ...], index: DutyIndex, fitted: Mapping[str, Any]) -> None:
        self._knowledge_base = knowledge_base
        self._index = index
        self._weights = RouterWeights.from_fitted(fitted)
        self._codes = knowledge_base.department_codes
        position = {code: i for i, code in enumerate(self._codes)}
        self._duty_department = np.array([position[code] for code in index.departments], dtype=np.int64)
        labels = {code: i for i, code in enumerate(department_labels)}
        self._head = np.array([labels.get(code, -1) for code in self._codes])
        self._categories = category_labels
        self._lead_prior = self._prior(self._weights.lead_counts, leads=True)
        self._co_prior = self._prior(self._weights.co_counts, leads=False)
        self._beside_prior = self._beside()
        self._names = DepartmentNames(knowledge_base.departments)
        self._position = position
        self._category_row = {code: row for row, code in enumerate(category_labels)}
        self._lead_weights = np.array([self._weights.lead.get(name, 0.0) for name in LEAD_FEATURES])
        self._co_weights = np.array([self._weights.co.get(name, 0.0) for name in CO_FEATURES])

    @property
    def department_codes(self) -> tuple[str, ...]:
        """Departments in the order of the feature rows."""
        return self._codes

    def _prior(self, counts: Mapping[str, Mapping[str, float]], *, leads: bool) -> FloatArray:
        """Return P(department | category) from label counts with the catalogue as pseudo-counts (C, departments).

        Co-handlers are no distribution: there it is the share of the category's reports that a department helps.
        """
        position = {code: i for i, code in enumerate(self._codes)}
        prior = np.zeros((len(self._categories), len(self._codes)))
        for row, category in enumerate(self._categories):
            known = counts.get(category, {})
            for code, count in known.items():
                if code in position:
                    prior[row, position[code]] += count
            entry = self._knowledge_base.catalogue.get(category)
            if entry is not None:
                for code in entry.leads if leads else entry.co:
                    main = leads and code == entry.lead
                    prior[row, position[code]] += _LEAD_PSEUDO if main else _OTHER_PSEUDO
            total = prior[row].sum() if leads else float(known.get("", 0.0)) + _CO_PSEUDO
            prior[row] /= max(total, 1.0)
        return np.asarray(prior, dtype=np.float32)

    def _beside(self) -> FloatArray:
        """Return P(department helps | category, lead), float32 (C, departments, departments)."""
        position = {code: i for i, code in enumerate(self._codes)}
        beside = np.repeat(self._co_prior[:, None, :], len(self._codes), axis=1)
        for row, category in enumerate(self._categories):
            for lead, helpers in self._weights.beside_counts.get(category, {}).items():
                if lead not in position:
                    continue
                counted = np.zeros(len(self._codes), dtype=np.float32)
                for code, count in helpers.items():
                    if code in position:
                        counted[position[code]] = count
                usual = self._co_prior[row] * _BESIDE_PSEUDO
                beside[row, position[lead]] = (counted + usual) / (helpers.get("", 0.0) + _BESIDE_PSEUDO)
        return np.asarray(beside, dtype=np.float32)

    def features(self, prediction: Prediction, text: str, region: str | None = None) -> RouteFeatures:
        """Return what the joined model looks at, for every department; ``region`` is a 6-digit division code.

        Of the joint scenarios that match, only the most telling one counts.
        """
        dense, lexical = self._index.similarities(prediction.embedding, text)
        best_dense = np.zeros(len(self._codes), dtype=np.float32)
        best_lexical = np.zeros(len(self._codes), dtype=np.float32)
        np.maximum.at(best_dense, self._duty_department, dense)
        np.maximum.at(best_lexical, self._duty_department, lexical)
        locality = for_region(self._knowledge_base.localities, region)
        plausible = {self._categories[i] for i in np.flatnonzero(prediction.category >= _PLAUSIBLE)}
        matched = self._knowledge_base.scenarios.matching(text, plausible)[:1]
        scenarios = tuple(locality.scenario(one) for one in matched)
        named = self._marked(self._names.named_in(text))
        seen = self._head >= 0
        catalogue = prediction.category @ self._lead_prior
        # The network knows nothing of an unseen department: its duties, where they come nearer than any other's, say
        # how much of the network's doubt it may take.
        worth = best_dense + best_lexical
        nearest = sigmoid(np.asarray(_NEARNESS * (worth - worth[seen].max(initial=0.0)), dtype=np.float32))
        best = float(prediction.lead.max())
        head = np.where(seen, prediction.lead[self._head], nearest * min(best, 1.0 - best))
        catalogue = np.where(seen, catalogue, np.maximum(catalogue, nearest * catalogue.max()))
        lead = np.stack([np.log(np.maximum(head, HEAD_FLOOR)), np.log(np.maximum(catalogue, CATALOGUE_FLOOR)),
                         best_dense, best_lexical, self._marked(one.lead for one in scenarios), named], axis=1)
        local = self._local(locality, prediction, matched)
        leads = self._joined(np.asarray(lead, dtype=np.float32), local)
        co_head = np.where(seen, prediction.co[self._head], UNSEEN_HEAD)
        beside = prediction.category @ self._beside_prior[:, int(leads.argmax())]
        territory = np.zeros(len(self._codes), dtype=np.float32)
        for code, probability in ((_STREET, prediction.territory[1]), (_COUNTY, prediction.territory[2])):
            if code in self._position:
                territory[self._position[code]] = probability
        co = np.stack([_log_odds(co_head, 1e-4), _log_odds(prediction.category @ self._co_prior, 1e-3), best_dense,
                       np.maximum(head, HEAD_FLOOR), np.ones(len(self._codes)), _log_odds(beside, 1e-3),
                       self._marked(code for one in scenarios for code in one.co_codes), named, territory], axis=1)
        return RouteFeatures(np.asarray(lead, dtype=np.float32), np.asarray(co, dtype=np.float32), dense, lexical,
                             scenarios, self._knowledge_base.disputes.matching(text, plausible), local)

    def _marked(self, codes: Iterable[str]) -> FloatArray:
        marks = np.zeros(len(self._codes), dtype=np.float32)
        for code in codes:
            if code in self._position:
                marks[self._position[code]] = 1.0
        return marks

    def _local(self, locality: Locality, prediction: Prediction,
               matched: Sequence[Scenario]) -> tuple[tuple[int, float], ...]:
        """Return (department, share of probability) of what the locality has laid down for this report."""
        shares: list[tuple[int, float]] = []
        for one in matched:
            override = locality.scenarios.get(one.id)
            if override is not None and override.lead in self._position:
                rows = [self._category_row[code] for code in one.categories if code in self._category_row]
                shares.append((self._position[override.lead], float(prediction.category[rows].sum())))
                return tuple(shares)
        for code, override in locality.categories.items():
            if code in self._category_row and override.lead in self._position:
                shares.append((self._position[override.lead], float(prediction.category[self._category_row[code]])))
        return tuple(shares)

    def _joined(self, lead: FloatArray, local: Iterable[tuple[int, float]]) -> FloatArray:
        nationwide = softmax(np.asarray(lead @ self._lead_weights, dtype=np.float32))
        taken = np.zeros_like(nationwide)
        for department, share in local:
            taken[department] += LOCAL_SHARE * share
        return np.asarray(nationwide * (1 - taken.sum()) + taken, dtype=np.float32)

    def lead_probabilities(self, features: RouteFeatures) -> FloatArray:
        """Return calibrated lead probabilities, float32 (departments,), summing to one."""
        return self._joined(features.lead, features.local)

    def co_probabilities(self, features: RouteFeatures) -> FloatArray:
        """Return calibrated probabilities of having to help, float32 (departments,)."""
        return sigmoid(np.asarray(features.co @ self._co_weights, dtype=np.float32))

    def route(self, report: Report, prediction: Prediction) -> RoutingDecision:
        """Return lead, co-handlers with a reason each, territory and the duties that speak for the lead."""
        features = self.features(prediction, read_text(report_text(report.title, report.text)), report.region)
        leads = self.lead_probabilities(features)
        order = np.argsort(-leads, kind="stable")
        lead = int(order[0])
        involved, street, county = (float(p) for p in prediction.territory)
        level = ("street" if street >= county else "county") if involved >= self._weights.territory_threshold else None
        return RoutingDecision(
            leads=tuple(ScoredLabel(self._codes[i], float(leads[i])) for i in order[:_MOST_LEADS]),
            evidence=tuple(self._evidence(features, lead)),
            co_departments=tuple(self._helpers(features, lead, prediction)),
            territory_probability=involved, territory_level=level, notes=tuple(_notes(features, self._codes[lead])),
            disputed=tuple(one.id for one in features.disputes))

    def _best_duties(self, features: RouteFeatures, department: int) -> list[int]:
        rows = np.flatnonzero(self._duty_department == department)
        worth = features.dense[rows] + _LEXICAL_SHARE * features.lexical[rows]
        return [int(row) for row in rows[np.argsort(-worth, kind="stable")]]

    def _evidence(self, features: RouteFeatures, lead: int) -> list[DutyMatch]:
        rows = self._best_duties(features, lead)[:_EVIDENCE]
        return [DutyMatch(hit.duty.id, hit.department.code, hit.duty.text, hit.duty.citation, hit.dense)
                for hit in self._index.hits(features.dense, features.lexical, rows)]

    def _helpers(self, features: RouteFeatures, lead: int, prediction: Prediction) -> list[CoDepartment]:
        probabilities = self.co_probabilities(features)
        probabilities[lead] = 0.0
        order = np.argsort(-probabilities, kind="stable")[:_MOST_CO]
        chosen = [int(i) for i in order if probabilities[i] >= self._weights.co_threshold]
        return [CoDepartment(self._codes[i], float(probabilities[i]), self._reason(features, i, prediction))
                for i in chosen]

    def _reason(self, features: RouteFeatures, department: int, prediction: Prediction) -> str:
        category = self._categories[int(prediction.category.argmax())]
        for scenario in features.scenarios:
            for helper in scenario.co:
                if helper.department == self._codes[department]:
                    return f"联合场景“{scenario.title}”：{helper.why}"
        path = "·".join(self._knowledge_base.taxonomy.path(category))
        entry = self._knowledge_base.catalogue.get(category)
        reason = ""
        if entry is not None and self._codes[department] in entry.co:
            reason = f"派单目录：“{path}”通常请其协办"
        for hit in self._index.hits(features.dense, features.lexical, self._best_duties(features, department)[:1]):
            reason += f"{'；' if reason else ''}相关职责 {hit.duty.id}：{hit.duty.text}"
        return reason or f"同类诉求（{path}）中常需其配合"


def _log_odds(probabilities: FloatArray, floor: float) -> FloatArray:
    clipped = np.clip(probabilities, floor, 1 - floor)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float32)


def _notes(features: RouteFeatures, lead: str) -> Iterator[str]:
    """Yield in Chinese why this lead and who decides, where a scenario or a dispute says so."""
    for scenario in features.scenarios:
        if scenario.lead == lead:
            yield f"联合场景“{scenario.title}”：{scenario.why}"
    for dispute in features.disputes:
        yield f"职责争议“{dispute.title}”：{dispute.why} {dispute.consult}"
