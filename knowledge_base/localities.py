"""Localities: where a city or county hands a matter to another department than the national catalogue says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from knowledge_base.catalogue import Catalogue, CatalogueEntry
from knowledge_base.departments import Department
from knowledge_base.errors import Fault, KnowledgeBaseError
from knowledge_base.marked_yaml import Fields, read_yaml
from knowledge_base.scenarios import Complaint, Helper, Scenario, Scenarios, read_helpers
from knowledge_base.word_finder import Finder, read_department

_FILE_FIELDS = ("division", "name", "department_names", "categories", "scenarios")
_OVERRIDE_FIELDS = ("lead", "co", "why", "source")
_CODE_DIGITS = 6
_NO_LEVEL_BELOW = "00"


@dataclass(frozen=True, slots=True)
class Override:
    """Lead and co-handlers of a place, instead of the national ones; ``source`` names the rule that says so."""

    lead: str
    co: tuple[Helper, ...]
    why: str
    source: str

    @property
    def co_codes(self) -> tuple[str, ...]:
        """Codes of the co-handling departments in order."""
        return tuple(helper.department for helper in self.co)


def _nothing() -> Mapping[str, Override]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Locality:
    """What differs in one province, city or county; ``division`` is its 6-digit code, empty for the whole country."""

    division: str
    name: str
    department_names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    categories: Mapping[str, Override] = field(default_factory=_nothing)
    scenarios: Mapping[str, Override] = field(default_factory=_nothing)

    @property
    def prefix(self) -> str:
        """The part of the code that all divisions within it share: 440300 → 4403."""
        return _prefix(self.division)

    def entry(self, national: CatalogueEntry) -> CatalogueEntry:
        """Return a catalogue entry as it reads here; the national lead stays among the other leads."""
        override = self.categories.get(national.category)
        if override is None:
            return national
        others = tuple(code for code in national.leads if code not in (override.lead, *override.co_codes))
        return CatalogueEntry(national.category, override.lead, others, override.co_codes,
                              f"{self.name}：{override.why}（{override.source}）")

    def catalogue(self, national: Catalogue) -> Catalogue:
        """Return the catalogue as it reads here."""
        if not self.categories:
            return national
        return MappingProxyType({code: self.entry(entry) for code, entry in national.items()})

    def scenario(self, national: Scenario) -> Scenario:
        """Return a scenario as it reads here: the same words, another lead and co-handlers."""
        override = self.scenarios.get(national.id)
        if override is None:
            return national
        return replace(national, lead=override.lead, co=override.co,
                       why=f"{self.name}：{override.why}（{override.source}）")

    def joint_scenarios(self, national: Scenarios) -> Scenarios:
        """Return the scenarios as they read here."""
        if not self.scenarios:
            return national
        return Finder([self.scenario(scenario) for scenario in national], national.within)

    def department_name(self, department: Department) -> str:
        """Return what a department is called here."""
        return self.department_names.get(department.code, department.name)


NATIONWIDE = Locality("", "全国")


def for_region(localities: Sequence[Locality], region: str | None) -> Locality:
    """Return what holds in a region, a 6-digit division code: ``NATIONWIDE`` where nothing differs.

    Localities whose code covers the region apply together; where two speak of the same category, scenario or name,
    the smaller one (the longest prefix of the code) has the last word, and gives the result its name and code.
    """
    covering = sorted((one for one in localities if region and _prefix(region).startswith(one.prefix)),
                      key=lambda one: len(one.prefix))
    joined = NATIONWIDE
    for one in covering:
        joined = Locality(one.division, one.name, MappingProxyType({**joined.department_names, **one.department_names}),
                          MappingProxyType({**joined.categories, **one.categories}),
                          MappingProxyType({**joined.scenarios, **one.scenarios}))
    return joined


def _prefix(division: str) -> str:
    while division.endswith(_NO_LEVEL_BELOW):
        division = division[:-len(_NO_LEVEL_BELOW)]
    return division


def read_localities(folder: Path, categories: Collection[str], departments: Collection[str],
                    scenarios: Collection[str]) -> tuple[Locality, ...]:
    """Read the YAML files of ``localities``, one a division, named by its code; without the folder there are none.

    Raises:
        KnowledgeBaseError: files are unreadable, a field is broken, or a code or scenario is unknown.
    """
    localities: list[Locality] = []
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            localities.append(_read_locality(path, categories, departments, scenarios))
        except KnowledgeBaseError as error:
            faults.extend(error.faults)
    if faults:
        raise KnowledgeBaseError.of(faults)
    return tuple(localities)


def _read_locality(path: Path, categories: Collection[str], departments: Collection[str],
                   scenarios: Collection[str]) -> Locality:
    fields = read_yaml(path, _FILE_FIELDS)
    division = fields.text("division")
    if len(division) != _CODE_DIGITS or not division.isdecimal() or not _prefix(division):
        raise fields.fault("division", f"expected a 6-digit division code in quotes, found {division!r}")
    if division != path.stem:
        raise fields.fault("division", f"expected {path.stem}, the name of the file")
    names = {read_department(row, "department", departments): row.text("name")
             for row in fields.mappings("department_names", ("department", "name"))}
    return Locality(division, fields.text("name"), MappingProxyType(names),
                    _read_overrides(fields, "categories", "category", categories, departments),
                    _read_overrides(fields, "scenarios", "scenario", scenarios, departments))


def _read_overrides(fields: Fields, field_name: str, key: str, known: Collection[str],
                    departments: Collection[str]) -> Mapping[str, Override]:
    overrides: dict[str, Override] = {}
    for row in fields.mappings(field_name, (key, *_OVERRIDE_FIELDS)):
        name = row.text(key)
        if name not in known:
            raise row.fault(key, f"expected a known {key}, found {name!r}")
        if name in overrides:
            raise row.fault(key, f"expected each {key} once, found {name} again")
        lead = read_department(row, "lead", departments)
        overrides[name] = Override(lead, read_helpers(row, lead, departments), row.text("why"), row.text("source"))
    return MappingProxyType(overrides)


def problems(localities: Sequence[Locality], catalogue: Catalogue, scenarios: Scenarios,
             departments: Collection[str]) -> Iterator[Complaint]:
    """Yield what is wrong with the localities, as the fields of a ``Problem`` of ``kb check``."""
    national: dict[str, CatalogueEntry | Scenario] = {**catalogue}
    national.update({scenario.id: scenario for scenario in scenarios})
    seen: set[str] = set()
    for locality in localities:
        where = f"locality {locality.division}"
        if locality.division in seen:
            yield "repeated_locality", where, "found more than once, expected one file a division"
        seen.add(locality.division)
        for code in locality.department_names:
            if code not in departments:
                yield "dead_reference", where, f"no department has the code {code!r}"
        for name, override in (*locality.categories.items(), *locality.scenarios.items()):
            yield from _override_problems(f"{where} {name}", override, national.get(name), departments)


def _override_problems(where: str, override: Override, national: CatalogueEntry | Scenario | None,
                       departments: Collection[str]) -> Iterator[Complaint]:
    for code in (override.lead, *override.co_codes):
        if code not in departments:
            yield "dead_reference", where, f"no department has the code {code!r}"
    if national is None:
        yield "dead_reference", where, "no category or scenario has this name"
        return
    helpers = national.co_codes if isinstance(national, Scenario) else national.co
    if (override.lead, override.co_codes) == (national.lead, helpers):
        yield "idle_override", where, "names the national lead and co-handlers, expected a difference"
