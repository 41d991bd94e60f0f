"""Reading the times of public messages, which their sources write in two ways, in China's time."""

from __future__ import annotations

from datetime import datetime

from knowledge_base.deadlines import CHINA

_WRITTEN = ("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M")


def parse_moment(text: str | None) -> datetime | None:
    """Return the moment that a message's ``time`` names, None where there is none or it can't be read."""
    for layout in _WRITTEN:
        try:
            return datetime.strptime(text or "", layout).replace(tzinfo=CHINA)
        except ValueError:
            continue
    return None
