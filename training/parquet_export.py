"""The merged rows as Parquet, for other tools; read back with ``datasets.load_dataset``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from training.schema import TrainingRow, read_codes
from training.sources import read_rows, split_rows
from training.splits import Split

_LISTS = ("co", "missing", "reply_co")
_NUMBERS = ("urgency", "verifiability")


def export_splits(data: Path, knowledge_base: Path, target: Path) -> list[tuple[Path, int]]:
    """Write one file for each part of the split that has rows; return files and their numbers of rows.

    ``first`` is left out; ``first_category`` and the like are the labels of the first of two careful readings.
    """
    from datasets import Dataset

    split = split_rows(read_rows(data, read_codes(knowledge_base)))
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for part in (field.name for field in fields(Split)):
        rows: list[TrainingRow] = getattr(split, part)
        if rows:
            path = target / f"{part}.parquet"
            Dataset.from_list([_record(row) for row in rows], features=_features()).to_parquet(str(path))
            written.append((path, len(rows)))
    return written


_READ_TWICE = ("kind", "category", "urgency", "lead")


def _record(row: TrainingRow) -> dict[str, Any]:
    record = {one.name: getattr(row, one.name) for one in fields(row) if one.name != "first"}
    record |= {name: None if record[name] is None else list(record[name]) for name in _LISTS}
    return record | {f"first_{name}": getattr(row.first, name) if row.first else None for name in _READ_TWICE}


def _features() -> Any:  # noqa: ANN401
    from datasets import Features, Sequence, Value

    names = [one.name for one in fields(TrainingRow) if one.name != "first"]
    names += [f"first_{name}" for name in _READ_TWICE]

    def feature(name: str) -> Any:  # noqa: ANN401
        if name in _LISTS:
            return Sequence(Value("string"))
        return Value("int64" if name.removeprefix("first_") in _NUMBERS else "string")
    return Features({name: feature(name) for name in names})
