"""A bundle is loaded whole, or refused with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.bundle import Bundle, BundleError, ModelError, file_sha256, load_bundle
from tests.unit.tiny_bundle import CATEGORIES, DEPARTMENTS, TinyModel


@pytest.fixture
def folder(tiny: TinyModel, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that a test may break."""
    return Path(shutil.copytree(tiny.bundle, tmp_path / "broken"))


def change(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    edit(manifest)
    (folder / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_a_whole_bundle_loads(tiny: TinyModel) -> None:
    bundle = load_bundle(tiny.bundle)
    assert isinstance(bundle, Bundle)
    assert (bundle.category_labels, bundle.department_labels) == (CATEGORIES, DEPARTMENTS)
    assert bundle.ngrams == tiny.ngrams
    assert bundle.ngram_idf == pytest.approx(tiny.idf.tolist(), abs=1e-4)
    assert (bundle.decision.error_budget, bundle.decision.category, bundle.decision.lead) == (0.05, 0.6, 0.7)
    assert bundle.temperatures == {"category": 1.5, "co": 2.0}
    assert bundle.sha256 == file_sha256(tiny.bundle / "bundle.json")
    assert bundle.model_sha256 == file_sha256(tiny.bundle / "model.onnx")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name} of bundle 'broken' has SHA-256 .*expected"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing from bundle 'broken'"):
        load_bundle(folder)


def test_no_manifest(folder: Path, tmp_path: Path) -> None:
    (folder / "bundle.json").unlink()
    with pytest.raises(BundleError, match=r"no readable bundle\.json in 'broken' \(No such file"):
        load_bundle(folder)
    with pytest.raises(BundleError, match="fenzhuan export"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe{}"])
def test_a_broken_manifest_is_no_json(folder: Path, content: bytes) -> None:
    (folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match="is not valid JSON"):
        load_bundle(folder)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 2}', '"format"'])
def test_another_format_is_refused(folder: Path, content: str) -> None:
    (folder / "bundle.json").write_text(content, encoding="utf-8")
    with pytest.raises(BundleError, match="another format; this version reads format 1"):
        load_bundle(folder)


@pytest.mark.parametrize("field", ["files", "labels", "decision", "version", "temperatures", "embedding_size",
                                   "max_tokens", "ngrams", "urgency_cuts", "prediction_set_threshold", "fitted",
                                   "metrics"])
def test_a_lacking_field_is_named(folder: Path, field: str) -> None:
    change(folder, lambda manifest: manifest.pop(field))
    with pytest.raises(BundleError, match=rf"lacks or misstates a field \(KeyError\('{field}'\)\)"):
        load_bundle(folder)


@pytest.mark.parametrize(("field", "value"), [
    ("files", ["model.onnx"]), ("labels", ["CG05"]), ("labels", {"category": "CG05", "lead": ["CGJ"]}),
    ("labels", {"category": ["CG05", 5], "lead": ["CGJ"]}), ("labels", {"category": ["CG05", "CG05"], "lead": ["CGJ"]}),
    ("labels", {"category": [], "lead": ["CGJ"]}),
    ("decision", [0.05, 0.5, 0.5]), ("decision", {"error_budget": 0.05, "category": 0.5}),
    ("decision", {"error_budget": 0.05, "category": "high", "lead": 0.5}),
    ("decision", {"error_budget": 0.05, "category": float("nan"), "lead": 0.5}),
    ("decision", {"error_budget": 0.05, "category": None, "lead": 0.5}),
    ("temperatures", [1.0]), ("temperatures", {"category": "warm"}), ("temperatures", {"category": 0.0}),
    ("temperatures", {"category": float("inf")}),
    ("embedding_size", None), ("max_tokens", "many"), ("max_tokens", 0), ("prediction_set_threshold", {}),
    ("urgency_cuts", 2.5), ("urgency_cuts", ["low"]),
    ("ngrams", ["路灯"]), ("ngrams", "路灯\t1.0"), ("ngrams", "路灯\tone\t1.0"),
    ("fitted", 3), ("metrics", "good"),
])
def test_a_field_of_the_wrong_type_is_refused(folder: Path, field: str, value: object) -> None:
    change(folder, lambda manifest: manifest.update({field: value}))
    with pytest.raises(BundleError, match=r"lacks or misstates a field .*export it again") as caught:
        load_bundle(folder)
    assert isinstance(caught.value.__cause__, TypeError | ValueError | AttributeError)


def test_the_error_family() -> None:
    assert issubclass(BundleError, ModelError)
