"""Training rows: what a labelled message is, how it is read, and what makes a row invalid."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.contract import KINDS, MISSING_ELEMENTS, TERRITORY_CODES, XINFANG_LABELS
from training.errors import TrainingError
from training.quarantine import quarantined_rows

LABEL_COLUMNS = ("id", "kind", "category", "category_alt", "urgency", "lead", "co", "verifiability", "missing",
                 "reply_lead", "reply_co")
SPLITS = ("train", "dev")
LONGEST_SHOWN = 12
_TEXTS = ("title", "text", "time", "split", "kind", "category", "category_alt", "lead", "label", "reply_lead")
_NUMBERS = ("urgency", "verifiability")
_LISTS = ("co", "missing", "reply_co")


class DatasetError(TrainingError):
    """Rows that can't be trained on; ``problems`` lists them as ``file:row: what``."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"{len(problems)} bad rows: " + "; ".join(problems[:20]))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A message with whichever labels are known; ``None`` means not labelled, never negative.

    ``source`` says who read it: annotated, first_reading, second_reading, reviewer, weak, written, duties; for a
    message without labels of ours the file it stands in. ``first`` is the row as its first careful reader labelled
    it, where a later reading replaced those labels.
    """

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
    time: str | None = None
    first: TrainingRow | None = None

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


def shown(value: object) -> str:
    """Return a label value for an error message; a long one, which may be a text, only by its length."""
    words = repr(value)
    return words if len(words) <= LONGEST_SHOWN + 2 else f"value of {len(words)} characters"


def type_problems(raw: Mapping[str, Any]) -> list[str]:
    """Return what has the wrong type in a raw row, without its text."""
    found = []
    if raw.get("id") is None or raw.get("id") == "":
        found.append("missing id")
    for name, allowed in (("id", (str, int)), ("group", (str, int)), *((name, (str,)) for name in _TEXTS),
                          *((name, (int,)) for name in _NUMBERS)):
        value = raw.get(name)
        if value is not None and (not isinstance(value, allowed) or isinstance(value, bool)):
            found.append(f"{name} has the type {type(value).__name__}, expected {allowed[0].__name__}")
        elif isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value):
            found.append(f"{name} holds half of a surrogate pair")
    for name in _LISTS:
        value = raw.get(name)
        if value is not None and not (isinstance(value, list) and all(isinstance(one, str) for one in value)):
            found.append(f"{name} has the type {type(value).__name__}, expected a list of codes")
    return found


def problems_of(row: TrainingRow, codes: Codes) -> list[str]:
    """Return what makes a row unfit for training."""
    departments, categories = set(codes.departments), set(codes.categories)
    found = []
    if not (row.title + row.text).strip():
        found.append("empty text")
    for name, value, allowed in (("split", row.split, set(SPLITS)), ("kind", row.kind, set(KINDS)),
                                 ("category", row.category, categories),
                                 ("category_alt", row.category_alt, categories),
                                 ("urgency", row.urgency, {1, 2, 3, 4}), ("lead", row.lead, departments),
                                 ("verifiability", row.verifiability, {1, 2, 3, 4}),
                                 ("reply_lead", row.reply_lead, departments),
                                 ("xinfang", row.xinfang, set(XINFANG_LABELS))):
        if value is not None and value not in allowed:
            found.append(f"unknown {name} {shown(value)}")
    for name, values, allowed in (("co", row.co, departments), ("reply_co", row.reply_co, departments),
                                  ("missing", row.missing, set(MISSING_ELEMENTS))):
        found += [f"unknown {name} {shown(value)}" for value in values or () if value not in allowed]
    if row.lead is not None and row.lead in (row.co or ()):
        found.append(f"lead {shown(row.lead)} also in co")
    return found


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the object of a JSON line.

    Raises:
        ValueError: saying what is wrong with the line, without its text.
    """
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"not in UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("not JSON") from error
    if not isinstance(row, dict):
        raise ValueError("not an object")
    return row


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield row numbers and lines of a file, without the rows in quarantine.

    Raises:
        DatasetError: the file can't be read.
    """
    left_out = quarantined_rows(path.name)
    try:
        with path.open("rb") as stream:
            yield from ((number, line) for number, line in enumerate(stream, 1) if number not in left_out)
    except OSError as error:
        raise DatasetError([f"{path.name}:0: can't be read ({error.strerror})"]) from error


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield row numbers and objects of a JSON lines file.

    Raises:
        DatasetError: a line is not a JSON object in UTF-8, or the file can't be read.
    """
    for number, line in numbered_lines(path):
        try:
            row = parse_line(line)
        except ValueError as error:
            raise DatasetError([f"{path.name}:{number}: {error}"]) from error
        yield number, row


def row_from_json(raw: Mapping[str, Any], source: str) -> TrainingRow:
    """Build a row from the schema of ``annotated.jsonl`` (or of ``xinfang7.jsonl``: ``label``).

    Raises:
        DatasetError: the id is missing or a value has the wrong type.
    """
    if found := type_problems(raw):
        raise DatasetError([f"{source}: {what}" for what in found])

    def listed(name: str) -> tuple[str, ...] | None:
        return None if raw.get(name) is None else tuple(raw[name])
    group = raw.get("group")
    return TrainingRow(
        id=str(raw["id"]), title=raw.get("title") or "", text=raw.get("text") or "",
        group=str(raw["id"] if group is None else group), source=source, split=raw.get("split") or "train",
        kind=raw.get("kind"), category=raw.get("category"), category_alt=raw.get("category_alt"),
        urgency=raw.get("urgency"), lead=raw.get("lead"), co=listed("co"), verifiability=raw.get("verifiability"),
        missing=listed("missing"), xinfang=raw.get("label"), reply_lead=raw.get("reply_lead"),
        reply_co=listed("reply_co"), time=raw.get("time") or None)


def parse_label(line: bytes) -> tuple[str, dict[str, Any]]:
    """Return message id and labels of one line of a label file (tab-separated, ``-`` for none).

    Raises:
        ValueError: saying what is wrong with the line.
    """
    try:
        fields = line.decode("utf-8").rstrip("\r\n").split("\t")
    except UnicodeDecodeError as error:
        raise ValueError(f"not in UTF-8 (byte {error.start + 1} is 0x{line[error.start]:02x})") from error
    if len(fields) != len(LABEL_COLUMNS):
        raise ValueError(f"{len(fields)} fields, expected {len(LABEL_COLUMNS)}")
    if fields[0] in ("", "-"):
        raise ValueError("missing id")
    named = dict(zip(LABEL_COLUMNS[1:], fields[1:], strict=True))
    labels: dict[str, Any] = {name: None if value == "-" else value for name, value in named.items()}
    for name in _LISTS:
        labels[name] = tuple(labels[name].split(",")) if labels[name] else ()
    for name in _NUMBERS:
        labels[name] = int(labels[name]) if str(labels[name]).isdecimal() else labels[name]
    return fields[0], labels


def with_labels(row: TrainingRow, labels: Mapping[str, Any], source: str) -> TrainingRow:
    """Return the row with the labels of another reading; what that one leaves open stays.

    Who really acted is read from the reply: a reader who saw none does not unsay it.
    """
    given = {name: value for name, value in labels.items() if value is not None or name == "category_alt"}
    if labels.get("reply_lead") is None and not labels.get("reply_co") and row.territory is not None:
        given = {name: value for name, value in given.items() if name not in ("reply_lead", "reply_co")}
    return replace(row, **given, source=source)
