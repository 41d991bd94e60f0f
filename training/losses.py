"""Masked losses: a row teaches only the heads whose labels it carries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax

from models.contract import KINDS, MISSING_ELEMENTS, XINFANG_LABELS
from training.schema import Codes, TrainingRow

WEIGHTS = {"category": 1.0, "lead": 0.7, "kind": 0.6, "urgency": 0.5, "xinfang": 0.5, "co": 0.3, "territory": 0.15,
           "verifiability": 0.15, "missing": 0.15}
ALTERNATIVE_SHARE = 0.15
SMOOTHING = 0.05


def targets_of(rows: Sequence[TrainingRow], codes: Codes, sizes: Mapping[str, int]) -> dict[str, Tensor]:
    """Return soft targets by head, float32 (N, size); a row of NaN means not labelled."""
    targets = {head: torch.full((len(rows), size), float("nan")) for head, size in sizes.items()}
    categories = {code: i for i, code in enumerate(codes.categories)}
    departments = {code: i for i, code in enumerate(codes.departments)}
    for n, row in enumerate(rows):
        _one_hot(targets["category"][n], categories.get(row.category or ""), categories.get(row.category_alt or ""))
        _one_hot(targets["lead"][n], departments.get(row.lead or ""))
        _one_hot(targets["kind"][n], KINDS.index(row.kind) if row.kind else None)
        _one_hot(targets["urgency"][n], row.urgency - 1 if row.urgency else None)
        _one_hot(targets["verifiability"][n], row.verifiability - 1 if row.verifiability else None)
        _one_hot(targets["xinfang"][n], XINFANG_LABELS.index(row.xinfang) if row.xinfang else None)
        if row.co is not None:
            targets["co"][n] = torch.tensor([float(code in row.co) for code in codes.departments])
        if row.missing is not None:
            targets["missing"][n] = torch.tensor([float(name in row.missing) for name in MISSING_ELEMENTS])
        if row.territory is not None:
            targets["territory"][n] = torch.tensor([float(part) for part in row.territory])
    return targets


def _one_hot(target: Tensor, label: int | None, alternative: int | None = None) -> None:
    if label is None:
        return
    target.zero_()
    target[label] = 1.0
    if alternative is not None and alternative != label:
        target[label], target[alternative] = 1.0 - ALTERNATIVE_SHARE, ALTERNATIVE_SHARE


def head_loss(head: str, logits: Tensor, target: Tensor, smoothing: float = SMOOTHING) -> Tensor:
    """Return the mean loss over the labelled rows of a batch (a zero without any)."""
    known = ~torch.isnan(target[:, 0])
    if not bool(known.any()):
        return logits.sum() * 0.0
    logits, target = logits[known].float(), target[known]
    if head in ("co", "territory", "missing"):
        return binary_cross_entropy_with_logits(logits, target, reduction="none").sum(-1).mean()
    target = target * (1.0 - smoothing) + smoothing / target.shape[1]
    return -(target * log_softmax(logits, dim=-1)).sum(-1).mean()


def total_loss(logits: Mapping[str, Tensor], targets: Mapping[str, Tensor], smoothing: float = SMOOTHING) -> Tensor:
    """Return the weighted sum of all heads' losses."""
    parts = [weight * head_loss(head, logits[head], targets[head], smoothing) for head, weight in WEIGHTS.items()]
    return torch.stack(parts).sum()


def contrastive_loss(left: Tensor, right: Tensor, groups: Tensor, temperature: float = 0.05) -> Tensor:
    """Return symmetric InfoNCE (van den Oord et al. 2018) of unit vectors (B, E) in matching order.

    Pairs of the same group, other than the matching one, are no negatives.
    """
    scores = left.float() @ right.float().T / temperature
    same = (groups[:, None] == groups[None, :]) & ~torch.eye(len(groups), dtype=torch.bool, device=groups.device)
    scores = scores.masked_fill(same, -1e4)
    matching = torch.arange(len(left), device=left.device)
    return (torch.nn.functional.cross_entropy(scores, matching)
            + torch.nn.functional.cross_entropy(scores.T, matching)) / 2
