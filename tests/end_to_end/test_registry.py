"""Runs, registry, promotion and sweeps in a real MLflow store, with tiny bundles in place of trained ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("torch")

from evaluation import metrics  # noqa: E402
from evaluation.outcomes import OUTCOMES_FILE, Outcome, write_outcomes  # noqa: E402
from knowledge_base.loading import DEFAULT_FOLDER  # noqa: E402
from tests.tiny_training import write_messages  # noqa: E402
from tests.unit.tiny_bundle import make_tiny_model  # noqa: E402
from training import registry as registry_module  # noqa: E402
from training.encoder_stage import EncoderSettings  # noqa: E402
from training.model_logging import CHALLENGER, MODEL_NAME, log_models  # noqa: E402
from training.registry import Registry, RegistryError  # noqa: E402
from training.registry_commands import compare, promote, rollback  # noqa: E402
from training.settings_from import parse_grid  # noqa: E402
from training.stages import Folders  # noqa: E402
from training.sweep import TABLE_FILE, SweepError, run_sweep  # noqa: E402
from training.tracking import Tracker, open_mlflow, tracked_run  # noqa: E402

ROOT = Path(__file__).parents[2]
CODES = {"first_level": ("HJ", "GY"), "category": ("HJ01", "GY01"), "kind": ("投诉", "咨询"), "urgency": ("2", "3"),
         "urgency_probable": ("2", "3"), "lead": ("CGJ", "GSGS"), "xinfang": ("环境保护", "城乡建设")}
ROWS = 200


def outcomes(right: float, seed: int) -> list[Outcome]:
    found = []
    for head, codes in CODES.items():
        random = np.random.default_rng(seed)
        for row in range(ROWS):
            truth = codes[row % 2]
            predicted = truth if random.random() < right else codes[(row + 1) % 2]
            found.append(Outcome(head, f"m{row}", f"g{row}", 120, truth, predicted, right))
    return found


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as made:
        yield made


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, patch: pytest.MonkeyPatch) -> Path:
    """A folder with an empty store, which is also where commands run."""
    folder = tmp_path_factory.mktemp("store")
    patch.chdir(folder)
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    patch.delenv("MLFLOW_RUN_ID", raising=False)
    patch.setattr(metrics, "RESAMPLES", 200)
    patch.setattr(registry_module, "median_latencies", lambda predictors, reports: [10.0 for _ in predictors])
    return folder


def log_run(store: Path, bundle: Path, name: str, right: float, seed: int) -> str:
    report = store / f"report-{name}"
    write_outcomes(report / OUTCOMES_FILE, outcomes(right, seed))
    heads = {"kind_accuracy": {"value": right, "low": 0, "high": 1, "rows": 3},
             "undefined": {"value": float("nan"), "low": 0, "high": 1, "rows": 0}}
    figures = {"bundle": name, "rows": ROWS, "heads": heads}
    with tracked_run(name) as tracker:
        tracker.report(figures, report)
        log_models(open_mlflow(), bundle, DEFAULT_FOLDER, store / "no-vectors.npz")
        assert tracker.run_id is not None
        return tracker.run_id


@pytest.fixture(scope="module")
def runs(store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Three evaluated and registered runs: a first one, a worse one, a better one."""
    bundle = make_tiny_model(tmp_path_factory.mktemp("tiny")).bundle
    return {name: log_run(store, bundle, name, right, seed)
            for name, right, seed in (("first", 0.8, 1), ("worse", 0.6, 2), ("better", 0.97, 3))}


def champion() -> str:
    return str(mlflow.MlflowClient().get_model_version_by_alias(MODEL_NAME, "champion").version)


