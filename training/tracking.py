"""Logging a run to MLflow where it is installed; to standard error always."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEFAULT_TRACKING = "sqlite:///mlflow.db"
EXPERIMENT = "fenzhuan"


class Tracker:
    """Writes parameters, metrics and artifacts of one run; ``run_id`` is none where MLflow is not installed."""

    def __init__(self, mlflow: Any, run_id: str | None = None) -> None:  # noqa: ANN401
        self._mlflow, self.run_id = mlflow, run_id
        self._losses: list[float] = []

    def metric(self, name: str, value: float, step: int) -> None:
        """Log a metric of training; at the end of an epoch also the epoch's mean loss."""
        from training.encoder_stage import log_to_stderr

        log_to_stderr(name, value, step)
        if not self._mlflow:
            return
        self._mlflow.log_metric(name, value, step=step)
        if name == "train_loss":
            self._losses.append(value)
        elif name == "epoch_seconds" and self._losses:
            self._mlflow.log_metric("epoch_train_loss", sum(self._losses) / len(self._losses), step=step)
            self._losses = []

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Log parameters; those that the run already has (from ``mlflow run``, or before it was stopped) stay."""
        if not self._mlflow:
            return
        known = self._mlflow.get_run(self.run_id).data.params
        self._mlflow.log_params({name: value for name, value in values.items() if name not in known})

    def tags(self, values: Mapping[str, str]) -> None:
        """Set tags."""
        if self._mlflow:
            self._mlflow.set_tags(dict(values))

    def text(self, content: str, name: str) -> None:
        """Log a text file."""
        if self._mlflow:
            self._mlflow.log_text(content, name)

    def report(self, report: Mapping[str, Any], folder: Path) -> None:
        """Log every figure of an evaluation report, and its files."""
        if not self._mlflow:
            return
        for section, figures in report.items():
            if isinstance(figures, Mapping) and section != "per_category":
                self._mlflow.log_metrics({f"{section}.{name}": one["value"] for name, one in figures.items()
                                          if one["value"] == one["value"]})
        self._mlflow.log_artifacts(str(folder), "evaluation")


def open_mlflow() -> Any:  # noqa: ANN401
    """Return MLflow with the store chosen (``MLFLOW_TRACKING_URI``, else a SQLite file here) and nothing sent home.

    Raises:
        ModuleNotFoundError: MLflow is not installed.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    import mlflow

    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_TRACKING))
    return mlflow


@contextmanager
def tracked_run(name: str, resumed: str | None = None, *, nested: bool = False) -> Iterator[Tracker]:
    """Open a run, or go on with the run ``resumed`` where the store still has it; no run without MLflow.

    Under ``mlflow run`` the run is the one that it started.
    """
    if importlib.util.find_spec("mlflow") is None:
        yield Tracker(None)
        return
    mlflow = open_mlflow()
    if nested:
        started = mlflow.start_run(run_name=name, nested=True,
                                   experiment_id=mlflow.active_run().info.experiment_id)
    elif given := os.environ.pop("MLFLOW_RUN_ID", None):  # else a nested run would take it for its own
        started = mlflow.start_run(run_id=given)
    else:
        mlflow.set_experiment(EXPERIMENT)
        run_id = resumed if resumed and _is_there(mlflow, resumed) else None
        started = mlflow.start_run(run_id=run_id, run_name=None if run_id else name)
    with started as run:
        yield Tracker(mlflow, run.info.run_id)


def _is_there(mlflow: Any, run_id: str) -> bool:  # noqa: ANN401
    try:
        return str(mlflow.get_run(run_id).info.lifecycle_stage) == "active"
    except mlflow.exceptions.MlflowException:
        return False
