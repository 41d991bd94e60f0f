"""The contract's answer to one report, without HTTP: the service and the command line both use it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from knowledge_base.danger import danger_reasons
from knowledge_base.deadlines import deadlines
from knowledge_base.elements import Elements, extract_elements
from knowledge_base.false_report import FalseReport, score_false_report
from knowledge_base.loading import KnowledgeBase
from models.bundle import Bundle
from models.calibration import urgency_level
from models.contract import KINDS, Prediction, Predictor, Report, RoutingDecision, ScoredLabel
from models.decision import Confidence, Decision, decide
from models.text import normalise
from serving import sections
from serving.circumstances import CircumstancesOf, NoCircumstances
from serving.duplicate_stage import DuplicateFinding, PairScorer, find_duplicate, no_duplicate
from serving.earlier import EarlierReports, NoEarlierReports
from serving.telemetry import log_failure

StageTimer = Callable[[str], AbstractContextManager[None]]


class Routes(Protocol):
    """What the engine needs of the router."""

    def route(self, report: Report, prediction: Prediction) -> RoutingDecision:
        """Return where a report goes."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer with what storage keeps beside it; ``matched`` is the report whose event this one joins."""

    body: dict[str, Any]
    prediction: Prediction
    places: tuple[str, ...]
    matched: str | None
    degraded: tuple[str, ...]


def _no_timer(_stage: str) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Engine:
    """Everything that an answer is made from; thread-safe as its parts are."""

    predictor: Predictor
    router: Routes
    knowledge_base: KnowledgeBase
    bundle: Bundle
    pair_scorer: PairScorer
    past: EarlierReports = field(default_factory=NoEarlierReports)
    timer: StageTimer = _no_timer
    circumstances: CircumstancesOf = field(default_factory=NoCircumstances)

    def answer(self, report: Report) -> dict[str, Any]:
        """Return the contract's answer to one report."""
        started = time.perf_counter()
        with self.timer("predict"):
            prediction = self.predictor.predict([report])[0]
        return self.consider(report, prediction, started).body

    def consider(self, report: Report, prediction: Prediction, started: float | None = None) -> Answered:
        """Return the answer to a report that the network has scored.

        ``started`` is the ``time.perf_counter()`` from which ``elapsed_ms`` counts. A stage that fails is left
        out and named in ``degraded``; the report then goes to review.
        """
        started = time.perf_counter() if started is None else started
        run = _Consideration(self, report, prediction)
        body = run.body()
        body["elapsed_ms"] = round((time.perf_counter() - started) * 1000, 1)
        return Answered(body, prediction, run.places, run.duplicate.matched, tuple(run.degraded))


class _Consideration:
    """One report on its way through the stages."""

    def __init__(self, engine: Engine, report: Report, prediction: Prediction) -> None:
        self._engine = engine
        self._report = report
        self._prediction = prediction
        self._text = normalise(f"{report.title}。{report.text}" if report.title else report.text).text
        self.degraded: list[str] = []
        self._kind = KINDS[int(np.argmax(prediction.kind))]
        self._category = engine.bundle.category_labels[int(np.argmax(prediction.category))]
        self._danger = bool(danger_reasons(self._text))
        self._urgency_level = urgency_level(prediction.urgency, engine.bundle.urgency_cuts, danger=self._danger)
        self.places: tuple[str, ...] = ()
        self.duplicate: DuplicateFinding = no_duplicate()

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        """Time a stage; where it fails, note that and go on."""
        try:
            with self._engine.timer(name):
                yield
        except Exception as error:
            log_failure("stage_failed", error, name)
            self.degraded.append(name)

    def body(self) -> dict[str, Any]:
        engine, prediction = self._engine, self._prediction
        routing = self._route()
        elements = self._elements()
        false_report = self._false_report(elements)
        self._find_duplicate()
        due = self._deadlines()
        decision = self._decide(routing, false_report)
        body = {
            "id": self._report.id,
            "kind": sections.kind(prediction),
            "category": sections.category(prediction, engine.bundle, engine.knowledge_base),
            "urgency": sections.urgency(prediction, self._urgency_level, self._text),
            "lead_department": sections.lead(routing, engine.knowledge_base, self._report.region),
            "co_departments": sections.co_departments(routing, engine.knowledge_base, self._report.region),
            "territory": sections.territory(routing),
            "duplicate": self.duplicate.section,
            "false_report": sections.false_report(false_report),
            "elements": sections.elements(elements, prediction, self._kind),
            "keywords": list(prediction.keywords),
            "deadlines": due,
            "decision": {"route": decision.route, "reasons": list(decision.reasons),
                         "error_budget": decision.error_budget},
            "versions": {"bundle": engine.bundle.version, "knowledge_base": engine.knowledge_base.version},
        }
        if self.degraded:
            body["degraded"] = list(self.degraded)
        return body

    def _route(self) -> RoutingDecision:
        with self._stage("router"):
            return self._engine.router.route(self._report, self._prediction)
        best = int(np.argmax(self._prediction.lead))
        label = ScoredLabel(self._engine.bundle.department_labels[best], float(self._prediction.lead[best]))
        return RoutingDecision((label,), (), (), float(self._prediction.territory[0]), None)

    def _elements(self) -> Elements:
        with self._stage("elements"):
            title = f"{self._report.title}\n" if self._report.title else ""
            elements = extract_elements(title + self._report.text)
            self.places = tuple(span.text for span in elements.places)
            return elements
        return Elements((), (), (), (), (), (), ())

    def _false_report(self, elements: Elements) -> FalseReport | None:
        if "elements" in self.degraded:
            return None
        with self._stage("false_report"):
            known = self._engine.circumstances.of(self._report, [span.text for span in elements.subjects])
            return score_false_report(self._prediction, elements, self._text, known)
        return None

    def _find_duplicate(self) -> None:
        with self._stage("duplicates"):
            self.duplicate = find_duplicate(self._report, self._prediction, self.places, self._category,
                                            self._engine.pair_scorer, self._engine.past)

    def _deadlines(self) -> list[dict[str, Any]]:
        with self._stage("deadlines"):
            return sections.due_dates(deadlines(
                self._kind, self._category, self._report.received_at, self._engine.knowledge_base.deadline_rules,
                region=self._report.region, text=self._text))
        return []

    def _decide(self, routing: RoutingDecision, false_report: FalseReport | None) -> Decision:
        urgency = self._prediction.urgency
        return decide(Confidence(
            category=float(self._prediction.category.max()), lead=routing.lead.probability,
            urgency_level=self._urgency_level, urgent_probability=float(urgency[:2].sum()),
            false_report_band=false_report.band if false_report else "low",
            possible_duplicate=self.duplicate.possible, degraded=tuple(self.degraded),
            danger=self._danger, disputed=bool(routing.disputed)),
            self._engine.bundle.decision)
