"""The catalogue (派单目录): for each category who usually leads, who else may, who usually helps."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from knowledge_base.tables import Row, read_table

COLUMNS = ("category", "lead", "other_leads", "co", "note")


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """Who handles a category; ``note`` gives in Chinese the condition on which another lead takes over."""

    category: str
    lead: str
    other_leads: tuple[str, ...]
    co: tuple[str, ...]
    note: str

    @property
    def leads(self) -> tuple[str, ...]:
        """The usual lead, then the other plausible leads in order."""
        return (self.lead, *self.other_leads)


Catalogue = Mapping[str, CatalogueEntry]


def read_catalogue(path: Path, categories: Collection[str], departments: Collection[str]) -> Catalogue:
    """Read ``catalogue.tsv``: entries by category code.

    Raises:
        KnowledgeBaseError: the file is unreadable, a row is broken, or a code is unknown.
    """
    entries = (_read_entry(row, categories, departments) for row in read_table(path, COLUMNS))
    return MappingProxyType({entry.category: entry for entry in entries})


def _read_entry(row: Row, categories: Collection[str], departments: Collection[str]) -> CatalogueEntry:
    entry = CatalogueEntry(row.text("category"), row.text("lead"), row.codes("other_leads"), row.codes("co"),
                           row.text("note"))
    if entry.category not in categories:
        raise row.fault("category", f"expected a code of taxonomy.tsv, found {entry.category!r}")
    for column, codes in (("lead", (entry.lead,)), ("other_leads", entry.other_leads), ("co", entry.co)):
        if unknown := [code for code in codes if code not in departments]:
            raise row.fault(column, f"expected codes of departments.tsv, found {', '.join(unknown)}")
    if entry.lead in entry.other_leads or entry.lead in entry.co:
        raise row.fault("lead", f"expected the lead {entry.lead} only once in its line")
    return entry
