"""Departments and their duties (职责条款), read from one table and one YAML file a department."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from knowledge_base.errors import fault
from knowledge_base.marked_yaml import Fields, read_yaml
from knowledge_base.tables import read_table

COLUMNS = ("code", "name", "scope")
LEVELS = ("province", "city", "county", "street")
_FILE_FIELDS = ("department", "aliases", "history", "duties")
_DUTY_FIELDS = ("id", "text", "level", "categories", "basis", "basis_note", "incidents", "not_ours")


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """An article of a law; ``superseded`` says by what, where the cited text is no longer the newest."""

    law: str
    article: str
    superseded: str = ""

    def __str__(self) -> str:
        """Law and article, as they are cited."""
        return f"{self.law} {self.article}"


@dataclass(frozen=True, slots=True)
class NotOurs:
    """What a duty leaves to another department, by its code."""

    text: str
    department: str


@dataclass(frozen=True, slots=True)
class Duty:
    """What a department does about what, by which law, with incidents in citizens' words."""

    id: str
    text: str
    level: str
    categories: tuple[str, ...]
    basis: tuple[LegalBasis, ...]
    basis_note: str
    incidents: tuple[str, ...]
    not_ours: tuple[NotOurs, ...]

    @property
    def citation(self) -> str:
        """The legal bases in one line, or the note that stands for them."""
        return "；".join(map(str, self.basis)) or self.basis_note


@dataclass(frozen=True, slots=True)
class Department:
    """A department with the names it is called by, its reform history and its duties."""

    code: str
    name: str
    scope: str
    aliases: tuple[str, ...] = ()
    history: str = ""
    duties: tuple[Duty, ...] = ()


def read_departments(path: Path) -> tuple[Department, ...]:
    """Read ``departments.tsv``: departments still without their duties, in the order of the file.

    Raises:
        KnowledgeBaseError: the file is unreadable or a row is broken.
    """
    return tuple(Department(row.text("code"), row.text("name"), row.text("scope")) for row in read_table(path, COLUMNS))


def read_duties(path: Path, department: Department, categories: Collection[str],
                departments: Collection[str]) -> Department:
    """Return the department with aliases, history and duties from its YAML file.

    Raises:
        KnowledgeBaseError: the file is unreadable, a field is broken, or a code is unknown.
    """
    fields = read_yaml(path, _FILE_FIELDS)
    if fields.text("department") != department.code:
        raise fields.fault("department", f"expected {department.code}, the name of the file")
    duties = tuple(_read_duty(duty, categories, departments) for duty in fields.mappings("duties", _DUTY_FIELDS))
    return replace(department, aliases=fields.texts("aliases"), history=fields.text("history", ""), duties=duties)


def _read_duty(fields: Fields, categories: Collection[str], departments: Collection[str]) -> Duty:
    if (level := fields.text("level")) not in LEVELS:
        raise fields.fault("level", f"expected one of {', '.join(LEVELS)}, found {level!r}")
    codes = fields.texts("categories")
    if unknown := [code for code in codes if code not in categories]:
        raise fields.fault("categories", f"expected codes of taxonomy.tsv, found {', '.join(unknown)}")
    basis = tuple(LegalBasis(one.text("law"), one.text("article"), one.text("superseded", ""))
                  for one in fields.mappings("basis", ("law", "article", "superseded")))
    if not basis and not fields.text("basis_note", ""):
        raise fields.fault("basis", "expected a law and article, or a basis_note that says why there is none")
    return Duty(id=fields.text("id"), text=fields.text("text"), level=level, categories=codes, basis=basis,
                basis_note=fields.text("basis_note", ""), incidents=fields.texts("incidents"),
                not_ours=tuple(_read_not_ours(one, departments)
                               for one in fields.mappings("not_ours", ("text", "department"))))


def _read_not_ours(fields: Fields, departments: Collection[str]) -> NotOurs:
    if (code := fields.text("department")) not in departments:
        raise fault(fields.file, fields.line, "department", f"expected a code of departments.tsv, found {code!r}")
    return NotOurs(fields.text("text"), code)
