"""A knowledge base as plain records, read from its files without knowing their schema: what two versions compare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from knowledge_base.errors import fault
from knowledge_base.tables import read_text

Value = str | tuple[str, ...]
Record = Mapping[str, Value]
Name = tuple[str, str]  # part, key

PARTS = {"departments.tsv": "department", "taxonomy.tsv": "category", "catalogue.tsv": "catalogue",
         "crosswalk_db44.tsv": "crosswalk_db44", "crosswalk_xinfang.tsv": "crosswalk_xinfang",
         "db44t2479.tsv": "db44t2479", "deadlines.yaml": "deadline", "scenarios.yaml": "scenario",
         "disputes.yaml": "dispute"}
DEPARTMENT, DUTY = "department", "duty"
_KEYS = ("id", "code", "category", "scenario", "department", "name")
_DUTIES = "duties"
_WHOLE = "-"


def read_records(folder: Path) -> Mapping[Name, Record]:
    """Return every record of the tables and YAML files in a folder by part and key.

    The part of a file that is not known by name is its path, so that what is added later is compared as well.

    Raises:
        KnowledgeBaseError: a file cannot be read, or is no table or YAML.
    """
    records: dict[Name, dict[str, Value]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".tsv", ".yaml")):
        name = path.relative_to(folder).as_posix()
        try:
            found = _rows(path, name) if path.suffix == ".tsv" else _entries(path, name)
        except RecursionError as error:
            raise fault(path.name, 0, "yaml", "expected YAML that does not hold itself") from error
        for key, fields in found.items():
            records.setdefault(key, {}).update(fields)
    return MappingProxyType(records)


def _rows(path: Path, name: str) -> dict[Name, dict[str, Value]]:
    part = PARTS.get(name, name.removesuffix(path.suffix))
    lines = [line.split("\t") for line in read_text(path).splitlines() if line.strip()]
    header = lines[0] if lines else []
    return {(part, cells[0]): dict(zip(header[1:], cells[1:], strict=False)) for cells in lines[1:]}


def _entries(path: Path, name: str) -> dict[Name, dict[str, Value]]:
    try:
        document = yaml.load(read_text(path), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise fault(path.name, 0, "yaml", f"expected valid YAML: {type(error).__name__}") from error
    if not isinstance(document, dict):
        raise fault(path.name, 1, "file", "expected fields")
    if Path(name).parent.name == _DUTIES:
        return _of_department(document, path.stem)
    part = PARTS.get(name, name.removesuffix(path.suffix))
    records: dict[Name, dict[str, Value]] = {}
    whole: dict[str, Value] = {}
    for field, value in document.items():
        rows = _keyed(value)
        if rows is None:
            whole[str(field)] = _value(value)
            continue
        prefix = "" if len(document) == 1 else f"{field} "
        for key, row in rows.items():
            records[part, f"{prefix}{key}"] = row
    if whole:
        records[part, _WHOLE] = whole
    return records


def _of_department(document: dict[Any, Any], code: str) -> dict[Name, dict[str, Value]]:
    """Return names and history as fields of the department, its duties by id wherever they stand."""
    duties = _keyed(document.get(_DUTIES)) or {}
    records: dict[Name, dict[str, Value]] = {(DUTY, key): {DEPARTMENT: code, **row} for key, row in duties.items()}
    records[DEPARTMENT, code] = {str(field): _value(value) for field, value in document.items()
                                 if field not in (_DUTIES, DEPARTMENT)}
    return records


def _keyed(value: object) -> dict[str, dict[str, Value]] | None:
    """Return a list of mappings by the field that tells them apart; None where it is no such list."""
    if not isinstance(value, list) or not value or not all(isinstance(row, dict) for row in value):
        return None
    for key in _KEYS:
        names = [str(row.get(key, "")) for row in value]
        if all(names) and len(set(names)) == len(names):
            return {name: {str(field): _value(one) for field, one in row.items() if field != key}
                    for name, row in zip(names, value, strict=True)}
    return None


def _value(value: object) -> Value:
    return tuple(map(_text, value)) if isinstance(value, list) else _text(value)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "，".join(f"{field}：{_text(one)}" for field, one in value.items())
    if isinstance(value, list):
        return "、".join(map(_text, value))
    return "" if value is None else str(value)
