"""Which departments a text names, by their names and aliases."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from knowledge_base.departments import Department

_SHORTEST = 3
_PAIR = 2


class DepartmentNames:
    """Departments findable by what people call them; immutable."""

    def __init__(self, departments: Iterable[Department]) -> None:
        """Index names and aliases of three characters or more; what two departments are called is left out."""
        owners: dict[str, set[str]] = {}
        for department in departments:
            for name in {department.name, *department.aliases}:
                if len(name) >= _SHORTEST:
                    owners.setdefault(name.lower(), set()).add(department.code)
        self._owner = {name: next(iter(codes)) for name, codes in owners.items() if len(codes) == 1}
        self._by_pair: dict[str, list[str]] = {}
        for name in self._owner:
            self._by_pair.setdefault(name[:_PAIR], []).append(name)

    def named_in(self, text: str) -> frozenset[str]:
        """Return the codes of the departments that a normalised text names."""
        text = text.lower()
        pairs = set(map("".join, pairwise(text)))
        return frozenset(self._owner[name] for pair in pairs & self._by_pair.keys()
                         for name in self._by_pair[pair] if name in text)
