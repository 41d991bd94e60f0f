"""The evaluation report: JSON that programs read, a page that needs nothing else."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from evaluation.report import render_html, write_report

FIGURE = {"value": 0.71234, "low": 0.65, "high": 0.77, "rows": 400}


class Tables(HTMLParser):
    """Collects headings, the cells of each row, and every address that the page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.headings: list[str] = []
        self.tags: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [str(value) for name, value in attrs if name in ("src", "href")]
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, text: str) -> None:
        if not text.strip():
            return
        if self.tags and self.tags[-1] in ("td", "th") and self.rows:
            self.rows[-1].append(text)
        elif self.tags and self.tags[-1] == "h2":
            self.headings.append(text)


@pytest.fixture
def report() -> dict[str, Any]:
    return {"bundle": "<b>2026</b>", "split": "dev", "rows": 400, "knowledge_base": "sha256:" + "0" * 64,
            "heads": {"second_level_accuracy": FIGURE, "a<b": FIGURE}, "routing": {"lead_accuracy": FIGURE},
            "per_category": {"HJ01": {"rows": 12, "recall": 0.75, "predicted": 14}}}


def test_json_holds_every_figure(report: dict[str, Any], tmp_path: Path) -> None:
    as_json, as_html = write_report(report, tmp_path / "new" / "folder")
    assert json.loads(as_json.read_text(encoding="utf-8")) == report
    assert as_html.read_text(encoding="utf-8") == render_html(report)


def test_the_page_shows_every_section(report: dict[str, Any]) -> None:
    page = Tables()
    page.feed(render_html(report))
    assert page.headings == ["heads", "routing", "per category"]
    assert ["second_level_accuracy", "0.712", "0.650 to 0.770", "400"] in page.rows
    assert ["lead_accuracy", "0.712", "0.650 to 0.770", "400"] in page.rows
    assert ["HJ01", "12", "0.75", "14"] in page.rows
    assert page.loaded == []
    assert "script" not in page.tags


def test_names_are_escaped(report: dict[str, Any]) -> None:
    page = render_html(report)
    assert "&lt;b&gt;2026&lt;/b&gt;" in page
    assert "a&lt;b" in page
    assert "<b>2026" not in page


def test_json_has_null_for_what_is_not_a_number(report: dict[str, Any], tmp_path: Path) -> None:
    nan = float("nan")
    report["routing"]["territory_auc"] = {"value": nan, "low": nan, "high": float("inf"), "rows": 0}
    as_json, _ = write_report(report, tmp_path)

    def refuse(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")
    read = json.loads(as_json.read_text(encoding="utf-8"), parse_constant=refuse)
    assert read["routing"]["territory_auc"] == {"value": None, "low": None, "high": None, "rows": 0}


def test_an_undefined_figure_is_shown(report: dict[str, Any]) -> None:
    report["routing"]["territory_auc"] = {"value": float("nan"), "low": float("nan"), "high": float("nan"), "rows": 0}
    assert "<td>nan</td>" in render_html(report)
