"""How the served router does on written cases that need two departments or more.

Run: ``python -m evaluation.cross_domain``. Each case was written without labels and then read by two readers who saw
neither each other nor the knowledge base (``cross_domain_cases/``). The lead counts as right where it is that of a
reader whom the other does not contradict, or of either of two who differ; a co-handler is called for where both
readers name it (as lead or helper), and uncalled for where none does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from evaluation.metrics import Integers, Measured, bootstrap
from knowledge_base.index import VECTORS_FILE, open_duty_index
from knowledge_base.loading import DEFAULT_FOLDER, load_knowledge_base
from knowledge_base.router import Router
from models.bundle import DEFAULT_BUNDLE, load_bundle
from models.contract import Report, RoutingDecision
from models.predictor import OnnxPredictor

CASES = Path(__file__).parent / "cross_domain_cases"
READINGS = ("reading_a.tsv", "reading_b.tsv")
_COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Reading:
    """Who leads and who helps, as one reader sees it."""

    lead: str
    co: frozenset[str]

    @property
    def involved(self) -> frozenset[str]:
        """Lead and helpers together."""
        return self.co | {self.lead}


@dataclass(frozen=True, slots=True)
class Case:
    """A written case with its two readings."""

    report: Report
    readings: tuple[Reading, Reading]

    @property
    def leads(self) -> frozenset[str]:
        """The leads that count as right."""
        return frozenset(reading.lead for reading in self.readings)

    @property
    def needed(self) -> frozenset[str]:
        """The departments that both readers call for."""
        return self.readings[0].involved & self.readings[1].involved

    @property
    def reasonable(self) -> frozenset[str]:
        """The departments that either reader calls for."""
        return self.readings[0].involved | self.readings[1].involved


def read_cases(folder: Path = CASES) -> list[Case]:
    """Return the cases with their readings.

    Raises:
        ValueError: a case lacks a reading, or a reading has the wrong number of fields.
    """
    readings = [_read_reading(folder / name) for name in READINGS]
    cases = []
    for line in (folder / "reports.jsonl").read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)
        if any(raw["id"] not in reading for reading in readings):
            raise ValueError(f"case {raw['id']} lacks a reading; read it and add it to {' and '.join(READINGS)}")
        cases.append(Case(Report(text=raw["text"], title=raw["title"], id=raw["id"]),
                          (readings[0][raw["id"]], readings[1][raw["id"]])))
    return cases


def _read_reading(path: Path) -> dict[str, Reading]:
    """Read id, category, second category, lead and co-handlers, tab-separated under a heading."""
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], 2):
        fields = line.split("\t")
        if len(fields) != _COLUMNS:
            raise ValueError(f"{path.name}:{number}: expected {_COLUMNS} fields, found {len(fields)}")
        found[fields[0]] = Reading(fields[3], frozenset(fields[4].split(",")) - {"-", ""})
    return found


def measure(cases: Sequence[Case], routes: Sequence[RoutingDecision]) -> dict[str, Measured]:
    """Return the figures with 95 % intervals; the readers' own agreement stands beside."""
    ids = [str(case.report.id) for case in cases]
    agreed = [n for n, case in enumerate(cases) if len(case.leads) == 1]
    right = np.array([route.lead.label in case.leads for case, route in zip(cases, routes, strict=True)])
    among = np.array([bool(case.leads & {one.label for one in route.leads[:3]})
                      for case, route in zip(cases, routes, strict=True)])
    named = [frozenset((route.lead.label, *(one.code for one in route.co_departments))) for route in routes]
    needed_helpers = [case.needed - {route.lead.label} for case, route in zip(cases, routes, strict=True)]
    helpers = [found - {route.lead.label} for found, route in zip(named, routes, strict=True)]

    def share(hits: Sequence[frozenset[str]], of: Sequence[frozenset[str]], rows: Integers) -> float:
        total = sum(len(of[row]) for row in rows)
        return sum(len(hits[row] & of[row]) for row in rows) / total if total else float("nan")
    reasonable = [case.reasonable for case in cases]
    return {
        "lead_accuracy": bootstrap(lambda rows: float(right[rows].mean()), ids),
        "lead_accuracy_where_readers_agree": bootstrap(
            lambda rows: float(right[agreed][rows].mean()), [ids[row] for row in agreed]),
        "lead_top3": bootstrap(lambda rows: float(among[rows].mean()), ids),
        "co_recall": bootstrap(lambda rows: share(helpers, needed_helpers, rows), ids),
        "involved_recall": bootstrap(lambda rows: share(named, [case.needed for case in cases], rows), ids),
        "co_precision": bootstrap(lambda rows: share(reasonable, helpers, rows), ids),
        "readers_agree_on_lead": bootstrap(
            lambda rows: float(np.mean([len(cases[row].leads) == 1 for row in rows])), ids),
        "readers_co_f1": bootstrap(lambda rows: _agreement(cases, rows), ids)}


def _agreement(cases: Sequence[Case], rows: Integers) -> float:
    pairs = [cases[row].readings for row in rows]
    total = sum(len(one.co) + len(other.co) for one, other in pairs)
    return 2 * sum(len(one.co & other.co) for one, other in pairs) / total if total else float("nan")


def route_cases(cases: Sequence[Case], bundle_folder: Path, knowledge_folder: Path) -> list[RoutingDecision]:
    """Route the cases with a bundle and a knowledge base, as the service does."""
    bundle, knowledge_base = load_bundle(bundle_folder), load_knowledge_base(knowledge_folder)
    predictor = OnnxPredictor(bundle, threads=2)
    index = open_duty_index(knowledge_base, predictor, bundle.model_sha256, [knowledge_folder / VECTORS_FILE])
    router = Router(knowledge_base, bundle.category_labels, bundle.department_labels, index,
                    bundle.fitted.get("router", {}))
    return [router.route(case.report, predictor.predict([case.report])[0]) for case in cases]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    parser.add_argument("--knowledge-base", type=Path, default=DEFAULT_FOLDER)
    chosen = parser.parse_args()
    cases = read_cases()
    for name, figure in measure(cases, route_cases(cases, chosen.bundle, chosen.knowledge_base)).items():
        sys.stdout.write(f"{name} {figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}] ({figure.rows} cases)\n")


if __name__ == "__main__":
    main()
