"""Text normalisation that keeps the way back to the original characters."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_DROPPED_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn")


@dataclass(frozen=True, slots=True)
class Normalised:
    """Normalised text; ``offsets[i]`` is the index in the original of the normalised character ``i``."""

    text: str
    offsets: tuple[int, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """Return the half-open span in the original text of normalised ``[start, end)``."""
        return self.offsets[start], self.offsets[end - 1] + 1


@lru_cache(maxsize=1)
def _simplified_by_traditional() -> dict[int, str]:
    """Return the character table of OpenCC's t2s (Apache-2.0), one to one, so that spans stay put.

    A simplified form that is itself a traditional one is followed, so that normalising twice changes nothing.
    """
    lines = (Path(__file__).parent / "traditional_to_simplified.tsv").read_text(encoding="utf-8").splitlines()
    pairs = {traditional: simplified for traditional, simplified in (line.split("\t") for line in lines[1:])}
    return {ord(traditional): pairs.get(simplified, simplified) for traditional, simplified in pairs.items()}


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    """Return the NFKC form of one character without what cannot be seen; white space becomes one blank."""
    if char.isspace():
        return " "
    return "".join(c for c in unicodedata.normalize("NFKC", char)
                   if unicodedata.category(c) not in _DROPPED_CATEGORIES)


def normalise(text: str) -> Normalised:
    """Fold full-width and compatibility forms, drop invisible characters, write traditional as simplified."""
    chars: list[str] = []
    offsets: list[int] = []
    for index, char in enumerate(text):
        for folded in _fold(char):
            if folded == " " and (not chars or chars[-1] == " "):
                continue
            chars.append(folded)
            offsets.append(index)
    if chars and chars[-1] == " ":
        chars.pop()
        offsets.pop()
    return Normalised("".join(chars).translate(_simplified_by_traditional()), tuple(offsets))


def folded(text: str) -> str:
    """Return the text folded as ``normalise`` does, without any white space and without the way back: ten times faster.

    Whole strings are folded, so that a letter and its combining mark may become one character here only.
    """
    plain = "".join(unicodedata.normalize("NFKC", text).split()).translate(_simplified_by_traditional())
    return plain if plain.isprintable() else "".join(map(_fold, plain))
