"""The model bundle on disk: files, hashes, labels and fitted constants, checked on load."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORMAT = 1
HASHED_FILES = ("model.onnx", "tokenizer.json")
DEFAULT_BUNDLE = Path(__file__).parent / "artifacts" / "default"


class ModelError(Exception):
    """Base of the errors that this package raises."""


class BundleError(ModelError):
    """A bundle that must not be served: says what was found, what was expected, what to do."""


@dataclass(frozen=True, slots=True)
class DecisionThresholds:
    """Lowest confidences at which a case is decided alone, for one error budget.

    From the probability ``urgent`` of levels 1 and 2 on, a person looks first.
    """

    error_budget: float
    category: float
    lead: float
    urgent: float = 0.5


@dataclass(frozen=True, slots=True)
class Bundle:
    """A loaded bundle; ``fitted`` holds the constants of later stages by stage name."""

    folder: Path
    version: str
    sha256: str
    model_sha256: str
    category_labels: tuple[str, ...]
    department_labels: tuple[str, ...]
    embedding_size: int
    max_tokens: int
    temperatures: dict[str, float]
    prediction_set_threshold: float
    urgency_cuts: tuple[float, ...]
    decision: DecisionThresholds
    ngrams: tuple[str, ...]
    ngram_idf: tuple[float, ...]
    ngram_salience: tuple[float, ...]
    fitted: dict[str, Any]
    metrics: dict[str, Any]


def file_sha256(path: Path) -> str:
    """Return the hexadecimal SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "bundle.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BundleError(f"no readable bundle.json in {folder.name!r} ({error.strerror}); "
                          "expected model.onnx, tokenizer.json, bundle.json: run `fenzhuan export`") from error
    except ValueError as error:
        raise BundleError(f"bundle.json of {folder.name!r} is not valid JSON ({error}); export it again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"bundle.json of {folder.name!r} has another format; this version reads format {FORMAT}")
    return manifest


def _check_hashes(folder: Path, expected: dict[str, str]) -> None:
    for name in HASHED_FILES:
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{name} is missing from bundle {folder.name!r}; export it again or restore the file")
        found = file_sha256(path)
        if found != expected.get(name):
            raise BundleError(f"{name} of bundle {folder.name!r} has SHA-256 {found[:12]}…, expected "
                              f"{str(expected.get(name))[:12]}…: the file was changed; restore or export it again")


def _read_ngrams(rows: str) -> dict[str, Any]:
    """Read the wide part's vocabulary: one line an n-gram, its IDF and its salience, tab-separated."""
    fields = [line.split("\t") for line in rows.split("\n")] if rows else []
    return {"ngrams": tuple(ngram for ngram, _, _ in fields),
            "ngram_idf": tuple(float(idf) for _, idf, _ in fields),
            "ngram_salience": tuple(float(salience) for _, _, salience in fields)}


def _labels(codes: object) -> tuple[str, ...]:
    if not isinstance(codes, list) or not codes or not all(isinstance(code, str) for code in codes):
        raise TypeError("labels: expected a list of codes")
    if len(set(codes)) != len(codes):
        raise ValueError("labels: expected different codes")
    return tuple(codes)


def _number(value: Any, above: float = -math.inf) -> float:  # noqa: ANN401
    number = float(value)
    if not math.isfinite(number) or number <= above:
        raise ValueError(f"expected a number above {above}, found {number}")
    return number


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check its hashes.

    Raises:
        BundleError: a file is missing, unreadable, changed, or of another format.
    """
    manifest = _read_manifest(folder)
    try:
        _check_hashes(folder, manifest["files"])
        decision = DecisionThresholds(**{name: _number(value) for name, value in manifest["decision"].items()})
        return Bundle(
            folder=folder, version=str(manifest["version"]), sha256=file_sha256(folder / "bundle.json"),
            model_sha256=str(manifest["files"]["model.onnx"]),
            category_labels=_labels(manifest["labels"]["category"]),
            department_labels=_labels(manifest["labels"]["lead"]),
            embedding_size=int(_number(manifest["embedding_size"], 0)),
            max_tokens=int(_number(manifest["max_tokens"], 0)),
            temperatures={head: _number(value, 0) for head, value in manifest["temperatures"].items()},
            prediction_set_threshold=_number(manifest["prediction_set_threshold"]),
            urgency_cuts=tuple(float(cut) for cut in manifest["urgency_cuts"]), decision=decision,
            **_read_ngrams(manifest["ngrams"]),
            fitted=dict(manifest["fitted"]), metrics=dict(manifest["metrics"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(f"bundle.json of {folder.name!r} lacks or misstates a field ({error!r}); "
                          "export it again") from error
