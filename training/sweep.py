"""Sweeps: one training for every combination of a grid, as nested runs under a parent, resumable."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.encoder_stage import EncoderSettings
from training.errors import TrainingError
from training.settings_from import with_settings
from training.stages import Folders, evaluate_bundle, figure_values, log_circumstances, logged_settings, make_bundle
from training.tracking import Tracker, tracked_run
from training.wide_stage import WIDE_FILE, train_wide

FIGURES_FILE = "figures.json"
SWEEP_FILE = "sweep.json"
TABLE_FILE = "sweep.tsv"
SPLIT = "calibration"
SHOWN = ("heads.second_level_accuracy", "heads.first_level_accuracy", "heads.kind_accuracy",
         "heads.urgency_quadratic_kappa", "heads.lead_accuracy", "xinfang.accuracy")
Measure = Callable[[Folders, EncoderSettings, Tracker], Mapping[str, float]]


class SweepError(TrainingError):
    """A sweep that can't go on in its folder: says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination of a grid and what it measured."""

    name: str
    words: Mapping[str, str]
    figures: Mapping[str, float]


def run_sweep(folders: Folders, base: EncoderSettings, grid: Sequence[Mapping[str, str]],
              measure: Measure | None = None) -> list[Trial]:
    """Train and measure every combination; those that the folder holds already are not repeated.

    Choices made by a sweep must not be made on ``dev``: trials are measured on the calibration messages.

    Raises:
        SweepError: the folder holds a sweep of other settings.
        SettingError: the grid names what is no setting.
    """
    settings = [with_settings(base, words) for words in grid]
    parent = _parent_run(folders.run, base)
    with tracked_run(f"sweep-{folders.run.name}", parent) as tracker:
        _remember(folders.run, base, tracker.run_id)
        tracker.parameters({"grid": json.dumps([dict(words) for words in grid])[:6000]})
        log_circumstances(tracker, folders.data)
        trials = [_trial(folders, words, one, measure or train_and_measure)
                  for words, one in zip(grid, settings, strict=True)]
        table = sweep_table(trials)
        (folders.run / TABLE_FILE).write_text(table, encoding="utf-8")
        tracker.text(table, TABLE_FILE)
        best = max(trials, key=lambda trial: trial.figures.get(SHOWN[0], float("-inf")))
        tracker.tags({"best": best.name})
    return trials


def trial_name(words: Mapping[str, str]) -> str:
    """Return a name for a combination that can be a folder's."""
    return "_".join(f"{name}-{value}" for name, value in sorted(words.items())).replace("/", "-")


def sweep_table(trials: Sequence[Trial]) -> str:
    """Return the trials as tab-separated lines, the best by second-level accuracy first."""
    names = sorted({name for trial in trials for name in trial.words})
    shown = [name for name in SHOWN if any(name in trial.figures for trial in trials)]
    stream = io.StringIO()
    rows = csv.writer(stream, delimiter="\t", lineterminator="\n")
    rows.writerow([*names, *shown])
    for trial in sorted(trials, key=lambda trial: -trial.figures.get(SHOWN[0], float("-inf"))):
        rows.writerow([*(trial.words.get(name, "") for name in names),
                       *(f"{trial.figures.get(name, float('nan')):.4f}" for name in shown)])
    return stream.getvalue()


def train_and_measure(folders: Folders, settings: EncoderSettings, tracker: Tracker) -> dict[str, float]:
    """Train one combination and return the figures of its bundle."""
    from training.encoder_stage import train_encoder
    from training.evaluate_stage import Evaluation

    shared = folders.run.parent / f"wide-{settings.most_rows or 'all'}"
    if not (shared / WIDE_FILE).is_file():
        train_wide(folders.data, folders.knowledge_base, shared, most_rows=settings.most_rows)
    folders.run.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shared / WIDE_FILE, folders.run / WIDE_FILE)
    train_encoder(folders.data, folders.knowledge_base, folders.run, settings, tracker.metric)
    bundle, report = folders.run / "bundle", folders.run / "evaluation"
    make_bundle(folders, bundle, len(settings.layers), settings.encoder)
    figures = evaluate_bundle(Evaluation(folders.data, folders.knowledge_base, bundle, SPLIT), report)
    tracker.report(figures, report)
    return figure_values(figures)


def _trial(folders: Folders, words: Mapping[str, str], settings: EncoderSettings, measure: Measure) -> Trial:
    name = trial_name(words)
    run = folders.run / name
    done = run / FIGURES_FILE
    if done.is_file():
        return Trial(name, words, json.loads(done.read_text(encoding="utf-8")))
    with tracked_run(name, nested=True) as tracker:
        tracker.parameters(logged_settings(settings))
        figures = dict(measure(Folders(folders.data, folders.knowledge_base, run), settings, tracker))
    run.mkdir(parents=True, exist_ok=True)
    partial = done.with_suffix(".partial")
    partial.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    partial.replace(done)
    return Trial(name, words, figures)


def _base_of(base: EncoderSettings) -> dict[str, str]:
    return {name: str(value) for name, value in logged_settings(base).items()}


def _parent_run(folder: Path, base: EncoderSettings) -> str | None:
    """Return the MLflow run of the sweep that the folder holds, or none."""
    path = folder / SWEEP_FILE
    if not path.is_file():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        settings, run = stored["settings"], stored["mlflow_run"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SweepError(f"{SWEEP_FILE} in {folder.name!r} is damaged; delete the folder or name another") from error
    if settings != _base_of(base):
        changed = sorted(name for name, value in _base_of(base).items() if settings.get(name) != value)
        raise SweepError(f"{folder.name!r} holds a sweep with other settings ({', '.join(changed)}); name another "
                         "folder with --run, or give the same settings")
    return None if run is None else str(run)


def _remember(folder: Path, base: EncoderSettings, run: str | None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SWEEP_FILE).write_text(json.dumps({"mlflow_run": run, "settings": _base_of(base)}, indent=1),
                                     encoding="utf-8")
