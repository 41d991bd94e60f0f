"""The group-aware split into train, calibration and held-out parts, by hash and, if asked for, by time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from training.schema import TrainingRow
from training.times import parse_time

CALIBRATION_SHARE = 0.10
XINFANG_HELD_SHARE = 0.11
XINFANG_CALIBRATION_SHARE = 0.03
_TEMPORAL_SHARE: ContextVar[float] = ContextVar("temporal_share", default=0.0)


@dataclass(frozen=True, slots=True)
class Split:
    """Rows by their use; no group is in two parts. ``temporal`` is empty unless a share of it was asked for."""

    train: list[TrainingRow]
    calibration: list[TrainingRow]
    dev: list[TrainingRow]
    xinfang_calibration: list[TrainingRow]
    xinfang_test: list[TrainingRow]
    temporal: list[TrainingRow] = field(default_factory=list)


@contextmanager
def latest_held_out(share: float) -> Iterator[None]:
    """Hold out this share of the latest messages in every split made inside."""
    token = _TEMPORAL_SHARE.set(share)
    try:
        yield
    finally:
        _TEMPORAL_SHARE.reset(token)


def fraction(group: str, salt: str) -> float:
    """Map a group to [0, 1) by hash, so that a split stays put when rows are added."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{group}".encode()).digest()[:6], "big") / 2**48


def split_rows(rows: Sequence[TrainingRow], temporal_share: float | None = None) -> Split:
    """Split by group: ``dev`` as given; held-out parts of the 7-class labels; calibration from other messages.

    Written reports are only trained on, and not at all where a message of their group is held out. A row whose group
    is held out for a label that the row lacks is left out. With ``temporal_share`` (or inside ``latest_held_out``)
    the latest messages, as many as that share of the labelled ones with a time, are the part ``temporal``.
    """
    share = _TEMPORAL_SHARE.get() if temporal_share is None else temporal_share
    dev_groups = {row.group for row in rows if row.split == "dev"}
    xinfang_groups = {row.group for row in rows if row.xinfang}
    parts = Split([], [], [], [], [])
    for row in rows:
        if row.split == "dev":
            parts.dev.append(row)
        elif row.source == "written" or row.group in dev_groups:
            continue
        elif row.group in xinfang_groups and (place := fraction(row.group, "xinfang-test")) < XINFANG_HELD_SHARE:
            if row.xinfang:
                held = parts.xinfang_calibration if place < XINFANG_CALIBRATION_SHARE else parts.xinfang_test
                held.append(row)
        elif row.group not in xinfang_groups and fraction(row.group, "calibration") < CALIBRATION_SHARE:
            parts.calibration.append(row)
        else:
            parts.train.append(row)
    if share > 0:
        parts = _hold_out_latest(parts, share)
    return _with_written(parts, rows, dev_groups)


def _hold_out_latest(parts: Split, share: float) -> Split:
    """Move the latest labelled groups out of ``train`` and ``calibration``.

    A group counts from its first message. What was sent after the earliest message held out, in a group that began
    before, is left out altogether, so that nothing fitted has seen that time.
    """
    candidates = [*parts.train, *parts.calibration]
    began: dict[str, datetime] = {}
    labelled: dict[str, int] = {}
    for row in candidates:
        if (time := parse_time(row.time)) is not None:
            began[row.group] = min(time, began.get(row.group, time))
            labelled[row.group] = labelled.get(row.group, 0) + (row.category is not None)
    wanted, chosen = share * sum(labelled.values()), set[str]()
    for group in sorted(began, key=lambda group: (began[group], group), reverse=True):
        if wanted <= 0:
            break
        chosen.add(group)
        wanted -= labelled[group]
    cut = min((began[group] for group in chosen), default=datetime.max)

    def earlier(part: Sequence[TrainingRow]) -> list[TrainingRow]:
        return [row for row in part if row.group not in chosen and (parse_time(row.time) or datetime.min) < cut]
    held = [row for row in candidates if row.group in chosen and row.category is not None]
    return Split(earlier(parts.train), earlier(parts.calibration), parts.dev, parts.xinfang_calibration,
                 parts.xinfang_test, held)


def _with_written(parts: Split, rows: Sequence[TrainingRow], dev_groups: set[str]) -> Split:
    held = {row.group for part in (parts.calibration, parts.xinfang_calibration, parts.xinfang_test, parts.temporal)
            for row in part} | dev_groups
    parts.train.extend(row for row in rows if row.source == "written" and row.split != "dev" and row.group not in held)
    return parts
