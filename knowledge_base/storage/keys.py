"""Keys of the service: 256 random bits, of which only the SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets

from sqlalchemy import func, select, update

from knowledge_base.storage.database import Database, now_text
from knowledge_base.storage.records import ApiKey
from knowledge_base.storage.rows import insert_row
from knowledge_base.storage.tables import api_keys

ROLES = ("intake", "reviewer", "scientist", "admin")
_SHOWN = tuple(column for column in api_keys.c if column.name != "key_hash")


def key_hash(key: str) -> str:
    """Return the hexadecimal SHA-256 of a key, which has entropy enough to need no salt."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def add_key(database: Database, role: str, name: str) -> tuple[str, ApiKey]:
    """Make a key and return it, this once, with its record.

    Raises:
        ValueError: the role is unknown.
    """
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; expected one of {', '.join(ROLES)}")
    key = f"fz_{secrets.token_urlsafe(32)}"
    created_at = now_text()
    with database.writing() as connection:
        number = insert_row(connection, api_keys, {"key_hash": key_hash(key), "role": role, "name": name,
                                                   "created_at": created_at})
    return key, ApiKey(number, role, name, created_at, None)


def find_key(database: Database, key: str) -> ApiKey | None:
    """Return the record of a key that is not revoked, or None."""
    query = select(*_SHOWN).where(api_keys.c.key_hash == key_hash(key), api_keys.c.revoked_at.is_(None))
    with database.reading() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return ApiKey(**row) if row is not None else None


def list_keys(database: Database) -> list[ApiKey]:
    """Return the records of all keys, revoked ones too, in the order made."""
    with database.reading() as connection:
        return [ApiKey(**row) for row in connection.execute(select(*_SHOWN).order_by(api_keys.c.number)).mappings()]


def any_key(database: Database) -> bool:
    """Tell whether a key was ever made: revoking the last one must not open the service."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(api_keys)).scalar_one() > 0


def revoke_key(database: Database, number: int) -> bool:
    """Revoke a key; return False where there is no such key in force."""
    with database.writing() as connection:
        return connection.execute(update(api_keys).where(api_keys.c.number == number, api_keys.c.revoked_at.is_(None))
                                  .values(revoked_at=now_text())).rowcount > 0
