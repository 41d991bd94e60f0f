"""Logging a training run to MLflow where it is installed; to standard error always."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training.encoder_stage import log_to_stderr

DEFAULT_TRACKING = "sqlite:///mlflow.db"


class Tracker:
    """Writes parameters, metrics and artifacts of one run."""

    def __init__(self, mlflow: Any) -> None:  # noqa: ANN401
        self._mlflow = mlflow

    def metric(self, name: str, value: float, step: int) -> None:
        """Log a metric."""
        log_to_stderr(name, value, step)
        if self._mlflow:
            self._mlflow.log_metric(name, value, step=step)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Log parameters."""
        if self._mlflow:
            self._mlflow.log_params(dict(values))

    def report(self, report: Mapping[str, Any], folder: Path) -> None:
        """Log every figure of an evaluation report, and its files."""
        if not self._mlflow:
            return
        for section, figures in report.items():
            if isinstance(figures, Mapping) and section != "per_category":
                self._mlflow.log_metrics({f"{section}.{name}": one["value"] for name, one in figures.items()
                                          if one["value"] == one["value"]})
        self._mlflow.log_artifacts(str(folder), "evaluation")


@contextmanager
def tracked_run(name: str) -> Iterator[Tracker]:
    """Open an MLflow run (``MLFLOW_TRACKING_URI``, else a SQLite file here), or none where it is not installed."""
    if importlib.util.find_spec("mlflow") is None:
        yield Tracker(None)
        return
    import mlflow

    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", DEFAULT_TRACKING))
    if "MLFLOW_RUN_ID" not in os.environ:
        mlflow.set_experiment("fenzhuan")
    with mlflow.start_run(run_name=name):
        yield Tracker(mlflow)
