"""A training repeats itself with the same seed, and one that is killed amid an epoch goes on where it was."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

torch = pytest.importorskip("torch")

from serving.cli import main  # noqa: E402
from tests.tiny_training import (  # noqa: E402
    BATCH,
    DEV,
    EPOCHS,
    MESSAGES,
    SAVE_EVERY,
    STEPS,
    only_these,
    train_tiny,
    write_messages,
)

ROOT = Path(__file__).parents[2]
TOLERANCE = 1e-6
"""What docs/training.md states for one machine, one build of torch and one number of threads."""
KILLED_AFTER = STEPS // 2 + 1

Metrics = list[tuple[str, int, float]]
Weights = dict[str, "torch.Tensor"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("messages")
    write_messages(data)
    return data


def train(data: Path, run: Path, seed: int = 1) -> tuple[Weights, Metrics]:
    metrics: Metrics = []
    weights = train_tiny(data, run, lambda name, value, step: metrics.append((name, step, value)), seed)
    return weights, metrics


@pytest.fixture(scope="module")
def uninterrupted(messages: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Weights, Metrics]:
    return train(messages, tmp_path_factory.mktemp("whole"))


def greatest_difference(one: Weights, other: Weights) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name].float() - other[name].float()).abs().max()) for name in one)


def test_the_same_seed_gives_the_same_model(messages: Path, uninterrupted: tuple[Weights, Metrics],
                                            tmp_path: Path) -> None:
    weights, metrics = train(messages, tmp_path / "again")
    assert greatest_difference(weights, uninterrupted[0]) <= TOLERANCE
    assert [(name, step) for name, step, _ in metrics] == [(name, step) for name, step, _ in uninterrupted[1]]
    for (name, _, value), (_, _, before) in zip(metrics, uninterrupted[1], strict=True):
        assert name == "epoch_seconds" or value == pytest.approx(before, abs=TOLERANCE)
    other, _ = train(messages, tmp_path / "other", seed=2)
    assert greatest_difference(other, uninterrupted[0]) > 100 * TOLERANCE


def test_killed_amid_an_epoch_it_goes_on(messages: Path, uninterrupted: tuple[Weights, Metrics],
                                         tmp_path: Path) -> None:
    run = tmp_path / "killed"
    assert KILLED_AFTER % (STEPS // EPOCHS) not in (0, STEPS // EPOCHS - 1), "the kill must fall amid an epoch"
    done = subprocess.run([sys.executable, "-m", "tests.tiny_training", str(messages), str(run), str(KILLED_AFTER)],
                          cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == -9, done.stderr[-2000:]
    saved = torch.load(run / "checkpoint.pt", weights_only=True)
    assert saved["step"] == KILLED_AFTER // SAVE_EVERY * SAVE_EVERY
    assert not (run / "encoder.pt").exists()
    weights, metrics = train(messages, run)
    assert [step for name, step, _ in metrics if name == "epoch_seconds"] == [
        step for name, step, _ in uninterrupted[1] if name == "epoch_seconds" and step > saved["step"]]
    assert greatest_difference(weights, uninterrupted[0]) <= TOLERANCE


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def command(data: Path, run: Path, *more: str) -> Result:
    words = ["train", "--data", str(data), "--run", str(run), "--layers", "2", "--epochs", "1", "--most-rows",
             str(MESSAGES - DEV), "--set", f"batch={BATCH}", "--set", "max_tokens=48", *more]
    with only_these(data):
        return CliRunner().invoke(main, words)


def test_the_command_refuses_bad_rows_or_trains_without_them(store: str, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow")
    data, run = tmp_path / "messages", tmp_path / "runs" / "mine"
    write_messages(data)
    lines = (data / "annotated.jsonl").read_text(encoding="utf-8").splitlines()
    lines[40] = lines[40].replace('"lead": "', '"lead": "QQ')
    (data / "annotated.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    refused = command(data, run)
    assert refused.exit_code == 1
    assert "annotated.jsonl:41: unknown lead 'QQ" in refused.stderr
    assert not (run / "encoder.pt").exists()

    quarantine = tmp_path / "bad.json"
    with only_these(data):
        CliRunner().invoke(main, ["data", "check", "--data", str(data), "--quarantine", str(quarantine)])
    trained = command(data, run, "--quarantine", str(quarantine))
    assert trained.exit_code == 0, trained.output
    assert (run / "encoder.pt").is_file()
    assert (run / "wide.npz").is_file()
    mlflow.set_tracking_uri(store)
    found = mlflow.search_runs(search_all_experiments=True, output_format="list",
                               filter_string="attributes.run_name = 'mine' and attributes.status = 'FINISHED'")
    assert len(found) == 1
    logged = found[0].data
    assert logged.params["quarantined_rows"] == "1"
    assert (logged.params["batch"], logged.params["layers"], logged.params["epochs"]) == (str(BATCH), "2", "1")
    assert len(logged.params["data_sha256"]) == 64
    assert "epoch_seconds" in logged.metrics
    packages = mlflow.artifacts.load_text(f"runs:/{found[0].info.run_id}/environment/packages.txt")
    assert f"torch=={torch.__version__}" in packages
    assert str(tmp_path) not in packages + mlflow.artifacts.load_text(
        f"runs:/{found[0].info.run_id}/environment/machine.txt")
    hashes = json.loads(mlflow.artifacts.load_text(f"runs:/{found[0].info.run_id}/data_sha256.json"))
    assert set(hashes) == {f"{name}.jsonl" for name in ("annotated", "unlabelled", "xinfang7", "replies",
                                                       "duplicate_pairs")}
    again = command(data, run, "--quarantine", str(quarantine))
    assert again.exit_code == 0, again.output
    assert len(mlflow.search_runs(search_all_experiments=True, output_format="list",
                                  filter_string="attributes.run_name = 'mine'")) == 2, "same settings, same run"
