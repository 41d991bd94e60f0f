"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request

from knowledge_base.storage.keys import any_key, find_key
from serving.errors import ProblemError
from serving.services import Services
from serving.settings import is_loopback

ANY_ROLE = ("intake", "reviewer", "scientist", "admin")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: ``actor`` names the key in corrections and limits, never the key itself."""

    role: str
    actor: str


LOCAL = Caller("admin", "local")


def _of_this_machine(url: str) -> bool:
    try:
        return is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


def _local_caller(request: Request) -> Caller:
    """Return the open caller; refuse web pages of other sites, which a browser here may have open."""
    origin = request.headers.get("origin")
    if not _of_this_machine(f"//{request.headers.get('host', '')}") or not (origin is None or _of_this_machine(origin)):
        raise ProblemError(403, "forbidden", "without keys the service answers only requests to the loopback address "
                                             "that no other site's page sends")
    return LOCAL


def identify(services: Services, request: Request) -> Caller:
    """Return who calls.

    Raises:
        ProblemError: 401 without a valid key where keys exist; 403 for foreign pages where none exist.
    """
    if not any_key(services.database):
        return _local_caller(request)
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    found = find_key(services.database, key.strip()) if scheme.lower() == "bearer" and key.strip() else None
    if found is None:
        raise ProblemError(401, "unauthenticated", "send a valid key in the header Authorization: Bearer <key>")
    return Caller(found.role, f"key-{found.number}")


def require(*roles: str) -> Callable[[Request], Caller]:
    """Return a dependency that admits callers of these roles, and admins, within their rate."""
    def admitted(request: Request) -> Caller:
        services: Services = request.app.state.services
        caller = identify(services, request)
        request.state.role = caller.role
        if caller.role not in (*roles, "admin"):
            raise ProblemError(403, "forbidden", f"this needs a key of role {' or '.join(roles or ('admin',))}")
        services.limiter.take(caller.actor)
        return caller

    return admitted
