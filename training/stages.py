"""The stages that commands are made of: train a run, make and measure its bundle, log both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluation.outcomes import OUTCOMES_FILE, write_outcomes
from evaluation.report import write_report
from knowledge_base.index import VECTORS_FILE
from training.bundle_stage import BundleMaker
from training.encoder_stage import EncoderSettings, train_encoder
from training.environment import environment_text, installed_packages
from training.evaluate_stage import Evaluation
from training.model_card import render_card
from training.model_logging import log_models
from training.out_of_fold import score_out_of_fold
from training.outcomes_of import outcomes_of
from training.plots import draw_plots
from training.sources import joined_hash, source_hashes
from training.tracking import Tracker, open_mlflow
from training.wide_stage import train_wide

MAX_TOKENS = 128
EVALUATION_FOLDER = "evaluation"


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run reads and writes."""

    data: Path
    knowledge_base: Path
    run: Path


def logged_settings(settings: EncoderSettings) -> dict[str, Any]:
    """Return settings as parameters of a run."""
    named = {name: value for name, value in asdict(settings).items() if name not in ("loop", "layers")}
    return {**asdict(settings.loop), **named, "layers": len(settings.layers)}


def log_circumstances(tracker: Tracker, data: Path) -> None:
    """Log the data's hashes, the packages and the machine."""
    hashes = source_hashes(data)
    tracker.parameters({"data_sha256": joined_hash(hashes)})
    tracker.text(json.dumps(hashes, indent=1, sort_keys=True) + "\n", "data_sha256.json")
    tracker.text("\n".join(installed_packages()) + "\n", "environment/packages.txt")
    tracker.text(environment_text(), "environment/machine.txt")


def train_run(folders: Folders, settings: EncoderSettings, tracker: Tracker) -> None:
    """Train both parts of the network and leave them in the run folder.

    Raises:
        DatasetError, EncoderError: what can't be trained on or from.
    """
    log_circumstances(tracker, folders.data)
    train_wide(folders.data, folders.knowledge_base, folders.run, most_rows=settings.most_rows)
    if settings.beside_wide:
        score_out_of_fold(folders.data, folders.knowledge_base, folders.run, most_rows=settings.most_rows)
    train_encoder(folders.data, folders.knowledge_base, folders.run, settings, tracker.metric)


def make_bundle(folders: Folders, bundle: Path, layers: int, encoder: str) -> None:
    """Export and calibrate the bundle.

    Raises:
        OSError, ValueError: it can't be made, or would be too large.
    """
    BundleMaker(folders.data, folders.knowledge_base, folders.run, bundle, tuple(range(layers)), MAX_TOKENS,
                encoder).make()


def evaluate_bundle(evaluation: Evaluation, report: Path) -> dict[str, Any]:
    """Measure a bundle; write report, outcomes by id and plots into ``report``."""
    figures = evaluation.run()
    outcomes = outcomes_of(evaluation)
    write_report(figures, report)
    write_outcomes(report / OUTCOMES_FILE, outcomes)
    draw_plots(outcomes, report)
    return figures


def export_run(folders: Folders, bundle: Path, layers: int, encoder: str, tracker: Tracker) -> dict[str, Any]:
    """Make the bundle with its card, measure it on ``dev``, log all of it; return the figures."""
    make_bundle(folders, bundle, layers, encoder)
    vectors = folders.run / VECTORS_FILE
    report = folders.run / EVALUATION_FOLDER
    figures = evaluate_bundle(Evaluation(folders.data, folders.knowledge_base, bundle, vectors=vectors), report)
    manifest = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
    (bundle / "MODEL_CARD.md").write_text(render_card(manifest, figures), encoding="utf-8")
    tracker.report(figures, report)
    if tracker.run_id is not None:
        number = log_models(open_mlflow(), bundle, folders.knowledge_base, vectors)
        tracker.tags({"model_version": number})
    return figures


def figure_values(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return every figure of an evaluation report by ``section.name``."""
    return {f"{section}.{name}": float(one["value"]) for section, named in figures.items()
            if isinstance(named, Mapping) and section != "per_category" for name, one in named.items()}
