"""Tables of Chinese text for a terminal: wide characters take two columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

GAP = "  "
NARROWEST = 8


def display_width(text: str) -> int:
    """Return how many columns a text takes (UAX #11: wide and full-width characters take two, marks none)."""
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most ``width`` columns (2 or more); an empty text is one empty line."""
    lines, room = [""], width
    for char in text:
        needed = _char_width(char)
        if needed > room:
            lines.append("")
            room = width
        lines[-1] += char
        room -= needed
    return lines


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """Return a table's lines; where ``width`` columns are too few, the widest cells are broken into lines."""
    widths = [max(map(display_width, column)) for column in zip(header, *rows, strict=True)]
    if width is not None:
        widths = _fitted(widths, width - len(GAP) * (len(widths) - 1))
    rule = GAP.join("-" * one for one in widths)
    body = [line for row in rows for line in _row_lines(row, widths)]
    return [*_row_lines(header, widths), rule, *body]


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Return widths that together take ``room`` columns where they can, the widest cut first."""
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _row_lines(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(map(len, columns))
    padded = [[*lines, *[""] * (height - len(lines))] for lines in columns]
    return [GAP.join(_padded(text, width) for text, width in zip(line, widths, strict=True)).rstrip()
            for line in zip(*padded, strict=True)]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))
