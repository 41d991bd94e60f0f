"""``fenzhuan kb``: checking the knowledge base, comparing two, embedding its duties, searching them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.kb_diff import diff
from serving.local_engine import bundle_option, knowledge_base_option, reasons_shown

if TYPE_CHECKING:
    from knowledge_base.index import DutyHit
    from knowledge_base.loading import KnowledgeBase
    from knowledge_base.problem import Problem
    from models.bundle import Bundle
    from models.contract import Predictor
    from serving.core import CoreBuilder

MOST_FOUND = 100
MOST_INCIDENTS = 3
_AS_NEAR = 0.05


@click.group(commands=[diff], context_settings={"help_option_names": ["-h", "--help"]})
def kb() -> None:
    """Check the knowledge base, compare two of them, embed its duties, search them."""


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
@click.option("--department", help="Only duties of the department with this code.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON a duty.")
@bundle_option
@knowledge_base_option
@click.pass_obj
def search(builder: CoreBuilder | None, words: str, top: int, department: str | None, as_json: bool, bundle: Path,
           knowledge_base: Path) -> None:
    """Print the duties that are nearest to WORDS, in meaning and in wording together, with the incidents that match."""
    if not words.strip():
        raise click.UsageError("WORDS is empty; give what a citizen might write")
    network = _network(builder, bundle, knowledge_base)
    if department is not None and department not in network.knowledge_base.department_codes:
        raise click.UsageError(f"no department has the code {department!r}; `departments.tsv` lists them")
    for hit in _found(network, knowledge_base, words, top, department):
        incidents = _incidents(network, hit, words)
        click.echo(json.dumps(_row(hit, incidents), ensure_ascii=False) if as_json else _lines(hit, incidents))


def _found(network: _Network, folder: Path, words: str, top: int, department: str | None) -> list[DutyHit]:
    from knowledge_base.index import VECTORS_FILE, DutyIndex, embed_duties, read_vectors

    stored = read_vectors(folder / VECTORS_FILE, network.bundle.model_sha256)
    if not stored:
        click.echo("The duties are not embedded by this bundle yet, which is done now and takes a while; "
                   "`fenzhuan kb build` keeps it.", err=True)
    index = DutyIndex(network.knowledge_base, embed_duties(network.knowledge_base, network.predictor, stored))
    dense, lexical = index.similarities(network.predictor.embed([words])[0], words)
    ranked = [int(row) for row in (-(dense + lexical)).argsort(kind="stable")
              if department in (None, index.departments[row])]
    return index.hits(dense, lexical, ranked[:top])


def _incidents(network: _Network, hit: DutyHit, words: str) -> list[tuple[str, float]]:
    """Return incidents of a duty with their cosines that are about as near to the words as its nearest passage."""
    query, *vectors = network.predictor.embed([words, *hit.duty.incidents])
    near = sorted(((float(vector @ query), text) for vector, text in zip(vectors, hit.duty.incidents, strict=True)),
                  reverse=True)
    return [(text, dense) for dense, text in near[:MOST_INCIDENTS] if dense >= hit.dense - _AS_NEAR]


def _row(hit: DutyHit, incidents: list[tuple[str, float]]) -> dict[str, object]:
    duty = hit.duty
    return {"duty_id": duty.id, "department": hit.department.code, "department_name": hit.department.name,
            "text": duty.text, "level": duty.level, "categories": list(duty.categories),
            "basis": duty.citation, "not_ours": [asdict(other) for other in duty.not_ours],
            "incidents": [{"text": text, "dense": round(dense, 4)} for text, dense in incidents],
            "score": round(hit.dense + hit.lexical, 4), "dense": round(hit.dense, 4), "lexical": round(hit.lexical, 4)}


def _lines(hit: DutyHit, incidents: list[tuple[str, float]]) -> str:
    lines = [f"{hit.duty.id} {hit.department.name}（相近 {hit.dense + hit.lexical:.3f}：语义 {hit.dense:.3f}，"
             f"词语 {hit.lexical:.3f}）", f"  职责：{hit.duty.text}", f"  依据：{hit.duty.citation}"]
    lines += [f"  情形：{text}（{dense:.3f}）" for text, dense in incidents]
    lines += [f"  不属：{other.text}（{other.department}）" for other in hit.duty.not_ours]
    return "\n".join(lines)
