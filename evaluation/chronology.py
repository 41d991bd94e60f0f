"""Posts of the CED rumour data set in the order of their time: what is learned comes before what is measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

EARLIER_SHARE = 0.7
_WRITTEN = "%a %b %d %H:%M:%S %z %Y"


class PostsError(Exception):
    """A file of posts that can't be read: says which line and what was expected."""


@dataclass(frozen=True, slots=True)
class Post:
    """A post with its time and whether it was judged a rumour."""

    text: str
    at: datetime
    rumour: bool


def read_posts(path: Path) -> list[Post]:
    """Read ``ced.jsonl`` and return its posts, earliest first.

    Raises:
        PostsError: the file is missing, or a line lacks text, time or label.
    """
    posts = []
    try:
        lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except OSError as error:
        raise PostsError(f"cannot read {path.name}: {error.strerror}; give the folder that holds it with --data") \
            from error
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            posts.append(Post(str(row["text"]), _moment(row["time"]), row["label"] == "rumor"))
        except (ValueError, KeyError, TypeError) as error:
            raise PostsError(f"{path.name}:{number}: expected an object with text, time and label "
                             f"({type(error).__name__})") from error
    return sorted(posts, key=lambda post: post.at)


def split_by_time(posts: list[Post]) -> tuple[list[Post], list[Post]]:
    """Return the earlier 70 % and the later 30 % of posts that are in the order of time."""
    cut = int(len(posts) * EARLIER_SHARE)
    return posts[:cut], posts[cut:]


def _moment(written: int | str) -> datetime:
    if isinstance(written, str) and not written.isdigit():
        return datetime.strptime(written, _WRITTEN)
    return datetime.fromtimestamp(int(written), UTC)
