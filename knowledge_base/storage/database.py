"""Opening the database: SQLite in WAL with full synchronisation; another SQL engine can follow."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from knowledge_base.storage.chain_head import head_path, keep_head
from knowledge_base.storage.errors import StorageError, StorageUnavailableError
from knowledge_base.storage.migration import prepare

BUSY_TIMEOUT_MS = 10_000
_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_TIMEOUT_MS}",
            "secure_delete=ON")


class Database(Protocol):
    """What the storage functions need: transactions to read or to write in."""

    def reading(self) -> AbstractContextManager[Connection]:
        """Return a transaction that sees one state of the database."""
        ...

    def writing(self) -> AbstractContextManager[Connection]:
        """Return a transaction that holds the write lock and commits durably at its end."""
        ...


class SqliteDatabase:
    """A SQLite file; thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writes=True)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Return a transaction that sees one state of the database."""
        with _translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Return a transaction that holds the write lock and commits durably at its end."""
        with _translated(), self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        cause = getattr(error, "orig", None) or "no free connection"
        raise StorageUnavailableError(f"the database did not answer ({cause}); try again") from error


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def open_database(path: Path) -> SqliteDatabase:
    """Open the SQLite file, make it with its tables where it is missing, and bring an older schema up to date.

    Raises:
        StorageError: the file is not a database, of an unknown schema, or cannot be opened.
    """
    listeners: tuple[tuple[str, Callable[..., Any]], ...] = (("connect", _on_connect), ("begin", _on_begin))
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True,
                           connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, pool_size=8, max_overflow=24)
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # before SQLite makes the write-ahead log, which takes this mode over
        path.chmod(0o600)
        with engine.execution_options(writes=True).begin() as connection:
            migrated = prepare(connection, path)
        database = SqliteDatabase(engine)
        if migrated:
            keep_head(database, head_path(path))
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"cannot open {path.name!r} in the data directory: {error}") from error
    except Exception as error:
        engine.dispose()
        if isinstance(error, StorageError):
            raise
        raise StorageError(f"cannot open {path.name!r} in the data directory: "
                           f"{getattr(error, 'orig', error)}; expected a Fenzhuan database") from error
    return database


def now_text() -> str:
    """Return the present moment as RFC 3339 in UTC with microseconds."""
    return datetime.now(UTC).isoformat()
