"""An evaluation report on disk: JSON for programs, one self-contained HTML page for people."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = ("body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
          "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.2rem .8rem;border-bottom:1px solid #ccc;"
          "text-align:right}td:first-child,th:first-child{text-align:left}")


def write_report(report: Mapping[str, Any], folder: Path) -> tuple[Path, Path]:
    """Write ``report.json`` (``null`` for what is not a number) and ``report.html``; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    as_json, as_html = folder / "report.json", folder / "report.html"
    as_json.write_text(json.dumps(_plain(report), ensure_ascii=False, indent=1, allow_nan=False), encoding="utf-8")
    as_html.write_text(render_html(report), encoding="utf-8")
    return as_json, as_html


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Return the value with ``None`` for every number that JSON has no word for."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def render_html(report: Mapping[str, Any]) -> str:
    """Return the page: a table for each section of figures, and one of categories."""
    parts = [f"<h1>Evaluation of bundle {escape(str(report['bundle']))}</h1>",
             f"<p>Split <b>{escape(str(report['split']))}</b>, {report['rows']} messages; knowledge base "
             f"<code>{escape(str(report['knowledge_base'])[:19])}…</code>. Intervals are 95 % cluster bootstrap.</p>"]
    for name, figures in report.items():
        if isinstance(figures, Mapping) and all(isinstance(one, Mapping) and "low" in one for one in figures.values()):
            rows = [(key, f"{one['value']:.3f}", f"{one['low']:.3f} to {one['high']:.3f}", str(one["rows"]))
                    for key, one in figures.items()]
            parts.append(_table(name, ("figure", "value", "95 % interval", "rows"), rows))
    categories = [(code, str(one["rows"]), f"{one['recall']:.2f}", str(one["predicted"]))
                  for code, one in report["per_category"].items()]
    parts.append(_table("per category", ("category", "rows", "recall", "times predicted"), categories))
    return (f"<!doctype html><html lang=en><meta charset=utf-8><title>Evaluation</title><style>{_STYLE}</style>"
            + "".join(parts) + "</html>\n")


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>"