def test_a_run_holds_its_figures_and_both_models(runs: dict[str, str]) -> None:
    run = mlflow.get_run(runs["first"])
    assert run.data.metrics == {"heads.kind_accuracy": 0.8}
    logged = {one.name for one in mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], filter_string=f"source_run_id = '{runs['first']}'",
        output_format="list")}
    assert logged == {"onnx", "model"}
    challenger = mlflow.MlflowClient().get_model_version_by_alias(MODEL_NAME, CHALLENGER)
    assert (str(challenger.version), challenger.run_id) == ("3", runs["better"])


PREDICT = """
import json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "transformers", "datasets", "sklearn", "onnx"}:
            raise ImportError(f"{name} is not there")
sys.meta_path.insert(0, Refuse())
import mlflow, pandas
model = mlflow.pyfunc.load_model("models:/fenzhuan/1")
rows = [{"title": "油烟", "text": "楼下烧烤店油烟很大"}, {"title": None, "text": "停水三天"}]
answers = model.predict(pandas.DataFrame(rows))
refused = []
for row in ({"title": "油烟机密", "text": " "}, {"title": "油烟机密"}, {"text": "油烟机密" * 6000}):
    try:
        model.predict(pandas.DataFrame([row]))
    except Exception as error:
        refused.append(str(error))
print(json.dumps({"answers": answers, "refused": refused, "from": sys.modules["training.served_model"].__file__}))
"""


def test_the_model_answers_without_torch_and_from_its_own_files(runs: dict[str, str], store: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PREDICT], cwd=store, capture_output=True, text=True, check=False,
                          timeout=180)
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert [set(answer) for answer in said["answers"]] == 2 * [
        {"kind", "kind_probability", "category", "category_probability", "urgency", "urgency_probability", "lead",
         "lead_probability"}]
    for answer in said["answers"]:
        assert answer["category"] in {"CG05", "GY01", "HJ01", "HJ03", "LS01"}
        assert answer["urgency"] in {1, 2, 3, 4}
        assert all(0 <= answer[f"{name}_probability"] <= 1 for name in ("kind", "category", "urgency", "lead"))
    assert len(said["refused"]) == 3
    assert "row 1 has no text" in said["refused"][0]
    assert not any("油烟机密" in reason for reason in said["refused"]), "a refusal must not quote a report"
    assert not Path(said["from"]).is_relative_to(ROOT)


def test_promotion_and_rollback(runs: dict[str, str]) -> None:
    registry = Registry(open_mlflow())
    assert registry.champion() is None
    with pytest.raises(RegistryError, match="there is no champion"):
        registry.rollback()
    first = CliRunner().invoke(promote, ["--run", "first"])
    assert (first.exit_code, champion()) == (0, "1"), first.output
    refused = CliRunner().invoke(promote, ["--run", runs["worse"]])
    assert (refused.exit_code, champion()) == (1, "1")
    assert "version 2 was not promoted; version 1 stays champion" in refused.stderr
    assert "second_level_accuracy: 0.8" in refused.stderr
    assert "FAIL  lead_accuracy" in refused.stdout
    recorded = mlflow.MlflowClient().get_model_version(MODEL_NAME, "2").tags
    assert recorded["promotion"] == "refused"
    assert "lead_accuracy" in recorded["promotion_reasons"]
    assert mlflow.MlflowClient().list_artifacts(runs["worse"], "promotion")
    with pytest.raises(RegistryError, match="is the champion already"):
        registry.promote(runs["first"])
    taken = CliRunner().invoke(promote, ["--run", "better"])
    assert (taken.exit_code, champion()) == (0, "3"), taken.output
    assert registry.history() == ["1"]
    back = CliRunner().invoke(rollback)
    assert (back.exit_code, champion()) == (0, "1")
    assert "version 1 is champion again; version 3 left" in back.stderr
    again = CliRunner().invoke(rollback)
    assert again.exit_code == 1
    assert "there is none to go back to" in again.stderr


