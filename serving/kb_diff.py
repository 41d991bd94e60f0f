"""``fenzhuan kb diff``: what changed between two knowledge bases, and which sample reports go elsewhere for it."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.local_engine import (
    ReportRefusedError,
    bundle_option,
    checked_report,
    engine_of,
    reasons_shown,
)
from serving.settings import DEFAULT_KNOWLEDGE_BASE

if TYPE_CHECKING:
    from knowledge_base.diff import Change
    from knowledge_base.loading import KnowledgeBase
    from models.contract import Report
    from serving.core import Core, CoreBuilder
    from serving.rerouting import Rerouted

SAMPLE = Path(__file__).parent / "samples" / "sample_reports.jsonl"
FIRST_WORDS = 16
_SNAPSHOT = click.Path(exists=True, path_type=Path)
_BATCH = 16


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs between two versions, and what that does to how many sample reports."""

    old: KnowledgeBase
    new: KnowledgeBase
    changes: tuple[Change, ...]
    sample: tuple[Report, ...] = ()
    rerouted: tuple[Rerouted, ...] = ()


@click.command()
@click.argument("old", type=_SNAPSHOT)
@click.argument("new", type=_SNAPSHOT, default=DEFAULT_KNOWLEDGE_BASE, envvar="FENZHUAN_KNOWLEDGE_BASE")
@click.option("--sample", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=SAMPLE,
              help="Reports to route with both, JSON Lines of the intake schema.  [default: those shipped]")
@click.option("--changes-only", is_flag=True, help="Route no reports: needs no bundle and takes a second.")
@click.option("--words", is_flag=True, help=f"Show the first {FIRST_WORDS} characters of the shipped sample reports.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@bundle_option
@click.pass_obj
def diff(builder: CoreBuilder | None, old: Path, new: Path, sample: Path, changes_only: bool, words: bool,
         as_json: bool, bundle: Path) -> None:
    """Say what changed from OLD to NEW (the one in force), and which sample reports are routed otherwise, and why.

    Each is a folder, or an archive of it (.zip, .tar, .tar.gz). Of reports only the id is shown.
    """
    if words and sample.resolve() != SAMPLE.resolve():
        raise click.UsageError("--words shows texts of the shipped sample only; look other reports up by their id")
    with _folder(old) as before, _folder(new) as after, reasons_shown():
        comparison = _compared(before, after)
        if comparison.changes and not changes_only:
            comparison = _with_effect(comparison, _reports(sample), builder, bundle)
    from serving.kb_diff_text import document, lines

    shown = {report.id: report.text[:FIRST_WORDS] for report in comparison.sample} if words else {}
    click.echo(json.dumps(document(comparison, shown), ensure_ascii=False) if as_json
               else "\n".join(lines(comparison, shown)))


@contextmanager
def _folder(snapshot: Path) -> Iterator[Path]:
    """Return the folder of a knowledge base, unpacked for as long as this is held where it is an archive."""
    if snapshot.is_dir():
        yield snapshot
        return
    with tempfile.TemporaryDirectory() as name:
        try:
            if zipfile.is_zipfile(snapshot):
                shutil.unpack_archive(snapshot, name, "zip")
            else:
                with tarfile.open(snapshot) as archive:
                    archive.extractall(name, filter="data")
        except (OSError, tarfile.TarError, zipfile.BadZipFile, ValueError) as error:
            raise click.ClickException(f"{snapshot} is no folder and no archive that can be unpacked "
                                       f"({type(error).__name__})") from error
        found = sorted(Path(name).rglob("taxonomy.tsv"), key=lambda path: len(path.parts))
        if not found:
            raise click.ClickException(f"{snapshot} holds no knowledge base (no taxonomy.tsv)")
        yield found[0].parent


def _compared(old: Path, new: Path) -> Comparison:
    from knowledge_base.diff import compare
    from knowledge_base.loading import load_knowledge_base

    return Comparison(load_knowledge_base(old), load_knowledge_base(new), compare(old, new))


def _reports(path: Path) -> tuple[Report, ...]:
    reports = []
    try:
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            if line.strip():
                report = checked_report(line)
                reports.append(report if report.id else replace(report, id=f"line {number}"))
    except ReportRefusedError as error:
        raise click.ClickException(f"{path}, line {number}: {error}") from error
    except OSError as error:
        raise click.ClickException(f"cannot read {path}: {error.strerror}") from error
    return tuple(reports)


def _with_effect(comparison: Comparison, sample: tuple[Report, ...], builder: CoreBuilder | None,
                 bundle: Path) -> Comparison:
    from serving.rerouting import rerouted

    click.echo(f"Routing {len(sample)} reports with both; new duties are embedded first.", err=True)
    old, new = _cores(comparison, builder, bundle)
    predictions = [prediction for at in range(0, len(sample), _BATCH)
                   for prediction in new.predictor.predict(sample[at:at + _BATCH])]
    found = rerouted(sample, predictions, engine_of(old), engine_of(new), comparison.changes)
    return Comparison(comparison.old, comparison.new, comparison.changes, sample, tuple(found))


def _cores(comparison: Comparison, builder: CoreBuilder | None, folder: Path) -> tuple[Core, Core]:
    """Return cores over both knowledge bases that share one network."""
    from serving.core import Core, CoreBuilder

    builder = builder or CoreBuilder()
    bundle, predictor = builder.network(folder, comparison.new)
    old, new = (Core(bundle, predictor, knowledge, builder.router(knowledge, predictor, bundle, None),
                     builder.pair_scorer(bundle)) for knowledge in (comparison.old, comparison.new))
    return old, new
