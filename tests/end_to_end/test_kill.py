"""A service killed at any moment has every report that it acknowledged."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from knowledge_base.storage.database import open_database
from knowledge_base.storage.reports import count_embeddings

PROGRAM = """
import sys
from pathlib import Path
from serving.cli import run_server
from serving.core import CoreBuilder
from serving.settings import Settings
from tests.conftest import dummy_network
run_server(Settings(port=int(sys.argv[1]), data_dir=Path(sys.argv[2]), maintenance_every_s=0.3),
           CoreBuilder(network=dummy_network))
"""
ROOT = Path(__file__).parents[2]
STARTED_WITHIN_S = 60


class Service:
    """A real server process on a port of its own; restarted on the same data."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-c", PROGRAM, str(self.port), str(self.data_dir)]
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        deadline = time.monotonic() + STARTED_WITHIN_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz").status_code == 200:
                    threading.Thread(target=self.process.stderr.read, daemon=True).start()  # type: ignore[union-attr]
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.end(signal.SIGKILL)
        pytest.fail("the service did not start")

    def end(self, how: int) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(30)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A running service."""
    made = Service(tmp_path / "var")
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.end(signal.SIGKILL)


def report(report_id: str) -> dict[str, Any]:
    return {"id": report_id, "title": f"路灯 {report_id}", "text": f"{report_id} 号路灯不亮，已经三天"}


def acknowledged_until_death(service: Service, prefix: str) -> dict[str, bytes]:
    """Send reports from four threads, kill the service amid them, return what was acknowledged."""
    acknowledged: dict[str, bytes] = {}

    def send(thread: int) -> None:
        with httpx.Client(base_url=service.url) as client:
            for number in range(10_000):
                try:
                    response = client.post("/v1/reports", json=report(f"{prefix}-{thread}-{number}"))
                except httpx.TransportError:
                    return
                assert response.status_code == 200
                acknowledged[f"{prefix}-{thread}-{number}"] = response.content

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 30
    while len(acknowledged) < 25 and time.monotonic() < deadline:
        time.sleep(0.01)
    service.end(signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    return acknowledged


def test_killed_amid_requests_nothing_acknowledged_is_lost(service: Service) -> None:
    acknowledged: dict[str, bytes] = {}
    for round_number in range(2):
        acknowledged |= acknowledged_until_death(service, f"k{round_number}")
        service.start()
    assert len(acknowledged) >= 50
    with httpx.Client(base_url=service.url) as client:
        for report_id, body in acknowledged.items():
            assert client.post("/v1/reports", json=report(report_id)).content == body
        held = client.get("/readyz").json()["parts"]["index"]["reports"]
        probe = next(iter(acknowledged))
        nearest = client.post("/v1/predict", json=report(probe) | {"id": "probe"}).json()["duplicate"]["matches"]
    assert probe in [match["id"] for match in nearest]
    service.end(signal.SIGTERM)
    database = open_database(service.data_dir / "fenzhuan.db")
    stored, _ = count_embeddings(database, 2**62, "0" * 64)
    database.close()
    assert held == stored >= len(acknowledged)


def test_killed_between_requests_the_index_is_completed(service: Service) -> None:
    for number in range(5):
        httpx.post(f"{service.url}/v1/reports", json=report(f"q-{number}")).raise_for_status()
    service.end(signal.SIGKILL)
    index = service.data_dir / "reports.index"
    if index.exists():
        index.write_bytes(index.read_bytes()[:100])
    service.start()
    assert httpx.get(f"{service.url}/readyz").json()["parts"]["index"]["reports"] == 5


def test_terminated_gently_it_answers_first_and_saves(service: Service) -> None:
    answers: list[httpx.Response] = []
    lines = "\n".join(json.dumps(report(f"g-{number}")) for number in range(40))
    sender = threading.Thread(target=lambda: answers.append(
        httpx.post(f"{service.url}/v1/reports:batch", content=lines, timeout=60)))
    sender.start()
    deadline = time.monotonic() + 30
    while httpx.get(f"{service.url}/v1/reports/g-0").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    service.end(signal.SIGTERM)
    sender.join(60)
    assert [json.loads(line)["id"] for line in answers[0].text.splitlines()] == [f"g-{n}" for n in range(40)]
    assert (service.data_dir / "reports.index").exists()
    assert not [name for name in os.listdir(service.data_dir) if name.endswith(".tmp")]
