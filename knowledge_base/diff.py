"""What changed between two versions of the knowledge base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge_base.records import Name, Record, Value, read_records

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field before and after; an absent one is an empty text."""

    field: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Change:
    """A record that was added, removed or changed; ``fields`` holds every field of it that differs."""

    part: str
    key: str
    kind: str
    fields: tuple[FieldChange, ...]

    def after(self, field: str) -> Value:
        """Return a field as it is now, empty where it did not change."""
        return next((one.after for one in self.fields if one.field == field), "")


def compare(old: Path, new: Path) -> tuple[Change, ...]:
    """Return what differs between the knowledge bases of two folders, by part and key.

    Raises:
        KnowledgeBaseError: a file cannot be read.
    """
    before, after = read_records(old), read_records(new)
    names = dict.fromkeys([*before, *after])
    changes = [_change(name, before.get(name), after.get(name)) for name in names]
    return tuple(sorted((change for change in changes if change is not None), key=lambda one: (one.part, one.key)))


def _change(name: Name, before: Record | None, after: Record | None) -> Change | None:
    old, new = before or {}, after or {}
    fields = tuple(FieldChange(field, old.get(field, ""), new.get(field, ""))
                   for field in dict.fromkeys([*old, *new]) if old.get(field, "") != new.get(field, ""))
    if before is None or after is None:
        return Change(*name, ADDED if before is None else REMOVED, fields)
    return Change(*name, CHANGED, fields) if fields else None


def counts(changes: Sequence[Change]) -> dict[str, int]:
    """Return how many records were added, removed and changed."""
    found = Counter(change.kind for change in changes)
    return {kind: found[kind] for kind in (ADDED, REMOVED, CHANGED)}
