"""The training loop of the encoder: masked multi-task loss and in-batch contrastive loss, bf16, resumable."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from training.examples import encode_texts, length_batches, pad_tokens
from training.losses import contrastive_loss, total_loss
from training.network import ReportNetwork
from training.schema import TrainingRow
from training.views import Views

VIEW_TOKENS = 64
BESIDE_SHARE = 0.6
POOL_WEIGHT = 0.6  # of each of two opinions that look at the same text: at full weight they would count twice


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long and how fast to train.

    ``views_share`` of the steps have the contrastive loss (a second forward pass); each token is left out with
    probability ``token_dropout``; the weights kept at the end are an exponential average over steps.
    """

    epochs: int = 4
    batch: int = 16
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    warm_up: float = 0.08
    clip: float = 1.0
    smoothing: float = 0.05
    contrastive_weight: float = 0.3
    views_share: float = 0.25
    token_dropout: float = 0.05
    average_decay: float = 0.998
    max_tokens: int = 128
    save_every: int = 250
    seed: int = 1
    device: str = "cpu"


@dataclass(slots=True)
class Examples:
    """Rows with their tokens and targets, in the same order.

    ``offsets`` (N, size) by head are another model's log-probabilities, beside which the network is to be right.
    """

    rows: Sequence[TrainingRow]
    tokens: list[list[int]]
    targets: dict[str, Tensor]
    offsets: dict[str, Tensor] = field(default_factory=dict)


Log = Callable[[str, float, int], None]


def _optimiser(network: ReportNetwork, settings: LoopSettings) -> torch.optim.AdamW:
    encoder = [p for n, p in network.encoder.named_parameters() if p.requires_grad]
    heads = [p for part in (network.mixer, network.heads, network.projection) for p in part.parameters()]
    return torch.optim.AdamW([{"params": encoder, "lr": settings.learning_rate},
                              {"params": heads, "lr": settings.head_learning_rate}], weight_decay=0.01, fused=True)


def _schedule(step: int, total: int, warm_up: float) -> float:
    first = max(1, int(total * warm_up))
    return step / first if step < first else max(0.0, (total - step) / max(1, total - first))


