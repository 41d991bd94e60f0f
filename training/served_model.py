"""The MLflow model: the bundle with the router, answering rows of title and text. It needs no torch.

MLflow loads it by ``loader_module``, so nothing is pickled; the bundle and the knowledge base lie beside it as files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from knowledge_base.danger import danger_reasons
from knowledge_base.index import VECTORS_FILE, open_duty_index
from knowledge_base.loading import load_knowledge_base
from knowledge_base.router import Router
from models.bundle import load_bundle
from models.calibration import urgency_level
from models.contract import KINDS, Report
from models.predictor import OnnxPredictor
from models.text import normalise

BUNDLE_FOLDER = "bundle"
KNOWLEDGE_BASE_FOLDER = "knowledge_base"
LONGEST_TEXT = 20_000
BATCH = 16


class ServedModel:
    """Answers rows; made once and shared by all requests."""

    def __init__(self, folder: Path) -> None:
        self._bundle = load_bundle(folder / BUNDLE_FOLDER)
        knowledge_base = load_knowledge_base(folder / KNOWLEDGE_BASE_FOLDER)
        self._predictor = OnnxPredictor(self._bundle)
        index = open_duty_index(knowledge_base, self._predictor, self._bundle.model_sha256,
                                [folder / KNOWLEDGE_BASE_FOLDER / VECTORS_FILE])
        self._router = Router(knowledge_base, self._bundle.category_labels, self._bundle.department_labels, index,
                              self._bundle.fitted.get("router", {}))

    def predict(self, model_input: Any, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:  # noqa: ANN401
        """Return kind, category, urgency and lead of every row with their probabilities.

        Raises:
            ValueError: a row has no text, or one of more than 20,000 characters; it is named by its number.
        """
        reports = [_report(number, row) for number, row in enumerate(_rows(model_input), 1)]
        return [answer for at in range(0, len(reports), BATCH) for answer in self._answer(reports[at:at + BATCH])]

    def _answer(self, reports: list[Report]) -> list[dict[str, Any]]:
        answers = []
        for report, prediction in zip(reports, self._predictor.predict(reports), strict=True):
            lead = self._router.route(report, prediction).lead
            text = normalise(f"{report.title}。{report.text}" if report.title else report.text).text
            level = urgency_level(prediction.urgency, self._bundle.urgency_cuts, danger=bool(danger_reasons(text)))
            kind, category = int(prediction.kind.argmax()), int(prediction.category.argmax())
            answers.append({
                "kind": KINDS[kind], "kind_probability": float(prediction.kind[kind]),
                "category": self._bundle.category_labels[category],
                "category_probability": float(prediction.category[category]),
                "urgency": level, "urgency_probability": float(prediction.urgency[level - 1]),
                "lead": lead.label, "lead_probability": lead.probability})
        return answers


def _rows(model_input: Any) -> Iterable[Mapping[str, Any]]:  # noqa: ANN401
    """Return the rows of a data frame, or of a list of objects."""
    if hasattr(model_input, "to_dict"):
        rows: list[Mapping[str, Any]] = model_input.to_dict(orient="records")
        return rows
    return list(model_input)


def _report(number: int, row: Mapping[str, Any]) -> Report:
    text, title = row.get("text"), row.get("title")
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"row {number} has no text")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"row {number} has {len(text)} characters, expected at most {LONGEST_TEXT}")
    return Report(text=text, title=title if isinstance(title, str) else "")


def _load_pyfunc(data_path: str) -> ServedModel:
    """Load the model; MLflow calls this by its name.

    What MLflow refuses by itself it would quote in its answer: a report's text must not stand there.
    """
    os.environ.setdefault("MLFLOW_DISABLE_SCHEMA_DETAILS", "true")
    return ServedModel(Path(data_path))
