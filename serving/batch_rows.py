"""Reading the rows of a batch from JSON Lines, CSV or Parquet, by the ending of the file."""

from __future__ import annotations

import csv
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from pyarrow import RecordBatch, Table
    from pyarrow.parquet import ParquetFile

COLUMNS = ("id", "title", "text", "received_at", "region", "channel")
MOST_LINE_BYTES = 256 * 1024
FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_UNNAMED = "(unnamed)"


class TableError(Exception):
    """A file that cannot be read or written as a whole: says what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: ``number`` counts lines of JSON Lines and data rows of tables, from 1.

    ``content`` is a JSON object of the intake schema; where a row could not be read, it is empty and ``fault`` says
    code, field and detail.
    """

    number: int
    content: bytes
    fault: tuple[str, str, str] | None = None


def format_of(path: Path) -> str | None:
    """Return jsonl, csv or parquet by the ending of a file name, None for another ending."""
    return FORMATS.get(path.suffix.lower())


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file; those that are empty are skipped.

    Raises:
        TableError: the file cannot be read at all, or has no column ``text``.
    """
    readers: dict[str | None, Callable[[Path], Iterator[Row]]] = {
        "jsonl": _json_rows, "csv": _csv_rows, "parquet": _parquet_rows}
    try:
        yield from readers[format_of(path)](path)
    except OSError as error:
        raise TableError(f"cannot read {path.name}: {error.strerror or error}") from error


def ignored_columns(path: Path) -> list[str]:
    """Return the names of a table's columns that are not read; JSON Lines has none, its rows are checked whole.

    Raises:
        TableError: the file cannot be read.
    """
    try:
        if format_of(path) == "csv":
            names = next(_csv_records(path), (1, [], ""))[1]
        elif format_of(path) == "parquet":
            names = _parquet_file(path).schema_arrow.names
        else:
            return []
    except OSError as error:
        raise TableError(f"cannot read {path.name}: {error.strerror or error}") from error
    return [name or _UNNAMED for name in names if name not in COLUMNS]


def pyarrow_parquet() -> ModuleType:
    """Return ``pyarrow.parquet``.

    Raises:
        TableError: it is not installed.
    """
    try:
        import pyarrow.parquet
    except ModuleNotFoundError as error:
        raise TableError("Parquet needs the package pyarrow, which is not installed here; install it with "
                         "`pip install 'fenzhuan[scale]'`, or use .jsonl or .csv") from error
    parquet: ModuleType = pyarrow.parquet
    return parquet


def _json_rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as stream:
        for number, line in enumerate(_lines(stream), 1):
            if line is None:
                yield Row(number, b"", ("too_large", "body", f"the line is over {MOST_LINE_BYTES} bytes"))
                continue
            content = line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()
            if content:
                yield Row(number, content)


def _lines(stream: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines, None for one over the limit, of which no more than the limit is held."""
    while line := stream.readline(MOST_LINE_BYTES + 1):
        overlong = len(line) > MOST_LINE_BYTES
        while overlong and not line.endswith(b"\n") and (line := stream.readline(MOST_LINE_BYTES)):
            pass
        yield None if overlong else line


def _csv_records(path: Path) -> Iterator[tuple[int, list[str], str]]:
    """Yield number, cells and, for a record that is not CSV, what is wrong; bytes not UTF-8 become surrogates."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        records = csv.reader(stream, strict=True)
        number = 0
        while True:
            try:
                cells, fault = next(records), ""
            except StopIteration:
                return
            except csv.Error as error:
                cells, fault = [], f"not CSV ({error}); expected quotes that are closed and doubled inside"
            if cells or fault:
                yield number, cells, fault
                number += 1


def _csv_rows(path: Path) -> Iterator[Row]:
    records = _csv_records(path)
    _, header, fault = next(records, (0, [], ""))
    names = [name.strip() for name in header]
    _check_columns(path, names, fault)
    for number, cells, wrong in records:
        if not wrong and len(cells) > len(names):
            wrong = f"{len(cells)} cells, expected at most {len(names)} as in the first row"
        if wrong:
            yield Row(number, b"", ("invalid", "body", wrong))
        elif any(cell.strip() for cell in cells):
            yield _table_row(number, dict(zip(names, cells, strict=False)))


def _parquet_rows(path: Path) -> Iterator[Row]:
    file = _parquet_file(path)
    names = file.schema_arrow.names
    _check_columns(path, names)
    number = 0
    for batch in file.iter_batches(batch_size=1024, columns=[name for name in names if name in COLUMNS]):
        for cells in _in_microseconds(batch).to_pylist():
            number += 1
            yield _table_row(number, cells)


def _parquet_file(path: Path) -> ParquetFile:
    parquet = pyarrow_parquet()
    try:
        file: ParquetFile = parquet.ParquetFile(path)
    except ValueError as error:  # pyarrow's ArrowInvalid
        raise TableError(f"{path.name} is not a Parquet file ({error})") from error
    return file


def _in_microseconds(batch: RecordBatch) -> Table:
    """Return a batch whose times of nanoseconds, which Python has no type for, are cut to microseconds."""
    import pyarrow

    fields = [pyarrow.field(field.name, pyarrow.timestamp("us", field.type.tz))
              if pyarrow.types.is_timestamp(field.type) else field for field in batch.schema]
    table: Table = pyarrow.Table.from_batches([batch])
    return table.cast(pyarrow.schema(fields), safe=False)


def _check_columns(path: Path, names: Sequence[str], fault: str = "") -> None:
    if fault or "text" not in names:
        raise TableError(f"{path.name} has no column `text` in its first row{f' ({fault})' if fault else ''}; expected "
                         f"columns {', '.join(COLUMNS)}, of which only text is required, in UTF-8")
    if twice := [name for name in COLUMNS if names.count(name) > 1]:
        raise TableError(f"{path.name} has the column `{twice[0]}` twice; expected each once")


def _table_row(number: int, cells: dict[str, Any]) -> Row:
    plain = {name: _plain(value) for name, value in cells.items() if name in COLUMNS}
    fields = {name: value for name, value in plain.items() if value is not None and value != ""}
    for name, value in fields.items():
        if isinstance(value, str) and not _is_unicode(value):
            return Row(number, b"", ("invalid", name, f"{name} is not UTF-8; save the file as UTF-8"))
    try:
        return Row(number, json.dumps(fields, ensure_ascii=False).encode())
    except TypeError:
        return Row(number, b"", ("invalid", "body", "a cell is no text, number or time"))


def _plain(value: object) -> object:
    """Return a cell as the intake schema wants it; codes that a table holds as numbers become text again."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        return None if math.isnan(value) else f"{value:.0f}" if value.is_integer() else value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
