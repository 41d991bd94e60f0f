"""The engine for the command line: built once in the process, without HTTP or a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from models.bundle import DEFAULT_BUNDLE, ModelError
from serving.settings import DEFAULT_KNOWLEDGE_BASE

if TYPE_CHECKING:
    from models.contract import Report
    from serving.core import Core, CoreBuilder
    from serving.earlier import EarlierReports
    from serving.engine import Engine

_DIRECTORY = click.Path(path_type=Path, file_okay=False)

bundle_option = click.option("--bundle", type=_DIRECTORY, default=DEFAULT_BUNDLE, envvar="FENZHUAN_BUNDLE",
                             help="The model bundle.  [default: the one shipped]")
knowledge_base_option = click.option("--knowledge-base", type=_DIRECTORY, default=DEFAULT_KNOWLEDGE_BASE,
                                     envvar="FENZHUAN_KNOWLEDGE_BASE",
                                     help="The knowledge base.  [default: the one shipped]")


@contextmanager
def reasons_shown() -> Iterator[None]:
    """Turn a bundle or knowledge base that must not be used into exit code 1 with the reason."""
    from knowledge_base.errors import KnowledgeBaseError

    try:
        yield
    except (ModelError, KnowledgeBaseError) as error:
        raise click.ClickException(str(error)) from error


def build_core(builder: CoreBuilder | None, bundle: Path, knowledge_base: Path) -> Core:
    """Return what answers are made from; ``builder`` is the usual one unless a caller brings another.

    Raises:
        BundleError, KnowledgeBaseError: what must not be used.
    """
    from serving.core import CoreBuilder
    from serving.settings import Settings

    return (builder or CoreBuilder()).build(Settings(bundle=bundle, knowledge_base=knowledge_base))


def engine_of(core: Core, past: EarlierReports | None = None) -> Engine:
    """Return an engine that compares reports with ``past``, by default with none."""
    from serving.earlier import NoEarlierReports
    from serving.engine import Engine

    return Engine(core.predictor, core.router, core.knowledge_base, core.bundle, core.pair_scorer,
                  NoEarlierReports() if past is None else past)


class ReportRefusedError(Exception):
    """A report that is not of the intake schema; ``problem`` is the document that the service would answer with."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem["detail"])
        self.problem = problem


def checked_report(content: bytes) -> Report:
    """Return the report of a JSON object of the intake schema.

    Raises:
        ReportRefusedError: it is not of that schema; what was given is not repeated.
    """
    from serving.schemas import ReportIn

    try:
        return ReportIn.model_validate_json(content).report()
    except ValueError:
        raise ReportRefusedError(_problem(content)) from None


def _problem(content: bytes) -> dict[str, Any]:
    """Return what the service says of a refused report; this brings the web framework, so only where it is needed."""
    from serving.dependencies import parse
    from serving.errors import ProblemError
    from serving.schemas import ReportIn

    try:
        parse(ReportIn, content)
    except ProblemError as problem:
        return problem.document()
    raise RuntimeError("a report was refused once and accepted once")
