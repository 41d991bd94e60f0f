"""How long one full ``POST /v1/reports`` takes on one core with 10,000 reports stored.

Run: ``python -m evaluation.benchmarks.post_latency``. The service runs pinned to one core in a process of its own;
the client sends one written report after the other, each of about 300 characters, over one connection.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from knowledge_base.storage.database import open_database
from knowledge_base.storage.records import NewAnswer
from knowledge_base.storage.reports import store_report
from models.bundle import DEFAULT_BUNDLE, load_bundle
from models.contract import Report
from models.predictor import OnnxPredictor

SAMPLES = Path(__file__).parents[2] / "serving" / "samples" / "sample_reports.jsonl"
CHARACTERS = 300
WARM_UP = 20


def sample_texts() -> list[str]:
    """Return the bundled sample reports' texts."""
    return [json.loads(line)["text"] for line in SAMPLES.read_text(encoding="utf-8").splitlines()]


def mixed_text(order: random.Random, texts: list[str]) -> str:
    """Return about 300 characters made of sentences of several samples, so that no two are equal."""
    sentences = [part for text in order.sample(texts, 6) for part in text.split("。") if part]
    order.shuffle(sentences)
    return "。".join(sentences)[:CHARACTERS - 6] + f"第{order.randrange(10**5)}次"


def fill(data_dir: Path, count: int, bundle_folder: Path) -> None:
    """Store reports whose embeddings scatter around those of the samples."""
    bundle = load_bundle(bundle_folder)
    texts, noise = sample_texts(), np.random.default_rng(1)
    centres = OnnxPredictor(bundle, threads=2).embed(texts)
    order = random.Random(1)  # noqa: S311
    database = open_database(data_dir / "fenzhuan.db")
    for number in range(count):
        vector = centres[number % len(texts)] + noise.normal(0, 0.05, bundle.embedding_size).astype(np.float32)
        answer = NewAnswer(
            report=Report(text=mixed_text(order, texts), id=f"FILL-{number}"), content_hash=str(number),
            embedding=vector / np.linalg.norm(vector), embedding_space=bundle.model_sha256, places=("枫林路",),
            bundle=bundle.version, knowledge_base="", kind="投诉", category="HJ01", urgency=3, lead="CGJ",
            verifiability=1, route="review", certainty=0.5, duplicate_of=None)
        store_report(database, answer, lambda _event: "{}")
    database.close()


@contextmanager
def served(data_dir: Path, bundle: Path, core: int) -> Iterator[int]:
    """Run the service pinned to one core; yield its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "serving", "serve", "--port", str(port), "--data-dir", str(data_dir),
               "--bundle", str(bundle)]
    with subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"},  # noqa: S603
                          stderr=subprocess.DEVNULL) as child:
        os.sched_setaffinity(child.pid, {core})
        try:
            _wait_until_ready(port)
            yield port
        finally:
            child.terminate()


def _wait_until_ready(port: int) -> None:
    for _ in range(600):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not become ready in a minute")


def measure(port: int, requests: int) -> list[float]:
    """Return milliseconds of each request after the warm-up."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    order, texts, times = random.Random(2), sample_texts(), []  # noqa: S311
    for number in range(WARM_UP + requests):
        body = json.dumps({"id": f"BENCH-{number}", "title": "", "text": mixed_text(order, texts),
                           "received_at": "2026-05-06T09:30:00+08:00", "channel": "web"})
        started = time.perf_counter()
        connection.request("POST", "/v1/reports", body.encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise SystemExit(f"status {response.status}: {content[:200]!r}")
        times.append((time.perf_counter() - started) * 1000)
    return times[WARM_UP:]


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stored", type=int, default=10_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), arguments.stored, arguments.bundle)
        with served(Path(folder), arguments.bundle, core=1) as port:
            times = measure(port, arguments.requests)
    cuts = statistics.quantiles(times, n=100)
    sys.stdout.write(json.dumps({"stored": arguments.stored, "requests": len(times), "characters": CHARACTERS,
                                 "median_ms": round(cuts[49], 1), "p90_ms": round(cuts[89], 1),
                                 "p99_ms": round(cuts[98], 1)}) + "\n")


if __name__ == "__main__":
    main()
