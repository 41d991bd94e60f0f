"""What the entries about a report amount to: what stands for each field, where readings differ, what it waits for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge_base.storage.records import Correction

OPEN, SECOND, ADJUDICATE, CLOSED = "open", "second", "adjudicate", "closed"
FIRST, SECOND_READING, ADJUDICATION, LATER = "first", "second", "adjudication", "later"
CORRECTED, CONFIRMED, UNDONE = "corrected", "confirmed", "undone"
LABEL_FIELDS = ("kind", "category", "urgency", "lead_department", "co_departments")
DUPLICATE_FIELDS = ("duplicate_of", "not_duplicate_of")
COMPARED_FIELDS = (*LABEL_FIELDS, "false_report")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A field in which the second reading differs from the first; ``readers`` in the same order."""

    field: str
    first: Any
    second: Any
    readers: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a report stands at the review desk: ``stage`` is open, second, adjudicate or closed."""

    stage: str
    first_reader: str | None
    second_reader: str | None
    disagreements: tuple[Disagreement, ...]
    reviewed_at: str | None
    values: Mapping[str, Any]


def effective(entries: Sequence[Correction]) -> list[Correction]:
    """Return the corrections and confirmations that no undo in force takes back, in order."""
    undone: set[int] = set()
    kept = []
    for entry in reversed(entries):
        if entry.number in undone:
            continue
        if entry.undoes is not None:
            undone.add(entry.undoes)
        else:
            kept.append(entry)
    return kept[::-1]


def in_force(entries: Sequence[Correction], number: int) -> Correction | None:
    """Return the entry with this number, an undo too, unless there is none or a later one took it back."""
    undone: set[int] = set()
    for entry in reversed(entries):
        if entry.number in undone:
            continue
        if entry.number == number:
            return entry
        if entry.undoes is not None:
            undone.add(entry.undoes)
    return None


def standing(entries: Sequence[Correction], *, read_twice: bool) -> Standing:
    """Return where a report with these entries stands; ``read_twice``: it is among those with a second reading."""
    counted = effective(entries)
    values = {entry.field: entry.value for entry in counted}
    first = next((entry.actor for entry in counted if entry.reading == FIRST), None)
    second = next((entry.actor for entry in counted if entry.reading == SECOND_READING), None)
    disagreements = tuple(_disagreements(counted))
    if not counted:
        stage = OPEN
    elif disagreements:
        stage = ADJUDICATE
    else:
        stage = SECOND if read_twice and first is not None and second is None else CLOSED
    return Standing(stage, first, second, disagreements, counted[-1].recorded_at if counted else None, values)


def _disagreements(counted: Sequence[Correction]) -> Iterable[Disagreement]:
    """Yield the compared fields of which the last of both readings differ and nothing later decides."""
    for field in COMPARED_FIELDS:
        readings: dict[str, Correction] = {}
        for entry in counted:
            if entry.field != field:
                continue
            if entry.reading in (FIRST, SECOND_READING):
                readings[entry.reading] = entry
            else:
                readings.clear()
        if len(readings) == 2:
            first, second = readings[FIRST], readings[SECOND_READING]
            if comparable(field, first.value) != comparable(field, second.value):
                yield Disagreement(field, first.value, second.value, (first.actor, second.actor))


def reading_of(now: Standing, actor: str, *, blind: bool) -> str:
    """Return which reading an entry of this reviewer is; ``blind``: the report was handed to the reviewer unread."""
    if now.stage == OPEN or actor == now.first_reader:
        return FIRST
    if actor == now.second_reader:
        return SECOND_READING
    if now.second_reader is None and (now.stage == SECOND or blind):
        return SECOND_READING
    return ADJUDICATION if now.stage == ADJUDICATE else LATER


def is_withheld(now: Standing, actor: str, *, blind: bool) -> bool:
    """Tell whether a reviewer must not see the corrections of others yet."""
    return now.stage != OPEN and actor != now.first_reader and reading_of(now, actor, blind=blind) == SECOND_READING \
        and actor != now.second_reader


def comparable(field: str, value: object) -> str:
    """Return a value such that two readings agree where theirs are equal; the order of co-handlers does not matter."""
    if field == "co_departments" and isinstance(value, list):
        value = sorted(value)
    return json.dumps(value, ensure_ascii=False)


def predicted_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an answer says of each field that can be corrected, None for what it lacks."""
    def part(section: str, name: str) -> object:
        return (body.get(section) or {}).get(name)

    return {"kind": part("kind", "label"), "category": part("category", "code"), "urgency": part("urgency", "level"),
            "lead_department": part("lead_department", "code"),
            "co_departments": [one["code"] for one in body.get("co_departments") or ()],
            "false_report": part("false_report", "band") == "high", "duplicate_of": part("duplicate", "of")}


def is_confirmation(predicted: Mapping[str, Any], field: str, value: object) -> bool:
    """Tell whether a value is what was predicted; not being a duplicate is, where none was found."""
    if field == "not_duplicate_of":
        return predicted.get("duplicate_of") is None
    return comparable(field, predicted.get(field)) == comparable(field, value)
