"""The commands of the model registry: compare, promote, rollback."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from training.registry import Registry

CLASSES = ("category", "kind", "lead", "xinfang")


def _registry() -> Registry:
    from training.registry import Registry
    from training.tracking import open_mlflow

    return Registry(open_mlflow())


@click.command()
@click.argument("first")
@click.argument("second")
@click.option("--classes", type=click.Choice(CLASSES), multiple=True,
              help="Also F1 of every class of this head with five true rows; may be repeated.")
def compare(first: str, second: str, classes: tuple[str, ...]) -> None:
    """Compare two evaluated runs (FIRST, SECOND: ids or names) on the same rows, with paired intervals."""
    from evaluation.comparison import compare_classes, compare_figures, compare_slices, table_lines
    from evaluation.outcomes import paired
    from training.cli import reasons_shown

    with reasons_shown():
        registry = _registry()
        pairs = paired(registry.outcomes(registry.find_run(first)), registry.outcomes(registry.find_run(second)))
    click.echo("\n".join(table_lines(compare_figures(pairs), first, second)))
    click.echo("\nsecond level by slice\n" + "\n".join(table_lines(compare_slices(pairs), first, second)))
    for head in classes:
        click.echo(f"\nF1 by {head}\n" + "\n".join(table_lines(compare_classes(pairs, head), first, second)))


@click.command()
@click.option("--run", required=True, help="Id or name of the MLflow run whose model challenges the champion.")
def promote(run: str) -> None:
    """Make a run's model champion if it passes the gates; else say why not, with exit code 1."""
    from training.cli import reasons_shown

    with reasons_shown():
        registry = _registry()
        found = registry.promote(registry.find_run(run))
    click.echo("\n".join(str(gate) for gate in found.judgement.gates))
    if not found.judgement.promoted:
        before = f"; version {found.champion.number} stays champion" if found.champion else ""
        raise click.ClickException(f"version {found.challenger.number} was not promoted{before}:\n"
                                   + "\n".join(found.judgement.reasons))
    before = f" in place of version {found.champion.number}" if found.champion else ""
    sys.stderr.write(f"version {found.challenger.number} is champion now{before}\n")


@click.command()
def rollback() -> None:
    """Give the champion's place back to the version that held it before."""
    from training.cli import reasons_shown

    with reasons_shown():
        left, now = _registry().rollback()
    sys.stderr.write(f"version {now} is champion again; version {left} left\n")
