"""Merging the sources of training rows, and the group-aware split into train, calibration and held-out parts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from training.schema import Codes, TrainingRow, read_jsonl, read_labels, row_from_json, validated, with_labels

LABELS_FOLDER = Path(__file__).parent / "labels"
WRITTEN_FOLDER = Path(__file__).parent / "written_reports"
CALIBRATION_SHARE = 0.10
XINFANG_HELD_SHARE = 0.11
XINFANG_CALIBRATION_SHARE = 0.03


@dataclass(frozen=True, slots=True)
class Split:
    """Rows by their use; no group is in two parts."""

    train: list[TrainingRow]
    calibration: list[TrainingRow]
    dev: list[TrainingRow]
    xinfang_calibration: list[TrainingRow]
    xinfang_test: list[TrainingRow]


def read_rows(data: Path, codes: Codes) -> list[TrainingRow]:
    """Read and merge every source: one row per message id, the most careful labels winning.

    Raises:
        DatasetError: a row is not fit for training.
    """
    rows: dict[str, TrainingRow] = {}
    for name in ("unlabelled", "xinfang7", "annotated"):
        for _, raw in read_jsonl(data / f"{name}.jsonl"):
            row = row_from_json(raw, name)
            earlier = rows.get(row.id)
            rows[row.id] = replace(row, xinfang=row.xinfang or earlier.xinfang) if earlier else row
    for path in sorted(LABELS_FOLDER.glob("*.tsv")):
        for message, labels in read_labels(path).items():
            known = rows.get(message)
            if known is not None and known.category is None:
                rows[message] = with_labels(known, labels, path.stem)
    return validated([*rows.values(), *read_written()], codes)


def read_written() -> list[TrainingRow]:
    """Return the project's own written reports."""
    return [row_from_json(raw, "written") for path in sorted(WRITTEN_FOLDER.glob("*.jsonl"))
            for _, raw in read_jsonl(path)]


def fraction(group: str, salt: str) -> float:
    """Map a group to [0, 1) by hash, so that a split stays put when rows are added."""
    return int.from_bytes(hashlib.sha256(f"{salt}:{group}".encode()).digest()[:6], "big") / 2**48


def split_rows(rows: list[TrainingRow]) -> Split:
    """Split by group: ``dev`` as given; held-out parts of the 7-class labels; calibration from other messages.

    Written reports are only trained on. A row whose group is held out for a label that the row lacks is left out.
    """
    dev_groups = {row.group for row in rows if row.split == "dev"}
    xinfang_groups = {row.group for row in rows if row.xinfang}
    parts = Split([], [], [], [], [])
    for row in rows:
        if row.split == "dev":
            parts.dev.append(row)
        elif row.source == "written":
            parts.train.append(row)
        elif row.group in dev_groups:
            continue
        elif row.group in xinfang_groups and (place := fraction(row.group, "xinfang-test")) < XINFANG_HELD_SHARE:
            if row.xinfang:
                held = parts.xinfang_calibration if place < XINFANG_CALIBRATION_SHARE else parts.xinfang_test
                held.append(row)
        elif row.group not in xinfang_groups and fraction(row.group, "calibration") < CALIBRATION_SHARE:
            parts.calibration.append(row)
        else:
            parts.train.append(row)
    return parts
