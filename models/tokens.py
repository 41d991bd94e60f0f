"""Cutting a report to the network's length: its beginning and its end, by tokens."""

from __future__ import annotations

from collections.abc import Sequence

from models.text import normalise

TAIL_SHARE = 4
READ_CHARACTERS = 2000
_NORMALISED_CHARACTERS = 8000  # of an input padded with what is dropped, this much is looked through


def report_text(title: str, text: str) -> str:
    """Join title and text the way the network was trained on; the text is not repeated where the title opens it."""
    title, text = title.strip(), text.strip()
    if not title or text.startswith(title):
        return text
    return f"{title}。{text}" if text else title


def read_text(text: str) -> str:
    """Return the normalised characters that the network reads of a text."""
    return normalise(text[:_NORMALISED_CHARACTERS]).text[:READ_CHARACTERS]


def cut_tokens(ids: Sequence[int], limit: int) -> list[int]:
    """Return at most ``limit`` token ids: the first three quarters and the last quarter of the limit.

    ``ids`` carries the leading and closing special tokens; both stay.
    """
    if len(ids) <= limit:
        return list(ids)
    tail = limit // TAIL_SHARE
    return [*ids[:limit - tail], *ids[-tail:]]
