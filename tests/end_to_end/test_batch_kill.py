"""A batch that is killed outright goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
COUNT = 120
BATCH = """
import sys, time
from models.dummy import DummyPredictor, dummy_bundle
from serving.batch_command import batch
from serving.core import CoreBuilder
pause = float(sys.argv.pop(1))
class Slow(DummyPredictor):
    def predict(self, reports):
        time.sleep(pause)
        return super().predict(reports)
def network(folder, knowledge_base):
    labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
    return dummy_bundle(*labels), Slow(*labels)
batch(obj=CoreBuilder(network=network))
"""


def command(pause: float, source: Path, out: Path) -> list[str]:
    return [sys.executable, "-c", BATCH, str(pause), str(source), str(out), "--batch-size", "2", "--workers", "1"]


def test_killed_batch_goes_on(tmp_path: Path) -> None:
    source, whole, out = tmp_path / "in.jsonl", tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    source.write_text("".join(json.dumps({"id": f"r{number}", "text": f"长安路{number}号的路灯坏了"}) + "\n"
                              for number in range(COUNT)), encoding="utf-8")
    subprocess.run(command(0.0, source, whole), cwd=ROOT, check=True, capture_output=True)
    partial = tmp_path / "out.jsonl.partial"
    running = subprocess.Popen(command(0.05, source, out), cwd=ROOT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not partial.exists() or partial.read_bytes().count(b"\n") < 20:
        assert running.poll() is None, "it ended before it was killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    assert not out.exists()
    again = subprocess.run(command(0.0, source, out), cwd=ROOT, check=True, capture_output=True, text=True)
    assert "of them by an earlier run" in again.stderr

    def answers(path: Path) -> list[dict[str, object]]:
        return [{**json.loads(line), "elapsed_ms": 0} for line in path.read_text(encoding="utf-8").splitlines()]

    assert answers(out) == answers(whole)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["in.jsonl", "out.jsonl", "whole.jsonl"]
