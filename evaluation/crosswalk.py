"""How often the 信访 label that the cross-walk gives to a category is the one that its reports really have.

Run: ``python -m evaluation.crosswalk --data FOLDER``. ``FOLDER`` holds ``annotated.jsonl``, of which only the rows of
the training split count, and ``xinfang7.jsonl``, joined by id; of the rows only labels are read. Categories where the
cross-walk's label differs from that of most of its reports are named, so that an editor can judge them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge_base.crosswalk import Crosswalk
from knowledge_base.loading import DEFAULT_FOLDER, load_knowledge_base

FEWEST_ROWS = 6

Tally = Mapping[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Reports by how the cross-walk's labels for their category fit: ``best``, any of them (``listed``), ``none_own``.

    ``none_own`` are reports of categories to which none of the seven labels belongs.
    """

    reports: int
    best: int
    listed: int
    none_own: int


def tally(folder: Path) -> dict[str, Counter[str]]:
    """Return the labels of the training split's reports by category.

    Raises:
        OSError: a file cannot be read.
        ValueError: a line is no JSON.
        KeyError: a row lacks a field.
    """
    labels = {row["id"]: row["label"] for row in _rows(folder / "xinfang7.jsonl")}
    found: dict[str, Counter[str]] = {}
    for row in _rows(folder / "annotated.jsonl"):
        if row["split"] == "train" and row["id"] in labels:
            found.setdefault(row["category"], Counter())[labels[row["id"]]] += 1
    return found


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def agreement(found: Tally, crosswalk: Crosswalk) -> Agreement:
    """Compare real labels with those of the cross-walk."""
    best = listed = none_own = 0
    for category, labels in found.items():
        fit = crosswalk.xinfang[category]
        best += labels[fit.best] if fit.best else 0
        listed += sum(labels[label] for label in fit.labels)
        none_own += 0 if fit.best else labels.total()
    return Agreement(sum(labels.total() for labels in found.values()), best, listed, none_own)


def otherwise(found: Tally, crosswalk: Crosswalk) -> list[tuple[str, str, int, int]]:
    """Return category, label, its reports and all, where more than half of enough reports have another label."""
    told = []
    for category, labels in sorted(found.items()):
        label, count = labels.most_common(1)[0]
        if labels.total() >= FEWEST_ROWS and 2 * count > labels.total() and label != crosswalk.xinfang[category].best:
            told.append((category, label, count, labels.total()))
    return told


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--knowledge-base", type=Path, default=DEFAULT_FOLDER)
    chosen = parser.parse_args()
    crosswalk, found = load_knowledge_base(chosen.knowledge_base).crosswalk, tally(chosen.data)
    result = agreement(found, crosswalk)
    if not (own := result.reports - result.none_own):
        parser.error("expected reports of the training split with a 信访 label, found none")
    best, listed = result.best / result.reports, result.listed / result.reports
    sys.stdout.write(f"{result.reports} reports: category's own label for {best:.3f}, listed for {listed:.3f}\n"
                     f"{own} reports of categories with a label of their own: {result.best / own:.3f}\n")
    for category, label, count, total in otherwise(found, crosswalk):
        sys.stdout.write(f"{category}: {label} for {count} of {total}, "
                         f"the cross-walk says {crosswalk.xinfang[category].best or 'none of its own'}\n")


if __name__ == "__main__":
    main()
