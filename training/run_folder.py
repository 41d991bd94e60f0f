"""What a run folder remembers beside weights: how the run was started, so that later commands go on with it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.errors import TrainingError
from training.quarantine import in_force, read_quarantine
from training.sources import source_files
from training.splits import latest_held_out

RECORD_FILE = "run.json"
QUARANTINE_FILE = "quarantine.json"


class RunFolderError(TrainingError):
    """A run folder that can't be used: says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The MLflow run of a training, the encoder and depth that it kept, and its settings as they were logged."""

    mlflow_run: str | None
    encoder: str
    layers: int
    temporal_test: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)


def write_record(run: Path, record: RunRecord) -> None:
    """Write ``run.json``."""
    run.mkdir(parents=True, exist_ok=True)
    (run / RECORD_FILE).write_text(json.dumps(asdict(record), ensure_ascii=False, indent=1, default=str) + "\n",
                                   encoding="utf-8")


def read_record(run: Path) -> RunRecord | None:
    """Return what the folder remembers, or none where it has no ``run.json``.

    Raises:
        RunFolderError: the file is damaged.
    """
    path = run / RECORD_FILE
    if not path.is_file():
        return None
    try:
        return RunRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise RunFolderError(f"{RECORD_FILE} in {run.name!r} is damaged ({type(error).__name__}); delete it, or "
                             "train the run again") from error


def keep_quarantine(run: Path, quarantine: Path | None) -> None:
    """Keep a copy of the quarantine in the run folder, or none, so that the export leaves out the same rows."""
    run.mkdir(parents=True, exist_ok=True)
    kept = run / QUARANTINE_FILE
    if quarantine is None:
        kept.unlink(missing_ok=True)
    elif quarantine.resolve() != kept.resolve():
        shutil.copyfile(quarantine, kept)


@contextmanager
def data_as(data: Path, quarantine: Path | None, temporal_test: float) -> Iterator[int]:
    """Leave out quarantined rows and hold out the latest messages inside; yield how many rows are left out.

    Raises:
        QuarantineError: the quarantine is not for these files.
    """
    found = read_quarantine(quarantine, [file.path for file in source_files(data)]) if quarantine else None
    with in_force(found), latest_held_out(temporal_test):
        yield found.count if found else 0


@contextmanager
def data_of_run(data: Path, run: Path) -> Iterator[RunRecord | None]:
    """Read the data inside as the run was trained on them."""
    record, kept = read_record(run), run / QUARANTINE_FILE
    with data_as(data, kept if kept.is_file() else None, record.temporal_test if record else 0.0):
        yield record
