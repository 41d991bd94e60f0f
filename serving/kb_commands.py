"""``fenzhuan kb``: checking the knowledge base, embedding its duties, searching them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.local_engine import bundle_option, knowledge_base_option, reasons_shown

if TYPE_CHECKING:
    from knowledge_base.checks import Problem
    from knowledge_base.index import DutyHit
    from knowledge_base.loading import KnowledgeBase
    from models.bundle import Bundle
    from models.contract import Predictor
    from serving.core import CoreBuilder

MOST_FOUND = 100


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def kb() -> None:
    """Check the knowledge base, embed its duties, search them."""


@kb.command()
@knowledge_base_option
@click.option("--laws", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="A folder with laws_articles.jsonl and samr_rules_articles.jsonl: check citations against them.")
def check(knowledge_base: Path, laws: Path | None) -> None:
    """Say what is wrong with the knowledge base: code, place and problem, one a line; exit code 1 if anything is."""
    from knowledge_base.checks import check as problems_of
    from knowledge_base.loading import load_knowledge_base

    with reasons_shown():
        loaded = load_knowledge_base(knowledge_base)
    problems = problems_of(loaded)
    if laws is not None:
        problems += _legal_problems(loaded, laws)
    for problem in problems:
        click.echo(f"{problem.code}\t{problem.where}\t{problem.message}")
    if problems:
        raise click.ClickException(f"{len(problems)} problems in {knowledge_base}")
    click.echo(f"{len(loaded.taxonomy.categories)} categories, {len(loaded.departments)} departments, "
               f"{len(loaded.duties)} duties: nothing wrong ({loaded.version})")


def _legal_problems(knowledge_base: KnowledgeBase, laws: Path) -> list[Problem]:
    from knowledge_base.checks import check_legal_bases

    try:
        return check_legal_bases(knowledge_base, laws)
    except OSError as error:
        raise click.ClickException(f"cannot read {error.filename}: {error.strerror}") from error
    except (ValueError, KeyError) as error:
        raise click.ClickException(f"a file of laws in {laws} is not in its form ({type(error).__name__}: {error}); "
                                   "expected JSON Lines with law, article_zh, text and with title, text") from error


@dataclass(frozen=True, slots=True)
class _Network:
    """A knowledge base with the network that embeds it."""

    knowledge_base: KnowledgeBase
    bundle: Bundle
    predictor: Predictor


def _network(builder: CoreBuilder | None, bundle: Path, knowledge_base: Path) -> _Network:
    from knowledge_base.loading import load_knowledge_base
    from serving.core import CoreBuilder

    with reasons_shown():
        loaded = load_knowledge_base(knowledge_base)
        return _Network(loaded, *(builder or CoreBuilder()).network(bundle, loaded))


@kb.command()
@bundle_option
@knowledge_base_option
@click.pass_obj
def build(builder: CoreBuilder | None, bundle: Path, knowledge_base: Path) -> None:
    """Embed the duties with the bundle and keep that beside them, so that nothing need be embedded at a start.

    Only what is new or was embedded by another network is embedded.
    """
    from knowledge_base.index import VECTORS_FILE, embed_duties, read_vectors, write_vectors

    network = _network(builder, bundle, knowledge_base)
    path = knowledge_base / VECTORS_FILE
    stored = read_vectors(path, network.bundle.model_sha256)
    click.echo(f"Embedding what is new of {len(network.knowledge_base.duties)} duties; all of them take a minute or "
               "two.", err=True)
    vectors = embed_duties(network.knowledge_base, network.predictor, stored)
    if vectors.keys() != stored.keys() or not path.exists():
        try:
            write_vectors(path, network.bundle.model_sha256, vectors)
        except OSError as error:
            raise click.ClickException(f"cannot write {path}: {error.strerror}") from error
    click.echo(f"{len(vectors)} passages of {len(network.knowledge_base.duties)} duties, "
               f"{len(vectors.keys() - stored.keys())} embedded now, in {path}", err=True)


@kb.command()
@click.argument("words")
@click.option("--top", type=click.IntRange(1, MOST_FOUND), default=5, show_default=True, help="How many duties.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON a duty.")
@bundle_option
@knowledge_base_option
@click.pass_obj
def search(builder: CoreBuilder | None, words: str, top: int, as_json: bool, bundle: Path,
           knowledge_base: Path) -> None:
    """Print the duties that are nearest to WORDS, in meaning and in wording together."""
    if not words.strip():
        raise click.UsageError("WORDS is empty; give what a citizen might write")
    for hit in _found(_network(builder, bundle, knowledge_base), knowledge_base, words, top):
        click.echo(json.dumps(_row(hit), ensure_ascii=False) if as_json else _lines(hit))


def _found(network: _Network, folder: Path, words: str, top: int) -> list[DutyHit]:
    from knowledge_base.index import VECTORS_FILE, DutyIndex, embed_duties, read_vectors

    stored = read_vectors(folder / VECTORS_FILE, network.bundle.model_sha256)
    if not stored:
        click.echo("The duties are not embedded by this bundle yet, which is done now and takes a while; "
                   "`fenzhuan kb build` keeps it.", err=True)
    index = DutyIndex(network.knowledge_base, embed_duties(network.knowledge_base, network.predictor, stored))
    dense, lexical = index.similarities(network.predictor.embed([words])[0], words)
    rows = (-(dense + lexical)).argsort(kind="stable")[:top]
    return index.hits(dense, lexical, [int(row) for row in rows])


def _row(hit: DutyHit) -> dict[str, object]:
    duty = hit.duty
    return {"duty_id": duty.id, "department": hit.department.code, "department_name": hit.department.name,
            "text": duty.text, "level": duty.level, "categories": list(duty.categories),
            "basis": duty.citation, "not_ours": [asdict(other) for other in duty.not_ours],
            "score": round(hit.dense + hit.lexical, 4), "dense": round(hit.dense, 4), "lexical": round(hit.lexical, 4)}


def _lines(hit: DutyHit) -> str:
    lines = [f"{hit.duty.id} {hit.department.name}（相近 {hit.dense + hit.lexical:.3f}：语义 {hit.dense:.3f}，"
             f"词语 {hit.lexical:.3f}）", f"  职责：{hit.duty.text}", f"  依据：{hit.duty.citation}"]
    lines += [f"  不属：{other.text}（{other.department}）" for other in hit.duty.not_ours]
    return "\n".join(lines)
