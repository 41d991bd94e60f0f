"""The head of the chain over the corrections, kept beside the database so that a chain cut short shows."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge_base.storage.chain import Head, last_link
from knowledge_base.storage.errors import StorageError

if TYPE_CHECKING:
    from knowledge_base.storage.database import Database


def head_path(database_path: Path) -> Path:
    """Return where the head of a database's chain is kept."""
    return database_path.with_suffix(".head")


def keep_head(database: Database, path: Path) -> Head:
    """Write the head of the chain beside the database, durably, and return it.

    The write lock of the database orders the writers, of other processes too, so that the head never goes back.

    Raises:
        OSError: the file cannot be written.
    """
    with database.writing() as connection:
        head = last_link(connection)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        with temporary.open("w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o600)
            stream.write(json.dumps({"number": head.number, "hash": head.hash}) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    return head


def read_head(path: Path) -> Head | None:
    """Return the head that was kept, or None where none was.

    Raises:
        StorageError: the file holds no head.
    """
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Head(int(kept["number"]), str(kept["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path.name!r} holds no head of the chain ({type(error).__name__}); expected "
                           '{"number": …, "hash": …} as the service writes it') from error
