"""What a check of the knowledge base finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend: a stable code, where it is, and what is wrong."""

    code: str
    where: str
    message: str
