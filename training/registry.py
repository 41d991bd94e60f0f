"""The model registry: which version is champion, how a challenger takes over, and how that is taken back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation.gates import Cost, Judgement, first_champion, judge
from evaluation.latency import median_latencies
from evaluation.outcomes import OUTCOMES_FILE, Outcome, paired, read_outcomes
from models.bundle import load_bundle
from models.contract import Report
from models.predictor import OnnxPredictor
from training.errors import TrainingError
from training.model_logging import MODEL_NAME
from training.served_model import BUNDLE_FOLDER
from training.sources import read_written

CHAMPION = "champion"
HISTORY_TAG = "earlier_champions"
TIMED_REPORTS = 24


class RegistryError(TrainingError):
    """What the registry or a run lacks: says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version of the model and the run that logged it."""

    number: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Promotion:
    """What came of putting a challenger to the gates."""

    challenger: Version
    champion: Version | None
    judgement: Judgement


class Registry:
    """The versions of ``fenzhuan`` in the MLflow store in use."""

    def __init__(self, mlflow: Any) -> None:  # noqa: ANN401
        self._mlflow = mlflow
        self._client = mlflow.MlflowClient()

    def find_run(self, name: str) -> str:
        """Return the id of the run with this id or name; of several with the same name the latest.

        Raises:
            RegistryError: there is none.
        """
        try:
            return str(self._client.get_run(name).info.run_id)
        except self._mlflow.exceptions.MlflowException:
            pass
        found = self._mlflow.search_runs(
            search_all_experiments=True, filter_string=f"attributes.run_name = '{name.replace(chr(39), '')}'",
            order_by=["attributes.start_time DESC"], max_results=1, output_format="list")
        if not found:
            raise RegistryError(f"no run has the id or name {name!r}; see `mlflow runs search --experiment-id …`, or "
                                "set MLFLOW_TRACKING_URI to the store that holds it")
        return str(found[0].info.run_id)

    def outcomes(self, run_id: str) -> list[Outcome]:
        """Return what the run's bundle said of the held-out rows.

        Raises:
            RegistryError: the run was not evaluated.
        """
        try:
            path = self._mlflow.artifacts.download_artifacts(
                run_id=run_id, artifact_path=f"evaluation/{OUTCOMES_FILE}")
        except (self._mlflow.exceptions.MlflowException, OSError) as error:
            raise RegistryError(f"run {run_id} holds no evaluation; run `fenzhuan export` or `fenzhuan evaluate` "
                                "for it") from error
        return read_outcomes(Path(path))

    def version_of(self, run_id: str) -> Version:
        """Return the version that a run registered, the latest of several.

        Raises:
            RegistryError: it registered none.
        """
        found = self._client.search_model_versions(f"name = '{MODEL_NAME}' and run_id = '{run_id}'")
        if not found:
            raise RegistryError(f"run {run_id} registered no version of {MODEL_NAME!r}; run `fenzhuan export` for it")
        return Version(max((str(one.version) for one in found), key=int), run_id)

    def champion(self) -> Version | None:
        """Return the version in charge, or none."""
        try:
            found = self._client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
        except self._mlflow.exceptions.MlflowException:
            return None
        return Version(str(found.version), str(found.run_id))

    def promote(self, run_id: str) -> Promotion:
        """Put the run's version to the gates; make it champion when it passes; record the judgement either way.

        Raises:
            RegistryError, OutcomesError: the run or the champion lacks what the gates look at.
        """
        challenger, champion = self.version_of(run_id), self.champion()
        if champion is not None and champion.number == challenger.number:
            raise RegistryError(f"version {challenger.number} is the champion already")
        judgement = self._judge(challenger, champion)
        self._record(challenger, champion, judgement)
        if judgement.promoted:
            if champion is not None:
                self._write_history([*self.history(), champion.number])
            self._client.set_registered_model_alias(MODEL_NAME, CHAMPION, challenger.number)
        return Promotion(challenger, champion, judgement)

    def rollback(self) -> tuple[str, str]:
        """Give the place back to the champion before; return the numbers of the one that left and the one in charge.

        Raises:
            RegistryError: there is no champion, or none before it.
        """
        champion, history = self.champion(), self.history()
        if champion is None:
            raise RegistryError("there is no champion; `fenzhuan promote --run RUN` makes one")
        if not history:
            raise RegistryError(f"version {champion.number} is the first champion; there is none to go back to")
        self._client.set_registered_model_alias(MODEL_NAME, CHAMPION, history[-1])
        self._write_history(history[:-1])
        self._client.set_model_version_tag(MODEL_NAME, champion.number, "rolled_back", _now())
        return champion.number, history[-1]

    def history(self) -> list[str]:
        """Return the numbers of earlier champions, the last one at the end."""
        stored = self._client.get_registered_model(MODEL_NAME).tags.get(HISTORY_TAG, "[]")
        return [str(number) for number in json.loads(stored)]

    def _write_history(self, numbers: Sequence[str]) -> None:
        self._client.set_registered_model_tag(MODEL_NAME, HISTORY_TAG, json.dumps(list(numbers)))

    def _judge(self, challenger: Version, champion: Version | None) -> Judgement:
        if champion is None:
            return first_champion(self._costs([self._bundle(challenger)])[0])
        pairs = paired(self.outcomes(champion.run_id), self.outcomes(challenger.run_id))
        return judge(pairs, *self._costs([self._bundle(champion), self._bundle(challenger)]))

    def _bundle(self, version: Version) -> Path:
        folder = Path(self._mlflow.artifacts.download_artifacts(f"models:/{MODEL_NAME}/{version.number}"))
        found = next(folder.glob(f"data/*/{BUNDLE_FOLDER}"), None)
        if found is None:
            raise RegistryError(f"version {version.number} holds no bundle; export its run again")
        return found

    def _costs(self, bundles: Sequence[Path]) -> list[Cost]:
        """Time the bundles by turns on the project's own written reports, and weigh their files."""
        reports = [Report(text=row.text, title=row.title) for row in read_written()[:TIMED_REPORTS]]
        times = median_latencies([OnnxPredictor(load_bundle(bundle)) for bundle in bundles], reports)
        return [Cost(sum(path.stat().st_size for path in bundle.iterdir()), milliseconds)
                for bundle, milliseconds in zip(bundles, times, strict=True)]

    def _record(self, challenger: Version, champion: Version | None, judgement: Judgement) -> None:
        """Write the judgement to the challenger's version and run."""
        content = {"time": _now(), "champion": champion.number if champion else None,
                   "challenger": challenger.number, "promoted": judgement.promoted,
                   "reasons": list(judgement.reasons), "gates": [str(gate) for gate in judgement.gates]}
        self._client.log_dict(challenger.run_id, content, f"promotion/{content['time']}.json")
        self._client.set_model_version_tag(MODEL_NAME, challenger.number, "promotion",
                                           "promoted" if judgement.promoted else "refused")
        self._client.set_model_version_tag(MODEL_NAME, challenger.number, "promotion_reasons",
                                           "; ".join(judgement.reasons)[:4000] or "all gates passed")
        if champion is not None:
            self._client.set_model_version_tag(MODEL_NAME, champion.number, "last_challenger", challenger.number)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
