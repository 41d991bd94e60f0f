"""Cutting a report to the network's length: its beginning and its end, by tokens."""

from __future__ import annotations

from collections.abc import Sequence

TAIL_SHARE = 4
READ_CHARACTERS = 2000


def report_text(title: str, text: str) -> str:
    """Join title and text the way the network was trained on; the text is not repeated where the title opens it."""
    title, text = title.strip(), text.strip()
    if not title or text.startswith(title):
        return text
    return f"{title}。{text}" if text else title


def cut_tokens(ids: Sequence[int], limit: int) -> list[int]:
    """Return at most ``limit`` token ids: the first three quarters and the last quarter of the limit.

    ``ids`` carries the leading and closing special tokens; both stay.
    """
    if len(ids) <= limit:
        return list(ids)
    tail = limit // TAIL_SHARE
    return [*ids[:limit - tail], *ids[-tail:]]