def test_runs_are_compared_by_name_or_id(runs: dict[str, str]) -> None:
    found = CliRunner().invoke(compare, ["worse", runs["better"], "--classes", "kind"])
    assert found.exit_code == 0, found.output
    line = next(line for line in found.stdout.splitlines() if line.startswith("lead_accuracy"))
    assert line.endswith("better")
    assert "F1 by kind" in found.stdout
    unknown = CliRunner().invoke(compare, ["worse", "none'such"])
    assert unknown.exit_code == 1
    assert "no run has the id or name" in unknown.stderr


def test_a_run_without_evaluation_or_model_is_refused(runs: dict[str, str]) -> None:
    with tracked_run("bare") as tracker:
        tracker.parameters({"epochs": 1})
        tracker.parameters({"epochs": 2, "batch": 3})
        assert tracker.run_id is not None
    registry = Registry(open_mlflow())
    assert mlflow.get_run(tracker.run_id).data.params == {"epochs": "1", "batch": "3"}
    with pytest.raises(RegistryError, match="holds no evaluation"):
        registry.outcomes(tracker.run_id)
    with pytest.raises(RegistryError, match="registered no version"):
        registry.promote(tracker.run_id)


def test_a_stopped_run_goes_on_under_its_id(store: Path) -> None:
    with tracked_run("stopped") as tracker:
        first = tracker.run_id
    with tracked_run("stopped", first) as tracker:
        assert tracker.run_id == first
        for step, loss in ((50, 2.0), (100, 1.0)):
            tracker.metric("train_loss", loss, step)
        tracker.metric("epoch_seconds", 3.0, 120)
    assert mlflow.get_run(first).data.metrics == {"train_loss": 1.0, "epoch_seconds": 3.0, "epoch_train_loss": 1.5}
    with tracked_run("stopped", "0" * 32) as tracker:
        assert tracker.run_id not in (first, "0" * 32)


def test_a_stopped_sweep_goes_on(store: Path, tmp_path: Path) -> None:
    write_messages(tmp_path / "messages")
    folders = Folders(tmp_path / "messages", DEFAULT_FOLDER, tmp_path / "sweep")
    grid, seen = parse_grid("learning_rate=1e-4,2e-4,3e-4"), list[float]()

    def measure(_folders: Folders, settings: EncoderSettings, _tracker: Tracker) -> Mapping[str, float]:
        if len(seen) == 2:
            seen.append(0.0)
            raise KeyboardInterrupt
        seen.append(settings.loop.learning_rate)
        return {"heads.second_level_accuracy": 0.7 if settings.loop.learning_rate == 2e-4 else 0.5}

    with pytest.raises(KeyboardInterrupt):
        run_sweep(folders, EncoderSettings(), grid, measure)
    trials = run_sweep(folders, EncoderSettings(), grid, measure)
    assert seen == [1e-4, 2e-4, 0.0, 3e-4], "what was measured is not measured again"
    parents: list[Any] = mlflow.search_runs(search_all_experiments=True, output_format="list",
                                            filter_string="attributes.run_name = 'sweep-sweep'")
    assert len(parents) == 1
    children = mlflow.search_runs(search_all_experiments=True, output_format="list",
                                  filter_string=f"tags.`mlflow.parentRunId` = '{parents[0].info.run_id}'")
    assert sorted(float(child.data.params["learning_rate"]) for child in children
                  if child.info.status == "FINISHED") == [1e-4, 2e-4, 3e-4]
    assert parents[0].data.tags["best"] == "learning_rate-2e-4"
    table = mlflow.artifacts.load_text(f"runs:/{parents[0].info.run_id}/{TABLE_FILE}").splitlines()
    assert table[0].split("\t") == ["learning_rate", "heads.second_level_accuracy"]
    assert table[1].split("\t") == ["2e-4", "0.7000"]
    assert len(table) == len(trials) + 1 == 4
    with pytest.raises(SweepError, match="sweep with other settings"):
        run_sweep(folders, EncoderSettings(train_word_embeddings=True), grid, measure)
