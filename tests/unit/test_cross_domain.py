"""The cross-domain figures count what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.cross_domain import CASES, Case, Reading, measure, read_cases
from models.contract import CoDepartment, Report, RoutingDecision, ScoredLabel


def case(number: int, *readings: tuple[str, str]) -> Case:
    one, other = (Reading(lead, frozenset(co.split()) if co else frozenset()) for lead, co in readings)
    return Case(Report(text="x", id=str(number)), (one, other))


def route(lead: str, *co: str) -> RoutingDecision:
    return RoutingDecision((ScoredLabel(lead, 0.9), ScoredLabel("ZF", 0.1)), (),
                           tuple(CoDepartment(code, 0.5, "") for code in co), 0.0, None)


def test_figures_by_hand() -> None:
    cases = [case(1, ("CGJ", "STHJ XZ"), ("CGJ", "STHJ")),      # needed CGJ STHJ
             case(2, ("SCJG", "GAJ"), ("GAJ", "SCJG")),         # needed both; either may lead
             case(3, ("RSJ", "ZJJ"), ("RSJ", ""))]              # needed RSJ
    found = measure(cases, [route("CGJ", "XZ"), route("GAJ", "SCJG"), route("ZJJ", "JTYS")])
    assert found["lead_accuracy"].value == pytest.approx(2 / 3)
    assert found["lead_accuracy_where_readers_agree"].value == pytest.approx(1 / 2)
    assert found["lead_accuracy_where_readers_agree"].rows == 2
    assert found["co_recall"].value == pytest.approx(1 / 3)      # STHJ, SCJG, RSJ needed beside the lead: SCJG named
    assert found["involved_recall"].value == pytest.approx(3 / 5)
    assert found["co_precision"].value == pytest.approx(2 / 3)   # XZ and SCJG reasonable, JTYS not
    assert found["readers_agree_on_lead"].value == pytest.approx(2 / 3)
    assert found["readers_co_f1"].value == pytest.approx(2 / 6)


def test_the_shipped_cases_are_many_and_need_several_departments() -> None:
    cases = read_cases(CASES)
    assert len(cases) >= 150
    assert len({one.report.text for one in cases}) == len(cases)
    assert sum(len(one.reasonable) >= 2 for one in cases) == len(cases)


def test_a_case_without_a_reading_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reports.jsonl").write_text('{"id": "x-1", "title": "", "text": "y"}\n', encoding="utf-8")
    for name in ("reading_a.tsv", "reading_b.tsv"):
        (tmp_path / name).write_text("id\tcategory\tcategory_alt\tlead\tco\n", encoding="utf-8")
    with pytest.raises(ValueError, match="x-1 lacks a reading"):
        read_cases(tmp_path)
