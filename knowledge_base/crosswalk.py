"""Cross-walks from our taxonomy to DB44/T 2479-2024 and to the 信访 first level."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from knowledge_base.tables import Row, read_table
from models.contract import XINFANG_LABELS

STANDARD_COLUMNS = ("code", "level1_code", "level1", "level2")
MOST_CODES = 3


@dataclass(frozen=True, slots=True)
class StandardCategory:
    """A second-level category of DB44/T 2479-2024 (广东省 12345 诉求分类)."""

    code: str
    level1_code: str
    level1: str
    level2: str


@dataclass(frozen=True, slots=True)
class Crosswalk:
    """By our code: codes of the Guangdong standard, best first, and the 信访 label or None where none fits."""

    standard: Mapping[str, StandardCategory]
    db44t2479: Mapping[str, tuple[str, ...]]
    xinfang: Mapping[str, str | None]

    def other_taxonomies(self, category: str) -> dict[str, str | None]:
        """Return the best code of the Guangdong standard and the 信访 label; None where there is none."""
        codes = self.db44t2479.get(category, ())
        return {"db44t2479": codes[0] if codes else None, "xinfang": self.xinfang.get(category)}


def read_crosswalk(folder: Path, categories: Collection[str]) -> Crosswalk:
    """Read ``db44t2479.tsv``, ``crosswalk_db44.tsv`` and ``crosswalk_xinfang.tsv``.

    Raises:
        KnowledgeBaseError: a file is unreadable, a row is broken, or a code is unknown.
    """
    standard = {row.text("code"): StandardCategory(*(row.text(column) for column in STANDARD_COLUMNS))
                for row in read_table(folder / "db44t2479.tsv", STANDARD_COLUMNS)}
    db44 = {_category(row, categories): _standard_codes(row, standard)
            for row in read_table(folder / "crosswalk_db44.tsv", ("category", "db44t2479"))}
    xinfang = {_category(row, categories): _xinfang_label(row)
               for row in read_table(folder / "crosswalk_xinfang.tsv", ("category", "xinfang"))}
    return Crosswalk(MappingProxyType(standard), MappingProxyType(db44), MappingProxyType(xinfang))


def _category(row: Row, categories: Collection[str]) -> str:
    if (code := row.text("category")) not in categories:
        raise row.fault("category", f"expected a code of taxonomy.tsv, found {code!r}")
    return code


def _standard_codes(row: Row, standard: Collection[str]) -> tuple[str, ...]:
    codes = row.codes("db44t2479")
    if not 1 <= len(codes) <= MOST_CODES:
        raise row.fault("db44t2479", f"expected one to {MOST_CODES} codes, found {len(codes)}")
    if unknown := [code for code in codes if code not in standard]:
        raise row.fault("db44t2479", f"expected codes of db44t2479.tsv, found {', '.join(unknown)}")
    return codes


def _xinfang_label(row: Row) -> str | None:
    label = row.cells["xinfang"]
    if label and label not in XINFANG_LABELS:
        raise row.fault("xinfang", f"expected nothing or one of {', '.join(XINFANG_LABELS)}, found {label!r}")
    return label or None
