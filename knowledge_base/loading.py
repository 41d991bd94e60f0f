"""Loading the knowledge base: taxonomy, departments with duties, catalogue, scenarios, localities, deadline rules."""

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
from knowledge_base.localities import Locality, read_localities
from knowledge_base.scenarios import Disputes, Scenarios, read_disputes, read_scenarios
from knowledge_base.taxonomy import Taxonomy, read_taxonomy
from knowledge_base.word_finder import Finder

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
    scenarios: Scenarios = field(default_factory=Finder)
    disputes: Disputes = field(default_factory=Finder)
    localities: tuple[Locality, ...] = ()
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

    ``scenarios.yaml``, ``disputes.yaml`` and the folder ``localities`` may be absent: then there are none.

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
    scenarios: Scenarios = faults.read(lambda: read_scenarios(folder / "scenarios.yaml", taxonomy.codes, codes),
                                       Finder())
    disputes: Disputes = faults.read(lambda: read_disputes(folder / "disputes.yaml", taxonomy.codes, codes), Finder())
    localities = _localities(folder, taxonomy, codes, scenarios, faults)
    if faults.found:
        raise KnowledgeBaseError.of(faults.found)
    return KnowledgeBase(taxonomy, departments, catalogue, crosswalk, rules, content_hash(folder), folder, scenarios,
                         disputes, localities)


def _localities(folder: Path, taxonomy: Taxonomy, departments: set[str], scenarios: Scenarios,
                faults: _Faults) -> tuple[Locality, ...]:
    """Read the localities; where the scenarios could not be read, each one they name would be a fault, so not then."""
    if not scenarios and (folder / "scenarios.yaml").exists():
        return ()
    ids = {scenario.id for scenario in scenarios}
    nowhere: tuple[Locality, ...] = ()
    return faults.read(lambda: read_localities(folder / "localities", taxonomy.codes, departments, ids), nowhere)


def _with_duties(folder: Path, bare: tuple[Department, ...], taxonomy: Taxonomy,
                 faults: _Faults) -> tuple[Department, ...]:
    by_code = {department.code: department for department in bare}
    if not folder.is_dir():
        faults.found.extend(fault(folder.name, 0, "folder", "expected a folder with a file of duties for each "
                                  "department").faults)
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
        try:
            content = path.read_bytes()
        except OSError as error:
            raise fault(path.name, 0, "file", f"expected a readable file ({error.strerror})") from error
        digest.update(f"{path.relative_to(folder).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return f"sha256:{digest.hexdigest()}"
