"""The errors of this package: what was found where, what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file of the knowledge base; ``line`` counts from 1, 0 where it is about the file."""

    file: str
    line: int
    field: str
    expected: str

    def __str__(self) -> str:
        """File, line, field and what was expected."""
        return f"{self.file}, line {self.line}, field {self.field!r}: {self.expected}"


class KnowledgeBaseError(Exception):
    """A knowledge base that must not be served; ``faults`` says where and what was expected."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        """Keep the faults beside the message."""
        super().__init__(message)
        self.faults = tuple(faults)

    @classmethod
    def of(cls, faults: Sequence[Fault]) -> KnowledgeBaseError:
        """Return the error that lists these faults, one to a line."""
        return cls("the knowledge base has faults; mend these lines:\n" + "\n".join(map(str, faults)), faults)


def fault(file: str, line: int, field: str, expected: str) -> KnowledgeBaseError:
    """Return the error of a single fault."""
    return KnowledgeBaseError.of([Fault(file, line, field, expected)])
