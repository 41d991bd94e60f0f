"""``fenzhuan route``: one report from a file, standard input or the command line; nothing is stored."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.local_engine import (
    ReportRefusedError,
    build_core,
    bundle_option,
    checked_report,
    engine_of,
    knowledge_base_option,
    reasons_shown,
)

if TYPE_CHECKING:
    from models.contract import Report
    from serving.core import CoreBuilder

MOST_BYTES = 256 * 1024


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--text", help="The report's text, in the place of FILE.")
@click.option("--title", help="The title of a report given as plain text.")
@click.option("--json", "as_json", is_flag=True, help="Print the service's answer, one line of JSON.")
@bundle_option
@knowledge_base_option
@click.pass_obj
def route(builder: CoreBuilder | None, file: str | None, text: str | None, title: str | None, as_json: bool,
          bundle: Path, knowledge_base: Path) -> None:
    """Answer one report, and store nothing.

    FILE holds the report in UTF-8: plain text, or a JSON object as the service takes it; - is standard input. It is
    not compared with other reports: `fenzhuan batch` and the service do that.
    """
    if (file is None) == (text is None):
        raise click.UsageError("give the report either as FILE (- for standard input) or with --text")
    report = _report(_read(file) if file is not None else _encoded(text or ""), title, json_allowed=text is None)
    with reasons_shown():
        body = engine_of(build_core(builder, bundle, knowledge_base)).answer(report)
    if as_json:
        click.echo(json.dumps(body, ensure_ascii=False))
    else:
        from serving.answer_text import answer_lines

        click.echo("\n".join(answer_lines(body)))


def _read(file: str) -> bytes:
    """Return a file's bytes, none beyond the limit."""
    try:
        if file == "-":
            content = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise click.ClickException(f"cannot read {file}: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise click.ClickException(f"the report is over {MOST_BYTES} bytes; for many reports use `fenzhuan batch`")
    return content.removeprefix(b"\xef\xbb\xbf")


def _report(content: bytes, title: str | None, *, json_allowed: bool) -> Report:
    if json_allowed and content.lstrip().startswith(b"{"):
        if title is not None:
            raise click.UsageError("--title is for plain text; a JSON report has its own field `title`")
        return _checked(content, "; what begins with a brace is read as JSON, use --text for plain text")
    fields = {"text": _decoded(content, "text")}
    if title is not None:
        fields["title"] = _decoded(_encoded(title), "title")
    return _checked(json.dumps(fields).encode())


def _encoded(argument: str) -> bytes:
    """Return the bytes of an argument as the shell gave them."""
    return argument.encode("utf-8", "surrogateescape")


def _decoded(content: bytes, field: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"the {field} is not UTF-8 (byte {error.start}); a GBK file is converted with "
                                   "`iconv -f GB18030 -t UTF-8`") from error


def _checked(content: bytes, hint: str = "") -> Report:
    try:
        return checked_report(content)
    except ReportRefusedError as error:
        raise click.ClickException(f"the report is refused: {error}{hint}") from error
