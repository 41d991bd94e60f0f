"""A row teaches only the heads whose labels it carries."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, normalize

from models.contract import KINDS, XINFANG_LABELS
from training.losses import ALTERNATIVE_SHARE, WEIGHTS, contrastive_loss, head_loss, targets_of, total_loss
from training.network import HEADS, head_sizes
from training.schema import Codes, TrainingRow

CODES = Codes(("HJ01", "GY01", "CG05"), ("CGJ", "STHJ"))
SIZES = head_sizes(3, 2)
FULL = TrainingRow("1", "", "油烟", "1", "x", kind="投诉", category="HJ01", category_alt="CG05", urgency=2, lead="STHJ",
                   co=("CGJ",), verifiability=4, missing=("time", "evidence"), xinfang="环境保护", reply_lead="XZ")
BARE = TrainingRow("2", "", "停水", "2", "x")


def random_logits(rows: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {head: torch.randn(rows, size, generator=generator, requires_grad=True) for head, size in SIZES.items()}


def test_targets_of_a_full_row() -> None:
    targets = {head: values[0].tolist() for head, values in targets_of([FULL], CODES, SIZES).items()}
    assert targets["category"] == pytest.approx([1 - ALTERNATIVE_SHARE, 0, ALTERNATIVE_SHARE])
    assert targets["kind"] == [float(kind == "投诉") for kind in KINDS]
    assert targets["urgency"] == [0, 1, 0, 0]
    assert targets["lead"] == [0, 1]
    assert targets["co"] == [1, 0]
    assert targets["verifiability"] == [0, 0, 0, 1]
    assert targets["missing"] == [1, 0, 0, 1]
    assert targets["xinfang"] == [float(label == "环境保护") for label in XINFANG_LABELS]
    assert targets["territory"] == [1, 1, 0]


def test_an_unlabelled_row_has_no_targets() -> None:
    assert all(torch.isnan(values).all() for values in targets_of([BARE], CODES, SIZES).values())
    row = TrainingRow("3", "", "停水", "3", "x", co=(), missing=(), category="HJ01", category_alt="HJ01")
    empty = targets_of([row], CODES, SIZES)
    assert empty["co"].tolist() == [[0, 0]]
    assert empty["missing"].tolist() == [[0, 0, 0, 0]]
    assert empty["category"].tolist() == [[1, 0, 0]]
    assert torch.isnan(empty["territory"]).all()


def test_losses_are_torchs() -> None:
    logits, targets = random_logits(1), targets_of([FULL], CODES, SIZES)
    assert head_loss("lead", logits["lead"], targets["lead"], 0.1).item() == pytest.approx(
        float(cross_entropy(logits["lead"], torch.tensor([1]), label_smoothing=0.1)), abs=1e-6)
    assert head_loss("category", logits["category"], targets["category"], 0.0).item() == pytest.approx(
        float(cross_entropy(logits["category"], targets["category"])), abs=1e-6)
    assert head_loss("co", logits["co"], targets["co"], 0.1).item() == pytest.approx(
        float(binary_cross_entropy_with_logits(logits["co"], targets["co"], reduction="sum")), abs=1e-6)


@pytest.mark.parametrize("head", HEADS)
def test_unlabelled_rows_change_nothing(head: str) -> None:
    logits = random_logits(3)
    targets = targets_of([BARE, FULL, BARE], CODES, SIZES)
    loss = head_loss(head, logits[head], targets[head])
    alone = head_loss(head, logits[head][1:2], targets[head][1:2])
    assert loss.item() == pytest.approx(alone.item(), abs=1e-6)
    loss.backward()  # type: ignore[no-untyped-call]
    gradient = logits[head].grad
    assert gradient is not None
    assert gradient[1].abs().sum() > 0
    assert gradient[[0, 2]].abs().sum() == 0


@pytest.mark.parametrize("head", HEADS)
def test_a_batch_without_labels_costs_nothing(head: str) -> None:
    logits = random_logits(2)
    loss = head_loss(head, logits[head], targets_of([BARE, BARE], CODES, SIZES)[head])
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss) == 0.0
    gradient = logits[head].grad
    assert gradient is not None
    assert gradient.abs().sum() == 0


def test_the_total_weighs_every_head() -> None:
    logits, targets = random_logits(2), targets_of([FULL, BARE], CODES, SIZES)
    assert set(WEIGHTS) == set(HEADS)
    expected = sum(weight * float(head_loss(head, logits[head], targets[head])) for head, weight in WEIGHTS.items())
    assert float(total_loss(logits, targets)) == pytest.approx(expected, rel=1e-5)


def vectors(rows: int, seed: int) -> torch.Tensor:
    return normalize(torch.randn(rows, 8, generator=torch.Generator().manual_seed(seed)), dim=-1)


def test_contrast_is_info_nce() -> None:
    left, right = vectors(5, 1), vectors(5, 2)
    scores = left @ right.T / 0.1
    expected = (cross_entropy(scores, torch.arange(5)) + cross_entropy(scores.T, torch.arange(5))) / 2
    assert float(contrastive_loss(left, right, torch.arange(5), 0.1)) == pytest.approx(float(expected), rel=1e-5)
    assert float(contrastive_loss(left, right, torch.arange(5), 0.1)) == pytest.approx(
        float(contrastive_loss(right, left, torch.arange(5), 0.1)), rel=1e-5)


def test_matching_pairs_cost_less_and_one_pair_nothing() -> None:
    left = vectors(4, 3)
    matching = float(contrastive_loss(left, left, torch.arange(4)))
    assert matching < float(contrastive_loss(left, left.flip(0), torch.arange(4)))
    assert float(contrastive_loss(left[:1], left[1:2], torch.arange(1))) == pytest.approx(0.0, abs=1e-6)


def test_copies_are_no_negatives() -> None:
    left = vectors(1, 4).repeat(2, 1)
    assert float(contrastive_loss(left, left, torch.tensor([7, 7]))) == pytest.approx(0.0, abs=1e-4)
    assert float(contrastive_loss(left, left, torch.tensor([7, 8]))) == pytest.approx(math.log(2), abs=1e-4)
