"""Merging the sources of training rows by how carefully they were read; the hashes of their files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.quarantine import Quarantine, file_hash, in_force
from training.schema import Codes, DatasetError, TrainingRow, read_jsonl, row_from_json, with_labels
from training.splits import Split, fraction, split_rows
from training.validation import WHOLE_FILE, Problem, SourceFile, SourceReader

__all__ = ["Split", "check_data", "fraction", "read_rows", "read_written", "source_files", "source_hashes",
           "split_rows"]

LABELS_FOLDER = Path(__file__).parent / "labels"
WRITTEN_FOLDER = Path(__file__).parent / "written_reports"
MESSAGE_FILES = ("unlabelled", "xinfang7", "annotated")
REVIEWED = "reviewed.jsonl"
LEAST_CAREFUL_FIRST = ("weak", "first_reading", "annotated", "second_reading", "reviewer")
"""Labels of a later source replace those of an earlier one; ``dev`` keeps what it came with."""
READINGS = ("first_reading", "annotated", "second_reading", "reviewer")


def message_files(data: Path) -> list[SourceFile]:
    """Return the files of messages; ``reviewed.jsonl``, corrections of a running service, need not be there."""
    files = [SourceFile(data / f"{name}.jsonl", "messages", name) for name in MESSAGE_FILES]
    return [*files, SourceFile(data / REVIEWED, "messages", "reviewer")] if (data / REVIEWED).exists() else files


def label_files() -> list[SourceFile]:
    """Return the files of labels by message id; how a name begins says how careful they are.

    Raises:
        DatasetError: a file's name says none of these.
    """
    files, unknown = [], []
    for path in sorted(LABELS_FOLDER.glob("*.tsv")):
        source = next((one for one in LEAST_CAREFUL_FIRST if one != "annotated" and path.stem.startswith(one)), None)
        if source is None:
            unknown.append(f"{path.name}:{WHOLE_FILE}: the name of a label file must begin with reviewer, "
                           "second_reading, first_reading or weak")
        else:
            files.append(SourceFile(path, "labels", source))
    if unknown:
        raise DatasetError(unknown)
    return files


def written_files() -> list[SourceFile]:
    """Return the files of the project's own written reports."""
    return [SourceFile(path, "messages", "written") for path in sorted(WRITTEN_FOLDER.glob("*.jsonl"))]


def source_files(data: Path) -> list[SourceFile]:
    """Return every file that training reads rows from."""
    return [*message_files(data), SourceFile(data / "replies.jsonl", "replies", "replies"),
            SourceFile(data / "duplicate_pairs.jsonl", "pairs", "duplicate_pairs"), *label_files(), *written_files()]


def source_hashes(data: Path) -> dict[str, str]:
    """Return the SHA-256 of every source file by its name."""
    return {file.path.name: file_hash(file.path) for file in source_files(data) if file.path.is_file()}


def joined_hash(hashes: Mapping[str, str]) -> str:
    """Return one SHA-256 over names and hashes, so that equal data are seen at a glance."""
    return hashlib.sha256("\n".join(f"{name} {hashes[name]}" for name in sorted(hashes)).encode()).hexdigest()


def check_data(data: Path, codes: Codes) -> list[Problem]:
    """Return all problems of all source files."""
    reader = SourceReader(codes)
    _merged(data, reader)
    for file in source_files(data):
        if file.form == "replies":
            reader.check_replies(file)
        elif file.form == "pairs":
            reader.check_pairs(file)
    return reader.problems


def read_rows(data: Path, codes: Codes, quarantine: Quarantine | None = None) -> list[TrainingRow]:
    """Read and merge every source: one row per message id, the most careful labels winning.

    ``quarantine`` is left out; without it, what ``training.quarantine.in_force`` holds at the moment.

    Raises:
        DatasetError: a row is not fit for training; all such rows are named by file and row.
    """
    with in_force(quarantine) if quarantine is not None else nullcontext():
        reader = SourceReader(codes)
        rows = _merged(data, reader)
    if reader.problems:
        raise DatasetError([str(problem) for problem in reader.problems])
    return rows


def _merged(data: Path, reader: SourceReader) -> list[TrainingRow]:
    rows: dict[str, TrainingRow] = {}
    later: dict[str, list[tuple[str, Mapping[str, Any]]]] = {source: [] for source in LEAST_CAREFUL_FIRST}
    for file in message_files(data):
        for row in reader.messages(file):
            earlier = rows.get(row.id)
            if file.source == "reviewer" and earlier is not None:
                later["reviewer"].append((row.id, _labels_of(row)))
            else:
                rows[row.id] = replace(row, xinfang=row.xinfang or earlier.xinfang,
                                       time=row.time or earlier.time) if earlier else row
    for file in label_files():
        later[file.source] += reader.labels(file)
    for source in LEAST_CAREFUL_FIRST:
        done: set[str] = set()
        for message, labels in later[source]:
            known = rows.get(message)
            if known is not None and message not in done and _gives_way(known, source):
                rows[message] = _relabelled(known, labels, source)
                done.add(message)
    return [*rows.values(), *_written(reader, rows)]


def _labels_of(row: TrainingRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("kind", "category", "category_alt", "urgency", "lead", "co",
                                                  "verifiability", "missing", "reply_lead", "reply_co")}


def _gives_way(row: TrainingRow, source: str) -> bool:
    """Tell whether labels of a source replace those that a row has."""
    if row.category is None:
        return True
    order = LEAST_CAREFUL_FIRST
    return row.split != "dev" and row.source in order and order.index(source) > order.index(row.source)


def _relabelled(row: TrainingRow, labels: Mapping[str, Any], source: str) -> TrainingRow:
    read_before = row.category is not None and row.source in READINGS
    return replace(with_labels(row, labels, source), first=(row.first or row) if read_before else None)


def _written(reader: SourceReader, rows: Mapping[str, TrainingRow]) -> list[TrainingRow]:
    written: dict[str, TrainingRow] = {}
    for file in written_files():
        for number, row in reader.numbered_messages(file):
            if row.id in rows or row.id in written:
                reader.problems.append(Problem(file.path.name, number, "repeated id, also in another file"))
            else:
                written[row.id] = row
    return list(written.values())


def read_written() -> list[TrainingRow]:
    """Return the project's own written reports, not checked against codes."""
    return [row_from_json(raw, "written") for file in written_files() for _, raw in read_jsonl(file.path)]
