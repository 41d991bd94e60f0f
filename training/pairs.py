"""Labelled duplicate pairs, and the split that keeps every event whole."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.schema import read_jsonl
from training.sources import fraction

TEST_SHARE = 0.4


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two messages and whether they are duplicates (2), related (1) or neither (0); ``row`` counts from 1."""

    row: int
    a: dict[str, Any]
    b: dict[str, Any]
    label: int
    drawn: str
    event: str
    is_test: bool


def components(edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return for each node the smallest name of its connected component."""
    parent: dict[str, str] = {}

    def find(node: str) -> str:
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for one, other in edges:
        first, second = sorted((find(one), find(other)))
        parent[second] = first
    return {node: find(node) for node in parent}


def read_pairs(path: Path) -> list[LabelledPair]:
    """Read the pairs; messages joined by any pair, whatever its label, fall on the same side of the split."""
    raws = list(read_jsonl(path))
    event = components((raw["a"]["id"], raw["b"]["id"]) for _, raw in raws)
    return [LabelledPair(row, raw["a"], raw["b"], int(raw["label"]), str(raw["drawn"]), event[raw["a"]["id"]],
                         fraction(event[raw["a"]["id"]], "pairs") < TEST_SHARE) for row, raw in raws]
