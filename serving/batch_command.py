"""``fenzhuan batch``: a file of reports in, a file of answers out."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.local_engine import build_core, bundle_option, knowledge_base_option, reasons_shown

if TYPE_CHECKING:
    from serving.batch_run import BatchResult
    from serving.core import CoreBuilder

DEFAULT_BATCH_SIZE = 16
_ENDINGS = ".jsonl (.ndjson), .csv or .parquet"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", metavar="IN", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--engine", type=click.Choice(("local", "ray")), default="local", show_default=True,
              help="Where the work is done: in this process, or on a Ray cluster.")
@bundle_option
@knowledge_base_option
@click.option("--batch-size", type=click.IntRange(1, 256), default=DEFAULT_BATCH_SIZE, show_default=True,
              help="Reports scored together.")
@click.option("--workers", type=click.IntRange(1, 256), help="Threads that score.  [default: one a processor]")
@click.pass_obj
def batch(builder: CoreBuilder | None, source: Path, out: Path, engine: str, bundle: Path, knowledge_base: Path,
          batch_size: int, workers: int | None) -> None:
    """Answer the reports of the file IN into the file OUT.

    The endings of the names say what they are: .jsonl (.ndjson), .csv or .parquet, in UTF-8; IN and OUT may differ.
    Columns of IN: id, title, text, received_at, region, channel; only text is required. A line of JSON Lines is an
    object as the service takes it. OUT as JSON Lines holds the service's answers in the order of IN; as CSV or Parquet
    one flat row for each.

    Each row is compared with the rows before it, and with nothing else: duplicate_of and event_id are of this file
    alone.

    A bad row becomes a row with its number and an error code, and the rest go on. What is done is kept in OUT.partial;
    after a stop the same command goes on from there. OUT appears, or is replaced, when all is done.
    """
    _check_usage(source, out, engine)
    from serving.batch_rows import TableError

    try:
        result = _run(builder, source, out, (bundle, knowledge_base), (batch_size, workers or _processors()))
    except TableError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        raise click.ClickException("stopped; what is done is kept, the same command goes on from there") from None
    _conclude(result, out)


def _check_usage(source: Path, out: Path, engine: str) -> None:
    from serving.batch_rows import format_of

    if engine == "ray":
        lacking = "it needs the package ray, which is not installed here" if find_spec("ray") is None else \
            "this version has none yet"
        raise click.UsageError(f"--engine ray is not available: {lacking}; use --engine local")
    for name, path in (("IN", source), ("OUT", out)):
        if format_of(path) is None:
            raise click.UsageError(f"{name} ends in {path.suffix or 'nothing'!r}, expected {_ENDINGS}")
    if out.exists() and out.samefile(source):
        raise click.UsageError("IN and OUT are the same file; choose another OUT")
    if not out.parent.is_dir():
        raise click.UsageError(f"the folder of OUT, {out.parent}, does not exist; make it first")


def _processors() -> int:
    return len(os.sched_getaffinity(0))


def _run(builder: CoreBuilder | None, source: Path, out: Path, folders: tuple[Path, Path],
         sizes: tuple[int, int]) -> BatchResult:
    from serving.batch_rows import format_of, ignored_columns, pyarrow_parquet, read_rows

    if "parquet" in (format_of(source), format_of(out)):
        pyarrow_parquet()
    if ignored := ignored_columns(source):
        click.echo(f"Columns of {source.name} that are not read: {', '.join(ignored)}", err=True)
    total = sum(1 for _ in read_rows(source))
    with reasons_shown():
        core = build_core(builder, *folders)
    from serving.batch_run import BatchPlan, run_batch

    with click.progressbar(length=total, label="reports", file=sys.stderr) as bar:
        return run_batch(core, BatchPlan(source, out, *sizes, bar.update))


def _conclude(result: BatchResult, out: Path) -> None:
    bad = sum(result.bad.values())
    resumed = f", {result.resumed} of them by an earlier run" if result.resumed else ""
    click.echo(f"{result.rows} rows in {out}{resumed}.", err=True)
    if bad:
        codes = ", ".join(f"{code} {count}" for code, count in sorted(result.bad.items()))
        click.echo(f"{bad} of {result.rows} rows are bad ({codes}); their rows in {out.name} say why.", err=True)
    if bad and bad == result.rows:
        raise click.ClickException("no row could be answered")
