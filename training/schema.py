"""Training rows: what a labelled message is, how it is read, and what makes a row invalid."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.contract import KINDS, MISSING_ELEMENTS, TERRITORY_CODES, XINFANG_LABELS

LABEL_COLUMNS = ("id", "kind", "category", "category_alt", "urgency", "lead", "co", "verifiability", "missing",
                 "reply_lead", "reply_co")


class DatasetError(Exception):
    """Rows that can't be trained on; ``problems`` lists them as ``file:row: what``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"{len(problems)} bad rows: " + "; ".join(problems[:20]))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A message with whichever labels are known; ``None`` means not labelled, never negative."""

    id: str
    title: str
    text: str
    group: str
    source: str
    split: str = "train"
    kind: str | None = None
    category: str | None = None
    category_alt: str | None = None
    urgency: int | None = None
    lead: str | None = None
    co: tuple[str, ...] | None = None
    verifiability: int | None = None
    missing: tuple[str, ...] | None = None
    xinfang: str | None = None
    reply_lead: str | None = None
    reply_co: tuple[str, ...] | None = None

    @property
    def territory(self) -> tuple[bool, bool, bool] | None:
        """Whether territory took part (any, street, county), read from the reply; ``None`` without a reply."""
        if self.reply_lead is None and not self.reply_co:
            return None
        acted = {self.reply_lead, *(self.reply_co or ())}
        street, county = (code in acted for code in TERRITORY_CODES)
        return street or county, street, county


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes that labels may use."""

    categories: tuple[str, ...]
    departments: tuple[str, ...]


def read_codes(knowledge_base: Path) -> Codes:
    """Return the category and department codes in the order of their files."""
    def column(name: str) -> tuple[str, ...]:
        with (knowledge_base / name).open(encoding="utf-8", newline="") as stream:
            return tuple(row["code"] for row in csv.DictReader(stream, delimiter="\t"))
    return Codes(column("taxonomy.tsv"), column("departments.tsv"))


def problems_of(row: TrainingRow, codes: Codes) -> list[str]:
    """Return what makes a row unfit for training."""
    departments = set(codes.departments)
    found = []
    if not (row.title + row.text).strip():
        found.append("empty text")
    for name, value, allowed in (("kind", row.kind, set(KINDS)), ("category", row.category, set(codes.categories)),
                                 ("category_alt", row.category_alt, set(codes.categories)),
                                 ("urgency", row.urgency, {1, 2, 3, 4}), ("lead", row.lead, departments),
                                 ("verifiability", row.verifiability, {1, 2, 3, 4}),
                                 ("reply_lead", row.reply_lead, departments),
                                 ("xinfang", row.xinfang, set(XINFANG_LABELS))):
        if value is not None and value not in allowed:
            found.append(f"unknown {name} {value!r}")
    for name, values, allowed in (("co", row.co, departments), ("reply_co", row.reply_co, departments),
                                  ("missing", row.missing, set(MISSING_ELEMENTS))):
        found += [f"unknown {name} {value!r}" for value in values or () if value not in allowed]
    return found


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line numbers and objects of a JSON lines file.

    Raises:
        DatasetError: a line is not a JSON object in UTF-8.
    """
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                row = json.loads(line.decode("utf-8"))
            except ValueError as error:
                raise DatasetError([f"{path.name}:{number}: not JSON in UTF-8 ({type(error).__name__})"]) from error
            if not isinstance(row, dict):
                raise DatasetError([f"{path.name}:{number}: not an object"])
            yield number, row


def row_from_json(raw: Mapping[str, Any], source: str) -> TrainingRow:
    """Build a row from the schema of ``annotated.jsonl`` (or of ``xinfang7.jsonl``: ``label``)."""
    def listed(name: str) -> tuple[str, ...] | None:
        return None if raw.get(name) is None else tuple(raw[name])
    return TrainingRow(
        id=str(raw["id"]), title=str(raw.get("title") or ""), text=str(raw.get("text") or ""),
        group=str(raw.get("group", raw["id"])), source=source, split=str(raw.get("split", "train")),
        kind=raw.get("kind"), category=raw.get("category"), category_alt=raw.get("category_alt"),
        urgency=raw.get("urgency"), lead=raw.get("lead"), co=listed("co"), verifiability=raw.get("verifiability"),
        missing=listed("missing"), xinfang=raw.get("label"), reply_lead=raw.get("reply_lead"),
        reply_co=listed("reply_co"))


def read_labels(path: Path) -> dict[str, dict[str, Any]]:
    """Read a label file by message id (tab-separated, ``-`` for none, no texts).

    Raises:
        DatasetError: a row has the wrong number of fields or a repeated id.
    """
    labels: dict[str, dict[str, Any]] = {}
    problems = []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream, delimiter="\t")
        if tuple(next(rows, ())) != LABEL_COLUMNS:
            raise DatasetError([f"{path.name}:1: expected the columns {' '.join(LABEL_COLUMNS)}"])
        for number, fields in enumerate(rows, 2):
            if len(fields) != len(LABEL_COLUMNS) or fields[0] in labels:
                problems.append(f"{path.name}:{number}: wrong number of fields or repeated id")
                continue
            labels[fields[0]] = _parse_label(dict(zip(LABEL_COLUMNS, fields, strict=True)))
    if problems:
        raise DatasetError(problems)
    return labels


def _parse_label(fields: dict[str, str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {name: None if value == "-" else value for name, value in fields.items() if name != "id"}
    for name in ("co", "missing", "reply_co"):
        parsed[name] = tuple((parsed[name] or "").split(",")) if parsed[name] else ()
    for name in ("urgency", "verifiability"):
        parsed[name] = int(parsed[name]) if str(parsed[name]).isdigit() else parsed[name]
    return parsed


def with_labels(row: TrainingRow, labels: Mapping[str, Any], source: str) -> TrainingRow:
    """Return the row with labels of a label file."""
    return replace(row, **labels, source=source)


def validated(rows: Iterable[TrainingRow], codes: Codes) -> list[TrainingRow]:
    """Return the rows if all are fit for training.

    Raises:
        DatasetError: naming every bad row by id, without its text.
    """
    kept, problems, seen = [], [], set()
    for row in rows:
        found = problems_of(row, codes)
        if row.id in seen:
            found.append("repeated id")
        seen.add(row.id)
        problems += [f"{row.source}:{row.id}: {what}" for what in found]
        kept.append(row)
    if problems:
        raise DatasetError(problems)
    return kept
