"""The demonstration as a process: table, second run, busy port, dying child, a clean end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from serving.child_service import ChildService, ServiceError, check_port_free, free_port

ROOT = Path(__file__).parents[2]
DEMO = """
import sys
from pathlib import Path
from serving.demo import Demo, heed_signals, run_demo
heed_signals()
data, port, samples, once, service = sys.argv[1:]
command = (sys.executable, "-c", service, port, data)
sys.exit(run_demo(Demo(command, "127.0.0.1", int(port), Path(data) / "serve.log", Path(samples), once=once == "1")))
"""
SERVICE = """
import sys
from pathlib import Path
from serving.cli import run_server
from serving.core import CoreBuilder
from serving.settings import Settings
from tests.conftest import dummy_network
run_server(Settings(port=int(sys.argv[1]), data_dir=Path(sys.argv[2])), CoreBuilder(network=dummy_network))
"""
GRILL = "幸福小区3栋楼下烧烤店每天晚上油烟扰民，已经三个月了，有照片。"
SAMPLES = [{"id": "D-1", "title": "油烟", "text": GRILL}, {"id": "D-2", "title": "油烟", "text": GRILL + "求处理"},
           {"id": "D-3", "text": "secret words 路灯坏了"}]


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(sample, ensure_ascii=False) + "\n" for sample in SAMPLES), encoding="utf-8")
    return path


def arguments(tmp_path: Path, samples: Path, port: int, once: str = "1", service: str = SERVICE) -> list[str]:
    return [sys.executable, "-c", DEMO, str(tmp_path / "var"), str(port), str(samples), once, service]


def run(tmp_path: Path, samples: Path, port: int, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments(tmp_path, samples, port, **given), cwd=ROOT, capture_output=True, text=True,
                          timeout=120, check=False)


def table(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("D-")]


def test_two_runs_answer_alike(tmp_path: Path, samples: Path) -> None:
    port = free_port("127.0.0.1")
    first = run(tmp_path, samples, port)
    assert first.returncode == 0, first.stderr
    assert len(table(first.stdout)) == 3
    assert "D-1（" in table(first.stdout)[1], "the repeat is not named"
    assert "共 3 件" in first.stdout
    assert f"http://127.0.0.1:{port}/review" in first.stdout
    second = run(tmp_path, samples, port)
    assert second.returncode == 0, second.stderr
    assert table(second.stdout) == table(first.stdout)
    samples.write_text(json.dumps({"id": "D-1", "text": "别的内容"}), encoding="utf-8")
    third = run(tmp_path, samples, port)
    assert third.returncode == 1
    assert "编号已用于其他内容" in third.stdout
    assert "secret words" not in (tmp_path / "var" / "serve.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_until_told_and_takes_the_service_along(tmp_path: Path, samples: Path,
                                                         ending: signal.Signals) -> None:
    port = free_port("127.0.0.1")
    running = subprocess.Popen(arguments(tmp_path, samples, port, once="0"), cwd=ROOT, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    assert running.stderr is not None
    while "Ctrl-C" not in (line := running.stderr.readline()):
        assert line, "it ended by itself"
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/review")
    assert connection.getresponse().status == 200
    connection.close()
    running.send_signal(ending)
    output, messages = running.communicate(timeout=60)
    assert running.returncode == 0
    assert len(table(output)) == 3
    assert "已结束" in messages
    check_port_free("127.0.0.1", port)
    assert "Application shutdown complete" in (tmp_path / "var" / "serve.log").read_text(encoding="utf-8")


def test_busy_port_is_named_and_nothing_is_started(tmp_path: Path, samples: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        result = run(tmp_path, samples, port)
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "FENZHUAN_PORT=" in result.stderr
    assert not (tmp_path / "var").exists()


def test_service_that_dies_at_start_is_reported_with_its_last_words(tmp_path: Path, samples: Path) -> None:
    result = run(tmp_path, samples, free_port("127.0.0.1"), service="import sys; sys.exit('no bundle here')")
    assert result.returncode == 1
    assert "退出码 1" in result.stderr
    assert "no bundle here" in result.stderr
    assert result.stdout == ""


def test_missing_samples_are_named(tmp_path: Path) -> None:
    result = run(tmp_path, tmp_path / "none.jsonl", free_port("127.0.0.1"))
    assert result.returncode == 1
    assert "none.jsonl" in result.stderr


def test_service_that_never_gets_ready_is_given_up_and_ended(tmp_path: Path) -> None:
    sleeping = (sys.executable, "-c", "import time; time.sleep(600)")
    with ChildService(sleeping, "127.0.0.1", free_port("127.0.0.1"), tmp_path / "log") as service:
        with pytest.raises(ServiceError, match="未就绪"):
            service.wait_until_ready(0.5, lambda _line: None)
        pid = service.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_service_that_dies_later_ends_the_demonstration(tmp_path: Path, samples: Path) -> None:
    timer = "import threading, os\nthreading.Timer(8, lambda: os._exit(7)).start()\n"
    dying = SERVICE.replace("run_server(", timer + "run_server(")
    started = time.monotonic()
    result = run(tmp_path, samples, free_port("127.0.0.1"), once="0", service=dying)
    assert result.returncode == 1
    assert "退出码 7" in result.stderr
    assert time.monotonic() - started < 60
