"""Writing the answers of a batch as JSON Lines, CSV or Parquet: whole, or not at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from serving.batch_rows import TableError, format_of, pyarrow_parquet

COLUMNS = {
    "row": int, "id": str, "kind": str, "kind_probability": float, "category": str, "category_path": str,
    "category_probability": float, "urgency": int, "urgency_label": str, "lead": str, "lead_name": str,
    "lead_probability": float, "co": str, "territory": str, "route": str, "reasons": str, "duplicate_of": str,
    "duplicate_score": float, "event_id": str, "false_report": str, "missing": str, "bundle": str,
    "knowledge_base": str, "error": str, "error_field": str, "error_detail": str,
}
_JOINED = ";"
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_ROWS_A_GROUP = 10_000


def write_answers(out: Path, entries: Iterable[dict[str, Any]]) -> None:
    """Write entries ``{"row": number, "answer": body}`` or ``{"row": number, "problem": document}`` to ``out``.

    The file appears, or takes the place of an older one, when it is complete and on the disk.

    Raises:
        TableError: it cannot be written.
    """
    writers: dict[str | None, Callable[[Path, Iterable[dict[str, Any]]], None]] = {
        "jsonl": _write_json, "csv": _write_csv, "parquet": _write_parquet}
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        try:
            writers[format_of(out)](temporary, entries)
            with temporary.open("rb") as stream:
                os.fsync(stream.fileno())
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise TableError(f"cannot write {out.name}: {error.strerror or error}; the answers are kept, "
                         "run again") from error


def error_line(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the error of a row as it stands among the answers."""
    named = {"id": entry["id"]} if "id" in entry else {}
    return {"row": entry["row"], **named, **entry["problem"]}


def flat_row(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry as one value a column, None where there is nothing to say."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row["row"] = entry["row"]
    if "problem" in entry:
        problem = entry["problem"]
        return row | {"id": entry.get("id"), "error": problem["code"], "error_field": problem.get("field"),
                      "error_detail": problem["detail"]}
    body = entry["answer"]
    category, lead, duplicate = body["category"], body["lead_department"], body["duplicate"]
    return row | {
        "id": body["id"], "kind": body["kind"]["label"], "kind_probability": body["kind"]["probability"],
        "category": category["code"], "category_path": "/".join(category["path"]),
        "category_probability": category["probability"], "urgency": body["urgency"]["level"],
        "urgency_label": body["urgency"]["label"], "lead": lead["code"], "lead_name": lead["name"],
        "lead_probability": lead["probability"],
        "co": _JOINED.join(one["code"] for one in body["co_departments"]) or None,
        "territory": (body["territory"]["level"] or "involved") if body["territory"]["involved"] else None,
        "route": body["decision"]["route"], "reasons": _JOINED.join(body["decision"]["reasons"]) or None,
        "duplicate_of": duplicate["of"], "duplicate_score": duplicate["score"], "event_id": duplicate["event_id"],
        "false_report": body["false_report"]["band"], "missing": _JOINED.join(body["elements"]["missing"]) or None,
        "bundle": body["versions"]["bundle"], "knowledge_base": body["versions"]["knowledge_base"]}


def _write_json(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as stream:
        for entry in entries:
            line = entry["answer"] if "answer" in entry else error_line(entry)
            stream.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_csv(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:  # the mark lets spreadsheets see that it is UTF-8
        writer = csv.DictWriter(stream, list(COLUMNS))
        writer.writeheader()
        writer.writerows(map(_harmless, map(flat_row, entries)))


def _harmless(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose texts no spreadsheet takes for a formula: an apostrophe goes before those that it might."""
    return {name: f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
            for name, value in row.items()}


def _write_parquet(path: Path, entries: Iterable[dict[str, Any]]) -> None:
    parquet = pyarrow_parquet()
    import pyarrow

    types = {int: pyarrow.int64(), float: pyarrow.float64(), str: pyarrow.string()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    with parquet.ParquetWriter(path, schema) as writer:
        for rows in _groups(map(flat_row, entries)):
            writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while group := list(islice(rows, _ROWS_A_GROUP)):
        yield group
