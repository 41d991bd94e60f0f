"""How far two readings of the same report agree: Cohen's kappa for each field and pair of reviewers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge_base.storage.records import Correction
from knowledge_base.storage.standing import (
    COMPARED_FIELDS,
    FIRST,
    SECOND_READING,
    comparable,
    effective,
)

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of ``reports`` read twice, the share agreed in a field, and kappa; ``reviewers`` is None for all pairs."""

    field: str
    reviewers: Pair | None
    reports: int
    agreed: float
    kappa: float | None


def cohens_kappa(pairs: Sequence[Pair]) -> float | None:
    """Return (observed − expected) ÷ (1 − expected) agreement, None where only one value occurs.

    Cohen, A Coefficient of Agreement for Nominal Scales (1960).
    """
    count = len(pairs)
    observed = sum(one == other for one, other in pairs) / count if count else 0.0
    left, right = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(left[value] * right[value] for value in left) / count**2 if count else 1.0
    return None if expected >= 1.0 else (observed - expected) / (1.0 - expected)


def agreements(entries: Iterable[Sequence[Correction]]) -> list[Agreement]:
    """Return the agreement over the entries of each report: by field, first over all pairs, then for each pair."""
    values: dict[tuple[str, Pair | None], list[Pair]] = defaultdict(list)
    for one_report in entries:
        for field, first, second in _two_readings(one_report):
            mirrored = first.actor > second.actor
            readers = (second.actor, first.actor) if mirrored else (first.actor, second.actor)
            told = comparable(field, first.value), comparable(field, second.value)
            told = told[::-1] if mirrored else told
            values[field, None].append(told)
            values[field, readers].append(told)
    order = sorted(values, key=lambda key: (COMPARED_FIELDS.index(key[0]), key[1] or ("", "")))
    return [Agreement(field, readers, len(values[field, readers]),
                      sum(one == other for one, other in values[field, readers]) / len(values[field, readers]),
                      cohens_kappa(values[field, readers])) for field, readers in order]


def _two_readings(entries: Sequence[Correction]) -> Iterable[tuple[str, Correction, Correction]]:
    """Yield (field, first, second) as each reader said before seeing the other."""
    began = next((entry.number for entry in entries if entry.reading == SECOND_READING), None)
    if began is None:
        return
    firsts = {entry.field: entry for entry in effective([entry for entry in entries if entry.number < began])
              if entry.reading == FIRST}
    seconds: dict[str, Correction] = {}
    for entry in effective(entries):
        if entry.reading == SECOND_READING:
            seconds.setdefault(entry.field, entry)
    for field in COMPARED_FIELDS:
        if field in firsts and field in seconds:
            yield field, firsts[field], seconds[field]
