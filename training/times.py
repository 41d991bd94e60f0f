"""Reading the times of messages, which their sources write in several ways."""

from __future__ import annotations

from datetime import datetime

_FORMATS = ("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M")


def parse_time(text: str | None) -> datetime | None:
    """Return the time of a message, or none where it can't be read."""
    for layout in _FORMATS:
        try:
            return datetime.strptime(text or "", layout)
        except ValueError:
            continue
    return None
