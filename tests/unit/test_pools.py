"""Pooling opinions: what the category implies for other heads, the floor for urgent reports, and their fits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from models.bundle import BundleError, load_bundle
from models.calibration import log_pool
from models.contract import KINDS, Report
from models.predictor import OnnxPredictor
from tests.unit.tiny_bundle import CATEGORIES, TinyModel
from training.bundle_stage import implied_table
from training.calibrate import fit_pool, fit_urgent_floor


def test_a_pool_of_equal_opinions_is_that_opinion_and_weights_sharpen() -> None:
    one = np.array([[0.7, 0.2, 0.1]], dtype=np.float32)
    np.testing.assert_allclose(log_pool(one, one, 0.5, 0.5), one, rtol=1e-5)
    other = np.array([[0.1, 0.8, 0.1]], dtype=np.float32)
    expected = one[0] ** 0.6 * other[0] ** 0.9
    np.testing.assert_allclose(log_pool(one, other, 0.6, 0.9)[0], expected / expected.sum(), rtol=1e-5)


def test_implied_labels_are_shares_within_a_category() -> None:
    categories = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [float("nan")] * 2])
    labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    overall = np.array([0.5, 0.5])
    table = implied_table(categories, labels)
    np.testing.assert_allclose(table, [(np.array([2, 1]) + overall) / 4, (np.array([0, 1]) + overall) / 2], rtol=1e-6)


def test_the_better_opinion_gets_the_larger_weight() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 900)
    good, poor = (np.full((900, 3), 0.1, dtype=np.float32) for _ in range(2))
    good[np.arange(900), np.where(random.random(900) < 0.8, truth, (truth + 1) % 3)] = 0.8
    poor[np.arange(900), random.integers(0, 3, 900)] = 0.8
    target = torch.eye(3)[torch.from_numpy(truth)]
    own, share = fit_pool(good, poor, target)
    assert own > 0.7
    assert share < 0.1
    own, share = fit_pool(poor, good, target)
    assert share > 0.7 > own


def drawn_urgency(random: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw scores, levels (a third urgent) and whether category and lead would let the case be decided alone."""
    levels = np.where(random.random(rows) < 1 / 3, 2, 3)
    chance = np.where(levels == 2, random.beta(2, 3, rows), random.beta(1, 8, rows))
    scores = np.zeros((rows, 4), dtype=np.float32)
    scores[:, 1], scores[:, 2] = chance, 1 - chance
    return scores, levels, random.random(rows) < 0.4


def test_at_most_the_stated_share_of_urgent_messages_is_decided_alone() -> None:
    random = np.random.default_rng(2)
    missed, floors = [], []
    for _ in range(300):
        scores, levels, alone = drawn_urgency(random, 240)
        floor = fit_urgent_floor(scores, levels, alone, 0.10)
        fresh, truth, decided = drawn_urgency(random, 2000)
        below = fresh[:, :2].sum(axis=1) < floor
        missed.append(float((decided & below)[truth == 2].mean()))
        floors.append(floor)
    assert 0.06 < np.mean(missed) <= 0.10
    assert 0.1 < np.mean(floors) < 0.5


def test_too_few_urgent_messages_promise_nothing() -> None:
    scores = np.full((5, 4), 0.25, dtype=np.float32)
    assert fit_urgent_floor(scores, np.array([1, 2, 3, 4, 2]), np.ones(5, dtype=bool), 0.10) == 0.0


def test_where_nothing_urgent_is_decided_alone_the_floor_is_a_half() -> None:
    scores = np.full((40, 4), 0.25, dtype=np.float32)
    assert fit_urgent_floor(scores, np.full(40, 2), np.zeros(40, dtype=bool), 0.10) == 0.5


@pytest.fixture
def implied_bundle(tiny: TinyModel, tmp_path: Path) -> Path:
    """The tiny bundle whose categories say 求助, whatever its own head says."""
    folder = Path(shutil.copytree(tiny.bundle, tmp_path / "bundle"))
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    sure = [[0.94 if kind == "求助" else 0.01 for kind in KINDS] for _ in CATEGORIES]
    manifest["fitted"]["implied"] = {"kind": {"own": 0.2, "share": 1.0, "table": sure}}
    (folder / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def test_the_category_has_its_say(tiny: TinyModel, implied_bundle: Path) -> None:
    report = Report(text="小区楼下烧烤店油烟扰民")
    plain = OnnxPredictor(load_bundle(tiny.bundle)).predict([report])[0]
    pooled = OnnxPredictor(load_bundle(implied_bundle)).predict([report])[0]
    expected = plain.kind**0.2 * np.array([0.94 if kind == "求助" else 0.01 for kind in KINDS])
    np.testing.assert_allclose(pooled.kind, expected / expected.sum(), rtol=1e-3)
    np.testing.assert_array_equal(pooled.urgency, plain.urgency)


def test_a_table_of_the_wrong_shape_is_refused(implied_bundle: Path) -> None:
    manifest = json.loads((implied_bundle / "bundle.json").read_text(encoding="utf-8"))
    manifest["fitted"]["implied"]["kind"]["table"].pop()
    (implied_bundle / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match=r"implied\.kind"):
        OnnxPredictor(load_bundle(implied_bundle))
