"""The bundled model with everything behind it; these tests are skipped while there is no bundle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from knowledge_base.danger import danger_reasons
from knowledge_base.index import VECTORS_FILE, open_duty_index
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase
from knowledge_base.router import Router
from models.bundle import DEFAULT_BUNDLE, load_bundle
from models.calibration import urgency_level
from models.contract import Prediction, Report
from models.predictor import OnnxPredictor


@dataclass(frozen=True, slots=True)
class Answer:
    """What behaviour tests look at in an answer."""

    category: str
    first_level: str
    lead: str
    urgent: float
    level: int
    kind: int


class Service:
    """The bundled network and router."""

    def __init__(self, knowledge_base: KnowledgeBase) -> None:
        self._bundle = bundle = load_bundle(DEFAULT_BUNDLE)
        self._predictor = OnnxPredictor(bundle, threads=2)
        index = open_duty_index(knowledge_base, self._predictor, bundle.model_sha256, [DEFAULT_FOLDER / VECTORS_FILE])
        self._router = Router(knowledge_base, bundle.category_labels, bundle.department_labels, index,
                              bundle.fitted.get("router", {}))
        self._knowledge_base = knowledge_base

    def answer(self, texts: Sequence[str]) -> list[Answer]:
        """Answer texts one by one, as single reports come in."""
        reports = [Report(text=text) for text in texts]
        return [self._answer(report, self._predictor.predict([report])[0]) for report in reports]

    def _answer(self, report: Report, prediction: Prediction) -> Answer:
        category = self._predictor.category_labels[int(prediction.category.argmax())]
        return Answer(category, self._knowledge_base.taxonomy.path(category)[0],
                      self._router.route(report, prediction).lead.label, float(prediction.urgency[:2].sum()),
                      urgency_level(prediction.urgency, self._bundle.urgency_cuts,
                                    danger=bool(danger_reasons(report.text))), int(prediction.kind.argmax()))


@pytest.fixture(scope="session")
def service(knowledge_base: KnowledgeBase) -> Service:
    """The bundled model."""
    if not (DEFAULT_BUNDLE / "bundle.json").is_file():
        pytest.skip("there is no bundle in models/artifacts/default; make one with `fenzhuan export`")
    return Service(knowledge_base)