class Trainer:
    """Trains the encoder part of a network; call ``run`` once."""

    def __init__(self, network: ReportNetwork, tokenizer: Tokenizer, examples: Examples, views: Views,
                 settings: LoopSettings, log: Log, checkpoint: Path | None = None) -> None:
        self.network, self.tokenizer, self.examples, self.views = network, tokenizer, examples, views
        self.settings, self.log, self.checkpoint = settings, log, checkpoint
        self.pad = tokenizer.token_to_id("<pad>") or tokenizer.token_to_id("[PAD]") or 0
        groups = {row.group: n for n, row in enumerate(examples.rows)}
        self.groups = torch.tensor([groups[row.group] for row in examples.rows])
        self.optimiser = _optimiser(network, settings)
        self.average = {name: value.detach().clone() for name, value in network.named_parameters()
                        if value.requires_grad}
        self.steps = settings.epochs * self._epoch_steps

    @property
    def _epoch_steps(self) -> int:
        return -(-len(self.examples.rows) // self.settings.batch)

    def run(self) -> None:
        """Train all epochs, from the checkpoint where there is one; leave the averaged weights in the network."""
        self.network.to(self.settings.device).train()
        self.average = {name: value.to(self.settings.device) for name, value in self.average.items()}
        step = self._resume()
        while step < self.steps:
            started, losses = time.monotonic(), []
            epoch, done = divmod(step, self._epoch_steps)
            for batch in itertools.islice(self._batches(epoch), done, None):
                self._set_rates(_schedule(step, self.steps, self.settings.warm_up))
                torch.manual_seed(self.settings.seed * 1_000_003 + step)
                losses.append(self._step(batch, random.Random(f"{self.settings.seed}:{step}")))  # noqa: S311
                self._follow(step)
                step += 1
                if step % 50 == 0:
                    self.log("train_loss", sum(losses[-50:]) / len(losses[-50:]), step)
                if step % self.settings.save_every == 0:
                    self._save(step)
            self.log("epoch_seconds", time.monotonic() - started, step)
        self._save(step)
        self.network.load_state_dict(self.average, strict=False)

    def _set_rates(self, factor: float) -> None:
        rates = (self.settings.learning_rate, self.settings.head_learning_rate)
        for group, rate in zip(self.optimiser.param_groups, rates, strict=True):
            group["lr"] = rate * factor

    @torch.no_grad()
    def _follow(self, step: int) -> None:
        """Move the averaged weights towards the present ones, faster at the start."""
        decay = min(self.settings.average_decay, (1 + step) / (10 + step))
        for name, value in self.network.named_parameters():
            if value.requires_grad:
                self.average[name].lerp_(value.detach(), 1 - decay)

    def _batches(self, epoch: int) -> Iterator[list[int]]:
        order = random.Random(f"{self.settings.seed}:{epoch}")  # noqa: S311
        return length_batches([len(tokens) for tokens in self.examples.tokens], self.settings.batch, order)

    def _step(self, batch: list[int], order: random.Random) -> float:
        with torch.autocast(self.settings.device, dtype=torch.bfloat16):
            pooled = self._pool([self._thinned(self.examples.tokens[i], order) for i in batch])
            logits = self.network.split(self.network.deep_logits(pooled))
            targets = {head: values[batch].to(self.settings.device) for head, values in self.examples.targets.items()}
            loss = total_loss(logits, targets, self.settings.smoothing)
            if self.examples.offsets:
                joined = {head: POOL_WEIGHT * (values + self.examples.offsets[head][batch].to(self.settings.device))
                          if head in self.examples.offsets else values for head, values in logits.items()}
                loss = (1 - BESIDE_SHARE) * loss + BESIDE_SHARE * total_loss(joined, targets, self.settings.smoothing)
            drawn = []
            if self.settings.contrastive_weight and order.random() < self.settings.views_share:
                drawn = [(n, view) for n, i in enumerate(batch)
                         if (view := self.views.draw(self.examples.rows[i], order))]
            if len(drawn) > 1:
                rows = [n for n, _ in drawn]
                views = encode_texts(self.tokenizer, [view for _, view in drawn], VIEW_TOKENS)
                loss = loss + self.settings.contrastive_weight * contrastive_loss(
                    self.network.embed(pooled[rows]), self.network.embed(self._pool(views)),
                    self.groups[[batch[n] for n in rows]].to(self.settings.device))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip)
        self.optimiser.step()
        return float(loss.detach())

    def _thinned(self, tokens: list[int], order: random.Random) -> list[int]:
        """Leave out tokens at random, never the first and last."""
        kept = [token for token in tokens[1:-1] if order.random() >= self.settings.token_dropout]
        return [*tokens[:1], *kept, *tokens[-1:]] if len(tokens) > 1 else tokens

    def _pool(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        ids, mask = pad_tokens(tokens, self.pad)
        return self.network.pooled(ids.to(self.settings.device), mask.to(self.settings.device))

    def _fingerprint(self) -> dict[str, Any]:
        return {**asdict(self.settings), "rows": len(self.examples.rows)}

    def _resume(self) -> int:
        if self.checkpoint is None or not self.checkpoint.is_file():
            return 0
        saved = torch.load(self.checkpoint, weights_only=True, map_location=self.settings.device)
        if saved["settings"] != self._fingerprint():
            return 0
        self.network.load_state_dict(saved["network"])
        self.optimiser.load_state_dict(saved["optimiser"])
        self.average = saved["average"]
        return int(saved["step"])

    def _save(self, step: int) -> None:
        if self.checkpoint is None:
            return
        partial = self.checkpoint.with_suffix(".partial")
        torch.save({"settings": self._fingerprint(), "step": step, "network": self.network.state_dict(),
                    "optimiser": self.optimiser.state_dict(), "average": self.average}, partial)
        partial.replace(self.checkpoint)
