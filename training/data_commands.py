"""The commands ``fenzhuan data``: check the rows, export the splits."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from training.cli import DATA, FILE, FOLDER, KNOWLEDGE_BASE, QUARANTINE, RUN, TEMPORAL, require_data
from training.validation import WHOLE_FILE


@click.group()
def data() -> None:
    """Check the training data, and export them."""


@data.command("check")
@DATA
@KNOWLEDGE_BASE
@click.option("--quarantine", type=FILE, help="Write the bad rows' places and reasons (no texts) to this file.")
def check(data: Path, knowledge_base: Path, quarantine: Path | None) -> None:
    """List every bad row as file:row: what; exit code 1 if there is any."""
    require_data(data)
    from training.quarantine import write_quarantine
    from training.schema import DatasetError, read_codes
    from training.sources import check_data, source_files

    try:
        problems = check_data(data, read_codes(knowledge_base))
        files = source_files(data)
    except DatasetError as error:
        raise click.ClickException(str(error)) from error
    for problem in problems:
        click.echo(str(problem))
    rows = {(problem.file, problem.row) for problem in problems}
    if quarantine is not None:
        write_quarantine(quarantine, [(one.file, one.row, one.what) for one in problems if one.row != WHOLE_FILE],
                         [file.path for file in files])
    sys.stderr.write(f"{len(problems)} problems, {len(rows)} bad rows, in {len(files)} files\n")
    if any(row == WHOLE_FILE for _, row in rows):
        sys.stderr.write("row 0 stands for a whole file: no quarantine helps, mend the file\n")
    if problems:
        sys.exit(1)


@data.command("suspects")
@DATA
@KNOWLEDGE_BASE
@RUN
@click.option("--most", type=click.IntRange(1), default=500, show_default=True, help="How many to list.")
def suspects(data: Path, knowledge_base: Path, run: Path, most: int) -> None:
    """List the labels that out-of-fold scores doubt most, by message id: what to read a second time."""
    require_data(data)
    from training.cli import reasons_shown
    from training.label_errors import doubted_labels

    with reasons_shown():
        found = doubted_labels(data, knowledge_base, run)
    click.echo("id\tfield\tgiven\tsuggested\tdoubt")
    for one in found[:most]:
        click.echo(f"{one.id}\t{one.field}\t{one.given}\t{one.suggested}\t{one.doubt:.3f}")


@data.command("export")
@DATA
@KNOWLEDGE_BASE
@click.option("--to", "target", type=FOLDER, required=True, help="Folder for one Parquet file a split; holds texts.")
@QUARANTINE
@TEMPORAL
def export(data: Path, knowledge_base: Path, target: Path, quarantine: Path | None, temporal_test: float) -> None:
    """Write the merged rows as Parquet, one file for each part of the split. They hold citizens' texts."""
    require_data(data)
    from training.cli import reasons_shown
    from training.parquet_export import export_splits
    from training.run_folder import data_as

    with reasons_shown(), data_as(data, quarantine, temporal_test):
        written = export_splits(data, knowledge_base, target)
    sys.stderr.write("".join(f"wrote {path.name}: {rows} rows\n" for path, rows in written)
                     + "these files hold citizens' texts: keep them as strictly as the originals\n")
