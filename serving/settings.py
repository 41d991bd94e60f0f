"""The one settings object of the service, checked once at start."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

import knowledge_base
from models.bundle import DEFAULT_BUNDLE

DEFAULT_KNOWLEDGE_BASE = Path(knowledge_base.__file__).parent / "data"
DEFAULT_DATA_DIR = Path("var")
DATABASE_NAME = "fenzhuan.db"


class SettingsError(Exception):
    """Settings that must not be served with: says what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the service runs; sizes in bytes, times in seconds, rates per minute."""

    host: str = "127.0.0.1"
    port: int = 8000
    data_dir: Path = DEFAULT_DATA_DIR
    bundle: Path = DEFAULT_BUNDLE
    knowledge_base: Path = DEFAULT_KNOWLEDGE_BASE
    max_body_bytes: int = 256 * 1024
    max_in_flight: int = 64
    rate_per_minute: int = 6_000
    max_batch: int = 16
    batch_wait_s: float = 0.0  # reports that come while the network works already form the next batch
    body_within_s: float = 30.0
    maintenance_every_s: float = 60.0
    shutdown_s: int = 30

    def __post_init__(self) -> None:
        """Refuse values that cannot work.

        Raises:
            SettingsError: a number is outside its range.
        """
        if not 0 <= self.port <= 65_535:
            raise SettingsError(f"port is {self.port}, expected 0 to 65535")
        for name in ("max_body_bytes", "max_in_flight", "rate_per_minute", "max_batch", "body_within_s",
                     "maintenance_every_s"):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{name} is {getattr(self, name)}, expected more than 0")

    @property
    def database_path(self) -> Path:
        """Where the database lies."""
        return self.data_dir / DATABASE_NAME

    @property
    def index_path(self) -> Path:
        """Where the index of stored reports is saved."""
        return self.data_dir / "reports.index"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can be reached from this machine only."""
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def check_binding(host: str, has_keys: bool) -> None:
    """Refuse to serve other machines without keys.

    Raises:
        SettingsError: no key was ever made and the host is not the loopback address.
    """
    if not has_keys and not is_loopback(host):
        raise SettingsError(f"host is {host!r} but no key is configured, and without keys everyone may do everything; "
                            "use --host 127.0.0.1, or make keys with `fenzhuan key add --role admin`")
