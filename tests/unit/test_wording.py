"""Every stable code that the code base can emit has a Chinese word, and the words stand in one place."""

from __future__ import annotations

import ast
import html
import json
import re
from pathlib import Path
from types import ModuleType
from typing import get_args

import numpy as np
import pytest
from starlette.testclient import TestClient

from knowledge_base import duplicates, false_report
from knowledge_base.danger import DANGER_WORDS
from knowledge_base.storage import drawing
from knowledge_base.storage.review import STRATEGIES
from knowledge_base.storage.signals import Signals
from models import decision
from models.contract import CHANNELS, MISSING_ELEMENTS
from serving import engine, errors, wording
from serving.routes import review
from serving.schemas import CorrectionIn, ReportIn

SERVING = Path(wording.__file__).parent
SENT_BY_PAGES = {"text", "title", "region", "received_at", "channel", "value", "reason"}


def first_arguments(module: ModuleType, called: str) -> set[str]:
    """Return the constant first arguments of the calls of a method in a module's source."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    return {node.args[0].value for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == called
            and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)}


def test_decision_reasons() -> None:
    codes = first_arguments(decision, "append")
    assert len(codes) >= 6
    assert codes == wording.DECISION_REASONS.keys()


def test_false_report_reasons() -> None:
    assert len(false_report.CODES) >= 15
    assert {*false_report.CODES, false_report.INSUFFICIENT_HISTORY} == wording.FALSE_REPORT_REASONS.keys()


def test_bands_of_false_reports() -> None:
    assert {false_report.band(score) for score in np.linspace(0, 1, 101)} == wording.FALSE_REPORT_BANDS.keys()


def test_dangers_elements_channels_strategies() -> None:
    assert wording.DANGERS.keys() == DANGER_WORDS.keys()
    assert wording.ELEMENTS.keys() == set(MISSING_ELEMENTS)
    assert wording.CHANNELS.keys() == set(CHANNELS)
    assert wording.STRATEGIES.keys() == set(STRATEGIES) == set(get_args(review.Strategy))


def test_why_a_report_is_asked() -> None:
    source = ast.parse(Path(str(drawing.__file__)).read_text(encoding="utf-8"))
    constants = {node.value for node in ast.walk(source) if isinstance(node, ast.Constant)}
    of_doubt = {code for doubt in (0.5, 1.0) for code in Signals(0.5, doubt, 2).parts}
    assert wording.WHY_ASKED.keys() == of_doubt | (constants & (wording.WHY_ASKED.keys() - of_doubt))
    assert len(of_doubt) == 4
    assert all(wording.why_asked(code, 0.5) for code in wording.WHY_ASKED)
    assert [wording.why_asked("urgent", hours) for hours in (1.25, 47.9, 6377.7)] == [
        "紧急诉求（收到至今1.2小时）", "紧急诉求（收到至今47.9小时）", "紧急诉求（收到至今266天）"]


def test_duplicate_reasons() -> None:
    everything_alike = np.ones(len(duplicates.FEATURES), dtype=np.float32)
    codes = duplicates.DuplicateScorer({}).score_features(everything_alike).reasons
    assert len(codes) >= 6
    assert set(codes) == wording.DUPLICATE_REASONS.keys()


def test_stages_that_can_fail() -> None:
    codes = first_arguments(engine, "_stage")
    assert len(codes) >= 5
    assert codes == wording.STAGES.keys()


def test_problems() -> None:
    assert errors.TITLES.keys() == wording.PROBLEMS.keys()


def test_fields_that_the_pages_send() -> None:
    assert wording.INVALID_FIELDS.keys() == SENT_BY_PAGES
    assert SENT_BY_PAGES <= ReportIn.model_fields.keys() | CorrectionIn.model_fields.keys()


@pytest.mark.parametrize("path", ["/", "/review", "/hotspots"])
def test_pages_carry_the_tables(client: TestClient, path: str) -> None:
    found = re.search(r"<body data-words='([^']*)'>", client.get(path).text)
    assert found is not None
    assert json.loads(html.unescape(found[1])) == wording.page_words()


def test_no_copy_of_a_code_stands_in_scripts_templates_or_other_modules() -> None:
    words = [word for table in wording.page_words().values() for word in table.values() if len(word) >= 4]
    places = [*SERVING.rglob("*.js"), *SERVING.rglob("*.html"),
              *(path for path in SERVING.rglob("*.py") if path.name not in ("wording.py", "danger.py"))]
    assert len(places) > 20
    for path in places:
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if f'"{word}"' in text], path.name
