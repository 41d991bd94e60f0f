"""Loading the knowledge base: taxonomy, departments with duties, catalogue, cross-walks, deadline rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from knowledge_base.catalogue import Catalogue, read_catalogue
from knowledge_base.crosswalk import Crosswalk, read_crosswalk
from knowledge_base.deadlines import DeadlineRule, read_deadline_rules
from knowledge_base.departments import Department, Duty, read_departments, read_duties
from knowledge_base.errors import Fault, KnowledgeBaseError, fault
from knowledge_base.taxonomy import Taxonomy, read_taxonomy

DEFAULT_FOLDER = Path(__file__).parent / "data"
_SUFFIXES = (".tsv", ".yaml")

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """Everything that routing knows; ``version`` is ``sha256:`` and the hash over its files."""

    taxonomy: Taxonomy
    departments: tuple[Department, ...]
    catalogue: Catalogue
    crosswalk: Crosswalk
    deadline_rules: tuple[DeadlineRule, ...]
    version: str
    folder: Path = DEFAULT_FOLDER
    _by_code: dict[str, Department] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the codes."""
        object.__setattr__(self, "_by_code", {department.code: department for department in self.departments})

    @property
    def department_codes(self) -> tuple[str, ...]:
        """Codes in the order of ``departments.tsv``."""
        return tuple(self._by_code)

    @property
    def duties(self) -> tuple[tuple[Department, Duty], ...]:
        """Every duty with its department."""
        return tuple((department, duty) for department in self.departments for duty in department.duties)

    def department(self, code: str) -> Department:
        """Return the department of a code.

        Raises:
            KeyError: no department has this code.
        """
        return self._by_code[code]


class _Faults:
    """Collects the faults of several files, so that one load reports them together."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def read(self, part: Callable[[], Part], otherwise: Part) -> Part:
        try:
            return part()
        except KnowledgeBaseError as error:
            self.found.extend(error.faults)
            return otherwise


def load_knowledge_base(folder: Path = DEFAULT_FOLDER) -> KnowledgeBase:
    """Read a knowledge base; a department without a file in ``duties`` has no duties yet.

    Raises:
        KnowledgeBaseError: files are missing or broken; the message lists for each the file, the line, the
            field and what was expected.
    """
    taxonomy = read_taxonomy(folder / "taxonomy.tsv")
    bare = read_departments(folder / "departments.tsv")
    codes = {department.code for department in bare}
    faults = _Faults()
    departments = _with_duties(folder / "duties", bare, taxonomy, faults)
    no_catalogue: Catalogue = {}
    no_rules: tuple[DeadlineRule, ...] = ()
    catalogue = faults.read(lambda: read_catalogue(folder / "catalogue.tsv", taxonomy.codes, codes), no_catalogue)
    crosswalk = faults.read(lambda: read_crosswalk(folder, taxonomy.codes), Crosswalk({}, {}, {}))
    rules = faults.read(lambda: read_deadline_rules(folder / "deadlines.yaml", taxonomy.codes), no_rules)
    if faults.found:
        raise KnowledgeBaseError.of(faults.found)
    return KnowledgeBase(taxonomy, departments, catalogue, crosswalk, rules, content_hash(folder), folder)


def _with_duties(folder: Path, bare: tuple[Department, ...], taxonomy: Taxonomy,
                 faults: _Faults) -> tuple[Department, ...]:
    by_code = {department.code: department for department in bare}
    for path in sorted(folder.glob("*.yaml")):
        if path.stem not in by_code:
            faults.found.extend(fault(path.name, 0, "department",
                                      f"expected a row {path.stem} in departments.tsv").faults)
            continue
        department = by_code[path.stem]
        by_code[path.stem] = faults.read(partial(read_duties, path, department, taxonomy.codes, by_code), department)
    return tuple(by_code.values())


def content_hash(folder: Path) -> str:
    """Return ``sha256:`` and the hash over the sorted names and contents of the tables and YAML files."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"
