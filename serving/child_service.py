"""A service run as a child process: started, waited for, asked, ended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any

ENDS_WITHIN_S = 40.0
_POLL_S = 0.1
_REQUEST_S = 60.0
_SAYS_AGAIN_S = 10.0
_LOG_TAIL_LINES = 20
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


class ServiceError(Exception):
    """A service that could not be started or does not answer: says what was found and what to do."""


def reachable(host: str) -> str:
    """Return the address by which this machine reaches a service that listens on ``host``."""
    return _ANY_ADDRESS.get(host.strip("[]"), host.strip("[]"))


def free_port(host: str) -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((reachable(host), 0), family=_family(host)) as listening:
        return int(listening.getsockname()[1])


def check_port_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on.

    Raises:
        ServiceError: the port is in use, or this machine has no such address.
    """
    try:
        with socket.create_server((host.strip("[]"), port), family=_family(host)):
            return
    except OSError as error:
        raise ServiceError(f"无法在 {host}:{port} 上监听（{error.strerror}）。若已有服务占用该端口，请先停止它，"
                           f"或换一个端口：FENZHUAN_PORT={port % 65_535 + 1} make run") from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in reachable(host) else socket.AF_INET


class ChildService:
    """A service in a child process whose messages go to a log file."""

    def __init__(self, command: Sequence[str], host: str, port: int, log: Path) -> None:
        self.host, self.port, self.log = reachable(host), port, log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as messages:
            self._child = subprocess.Popen(  # noqa: S603
                list(command), stdin=subprocess.DEVNULL, stdout=messages, stderr=messages, env=os.environ.copy())

    def __enter__(self) -> ChildService:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.end()

    @property
    def address(self) -> str:
        """The beginning of the addresses of its pages."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def wait_until_ready(self, patience_s: float, say: Callable[[str], None]) -> None:
        """Return when ``/readyz`` says so.

        Raises:
            ServiceError: the process ended, or was not ready in time.
        """
        started = said = time.monotonic()
        while not self._ready():
            self.check_alive()
            now = time.monotonic()
            if now - started > patience_s:
                raise ServiceError(f"服务在 {patience_s:.0f} 秒内未就绪，日志见 {self.log}\n{self._log_tail()}")
            if now - said >= _SAYS_AGAIN_S:
                said = now
                say(f"服务仍在启动（{now - started:.0f} 秒）……")
            time.sleep(_POLL_S)

    def check_alive(self) -> None:
        """Refuse a process that has ended.

        Raises:
            ServiceError: it ended by itself.
        """
        if (code := self._child.poll()) is not None:
            raise ServiceError(f"服务进程已退出（退出码 {code}），日志见 {self.log}\n{self._log_tail()}")

    def wait(self) -> None:
        """Return never: only when the process ends by itself.

        Raises:
            ServiceError: it ended.
        """
        self._child.wait()
        self.check_alive()

    def request(self, method: str, path: str, body: bytes | None = None, key: str = "") -> tuple[int, dict[str, Any]]:
        """Return status and JSON of a request.

        Raises:
            OSError, HTTPException, ValueError: no answer, or none in JSON.
        """
        connection = HTTPConnection(self.host, self.port, timeout=_REQUEST_S)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def _ready(self) -> bool:
        try:
            status, found = self.request("GET", "/readyz")
        except (OSError, HTTPException, ValueError):
            return False
        return status == 200 and found.get("ready") is True

    def _log_tail(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:])

    def end(self) -> None:
        """End the process: politely; by force when it takes too long or someone asks again."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(ENDS_WITHIN_S)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            self._child.kill()
            self._child.wait()
