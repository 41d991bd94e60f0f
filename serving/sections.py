"""The sections of the contract's answer, each from what one stage found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from knowledge_base.danger import danger_reasons
from knowledge_base.deadlines import Deadline
from knowledge_base.elements import Elements
from knowledge_base.false_report import FalseReport
from knowledge_base.loading import KnowledgeBase
from knowledge_base.localities import for_region
from models.bundle import Bundle
from models.calibration import prediction_set
from models.contract import KINDS, MISSING_ELEMENTS, URGENCY_LABELS, XINFANG_LABELS, Prediction, RoutingDecision

MOST_ALTERNATIVES = 4
TERRITORY_FROM = 0.5
MISSING_FROM = 0.3
KINDS_WITHOUT_MISSING = ("咨询", "建议", "表扬")


def rounded(probability: float) -> float:
    """Return a probability with four digits."""
    return round(float(probability), 4)


def kind(prediction: Prediction) -> dict[str, Any]:
    """Return ``kind``."""
    best = int(np.argmax(prediction.kind))
    return {"label": KINDS[best], "probability": rounded(prediction.kind[best])}


def category_path(code: str, knowledge_base: KnowledgeBase) -> list[str]:
    """Return the names of both levels of a category, none where the knowledge base lacks it."""
    return list(knowledge_base.taxonomy.path(code)) if code in knowledge_base.taxonomy else []


def category(prediction: Prediction, bundle: Bundle, knowledge_base: KnowledgeBase) -> dict[str, Any]:
    """Return ``category`` with alternatives, prediction set and other taxonomies."""
    order = [int(index) for index in np.argsort(-prediction.category, kind="stable")]

    def scored(index: int) -> dict[str, Any]:
        code = bundle.category_labels[index]
        return {"code": code, "path": category_path(code, knowledge_base),
                "probability": rounded(prediction.category[index])}

    best = scored(order[0])
    chosen = prediction_set(prediction.category, bundle.prediction_set_threshold)
    others = knowledge_base.crosswalk.other_taxonomies(best["code"])
    return {**best, "alternatives": [scored(index) for index in order[1:1 + MOST_ALTERNATIVES]],
            "prediction_set": [bundle.category_labels[index] for index in chosen],
            "other_taxonomies": {"db44t2479": others["db44t2479"],
                                 "xinfang": XINFANG_LABELS[int(np.argmax(prediction.xinfang))]}}


def urgency(prediction: Prediction, level: int, text: str) -> dict[str, Any]:
    """Return ``urgency``; ``text`` is normalised and searched for danger words."""
    return {"level": level, "label": URGENCY_LABELS[level], "probability": rounded(prediction.urgency[level - 1]),
            "reasons": danger_reasons(text)}


def department_name(code: str, knowledge_base: KnowledgeBase, region: str | None = None) -> str:
    """Return what a department is called in a region, its code where the knowledge base lacks it."""
    if code not in knowledge_base.department_codes:
        return code
    return for_region(knowledge_base.localities, region).department_name(knowledge_base.department(code))


def lead(routing: RoutingDecision, knowledge_base: KnowledgeBase, region: str | None = None) -> dict[str, Any]:
    """Return ``lead_department`` with its evidence; ``notes`` stand only where a scenario or dispute applies."""
    evidence = [{"duty_id": duty.duty_id, "text": duty.text, "basis": duty.basis, "score": rounded(duty.score)}
                for duty in routing.evidence]
    return {"code": routing.lead.label, "name": department_name(routing.lead.label, knowledge_base, region),
            "probability": rounded(routing.lead.probability), "evidence": evidence,
            } | ({"notes": list(routing.notes)} if routing.notes else {})


def co_departments(routing: RoutingDecision, knowledge_base: KnowledgeBase,
                   region: str | None = None) -> list[dict[str, Any]]:
    """Return ``co_departments``."""
    return [{"code": helper.code, "name": department_name(helper.code, knowledge_base, region),
             "probability": rounded(helper.probability), "reason": helper.reason}
            for helper in routing.co_departments]


def territory(routing: RoutingDecision) -> dict[str, Any]:
    """Return ``territory``; a level is named only where the territory takes part."""
    involved = routing.territory_probability >= TERRITORY_FROM
    return {"involved": involved, "probability": rounded(routing.territory_probability),
            "level": routing.territory_level if involved else None}


def false_report(found: FalseReport | None) -> dict[str, Any]:
    """Return ``false_report``; where the stage failed nothing is held against the report."""
    if found is None:
        return {"score": 0.0, "band": "low", "reasons": []}
    return {"score": rounded(found.score), "band": found.band, "reasons": list(found.reasons)}


def elements(found: Elements, prediction: Prediction, kind_label: str) -> dict[str, Any]:
    """Return ``elements``; an element is missing where the rules find none and the network agrees."""
    confirmed = dict(zip(MISSING_ELEMENTS, prediction.missing > MISSING_FROM, strict=True))
    missing = [] if kind_label in KINDS_WITHOUT_MISSING else [name for name in found.missing if confirmed[name]]
    spans = {name: list(dict.fromkeys(span.text for span in getattr(found, name)))
             for name in ("times", "places", "subjects", "evidence")}
    return {**spans, "missing": missing}


def due_dates(found: Sequence[Deadline]) -> list[dict[str, Any]]:
    """Return ``deadlines``; ``note`` stands only where there is something to say."""
    return [{"step": deadline.step, "due": deadline.due.isoformat() if deadline.due else None,
             "basis": deadline.basis} | ({"note": deadline.note} if deadline.note else {}) for deadline in found]
