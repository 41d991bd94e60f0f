"""Second views of a report for contrastive training: its title, its reply, a duplicate, the duty that answers it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from models.text import normalise
from training.schema import TrainingRow, read_jsonl

VIEW_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Views:
    """Texts by message id, and duties by (department, category)."""

    by_message: Mapping[str, tuple[str, ...]]
    duties: Mapping[tuple[str, str], tuple[str, ...]]

    def draw(self, row: TrainingRow, order: random.Random) -> str | None:
        """Return one view of a row, or none."""
        choices = list(self.by_message.get(row.id, ()))
        if len(row.title) >= 6 and not row.text.startswith(row.title):
            choices.append(row.title)
        duties = self.duties.get((row.lead or "", row.category or ""), ())
        if duties and (not choices or order.random() < 0.35):
            return normalise(order.choice(duties)).text
        return normalise(order.choice(choices)[:VIEW_CHARACTERS]).text if choices else None


def read_duties(folder: Path) -> list[dict[str, Any]]:
    """Return every duty of the knowledge base, with its ``department``."""
    duties = []
    for path in sorted((folder / "duties").glob("*.yaml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        duties += [{**duty, "department": content["department"]} for duty in content["duties"]]
    return duties


def duty_rows(duties: Sequence[Mapping[str, Any]]) -> list[TrainingRow]:
    """Return the duties' typical incidents as short training rows; the category only where it is certain."""
    rows = []
    for duty in duties:
        categories = duty.get("categories") or []
        rows += [TrainingRow(id=f"duty:{duty['id']}:{n}", title="", text=str(incident), group=f"duty:{duty['id']}",
                             source="duties", category=categories[0] if len(categories) == 1 else None,
                             lead=str(duty["department"]))
                 for n, incident in enumerate(duty.get("incidents") or ())]
    return rows


def scenario_rows(folder: Path) -> list[TrainingRow]:
    """Return the joint scenarios' incidents as short training rows with their lead and co-handlers."""
    path = folder / "scenarios.yaml"
    scenarios = yaml.safe_load(path.read_text(encoding="utf-8"))["scenarios"] if path.is_file() else []
    return [TrainingRow(id=f"scenario:{one['id']}:{n}", title="", text=str(incident), group=f"scenario:{one['id']}",
                        source="scenarios", category=one["categories"][0] if len(one["categories"]) == 1 else None,
                        lead=str(one["lead"]), co=tuple(helper["department"] for helper in one.get("co") or ()))
            for one in scenarios for n, incident in enumerate(one["incidents"])]


def knowledge_rows(folder: Path) -> list[TrainingRow]:
    """Return what the knowledge base itself teaches: incidents of duties and of joint scenarios."""
    return [*duty_rows(read_duties(folder)), *scenario_rows(folder)]


def collect_views(data: Path, duties: Sequence[Mapping[str, Any]], held_out_pairs: frozenset[int]) -> Views:
    """Gather replies, duplicate partners (pairs held out for testing left out) and duties."""
    by_message: dict[str, list[str]] = {}
    for _, raw in read_jsonl(data / "replies.jsonl"):
        by_message.setdefault(str(raw["id"]), []).append(str(raw["reply"]))
    for number, pair in read_jsonl(data / "duplicate_pairs.jsonl"):
        if pair["label"] == 2 and number not in held_out_pairs:
            for one, other in ((pair["a"], pair["b"]), (pair["b"], pair["a"])):
                by_message.setdefault(one["id"], []).append(f"{other['title']}。{other['text']}")
    by_duty: dict[tuple[str, str], list[str]] = {}
    for duty in duties:
        for category in duty.get("categories") or ():
            by_duty.setdefault((duty["department"], category), []).append(str(duty["text"]))
    return Views({key: tuple(texts) for key, texts in by_message.items()},
                 {key: tuple(texts) for key, texts in by_duty.items()})
