"""One network, every answer in one pass: a shared encoder, a wide n-gram part, and a head for each answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from models.contract import HEAD_SIZES

EMBEDDING_SIZE = 256
MASKED = -10000.0  # added to the scores of padding; a 4-D mask keeps the exported graph plain
HEADS = ("category", "kind", "urgency", "lead", "co", "territory", "verifiability", "xinfang", "missing")


def head_sizes(categories: int, departments: int) -> dict[str, int]:
    """Return the number of outputs of each head, in the order of ``HEADS``."""
    sizes = {**HEAD_SIZES, "category": categories, "lead": departments, "co": departments}
    return {head: sizes[head] for head in HEADS}


def keep_layers(encoder: PreTrainedModel, layers: Sequence[int]) -> PreTrainedModel:
    """Keep the given layers of a BERT-like encoder, in place."""
    encoder.encoder.layer = nn.ModuleList(encoder.encoder.layer[i] for i in layers)
    encoder.config.num_hidden_layers = len(layers)
    return encoder


def mean_pool(states: Tensor, mask: Tensor) -> Tensor:
    """Average token states (B, T, H) over the mask (B, T)."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1).clamp(min=1.0)


class ReportNetwork(nn.Module):
    """Encoder and wide part joined by one learned scale a head.

    Inputs: ``input_ids``, ``attention_mask`` int64 (B, T); ``ngram_ids`` int64 (B, N) and ``ngram_weights``
    float32 (B, N), zero weights padding. Outputs: logits by head, and ``embedding`` (B, 256) of unit length.
    """

    encoder_share: Tensor
    wide_share: Tensor

    def __init__(self, encoder: PreTrainedModel, sizes: Mapping[str, int], ngrams: int, dropout: float = 0.1) -> None:
        super().__init__()
        hidden = encoder.config.hidden_size
        self.encoder = encoder
        self.sizes = dict(sizes)
        self.dropout = nn.Dropout(dropout)
        self.mixer = nn.Sequential(nn.Linear(2 * hidden, hidden), nn.GELU())
        self.heads = nn.Linear(hidden, sum(self.sizes.values()))
        self.projection = nn.Linear(2 * hidden, EMBEDDING_SIZE)
        self.wide = nn.Embedding(ngrams, sum(self.sizes.values()))
        self.wide_bias = nn.Parameter(torch.zeros(sum(self.sizes.values())))
        self.register_buffer("encoder_share", torch.ones(sum(self.sizes.values())))
        self.register_buffer("wide_share", torch.zeros(sum(self.sizes.values())))
        nn.init.zeros_(self.wide.weight)

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return middle and last layer, mean-pooled and joined (B, 2H)."""
        hidden_from = (1.0 - attention_mask[:, None, None, :].to(self.heads.weight.dtype)) * MASKED
        states = self.encoder(input_ids=input_ids, attention_mask=hidden_from, output_hidden_states=True).hidden_states
        return torch.cat([mean_pool(states[len(states) // 2], attention_mask),
                          mean_pool(states[-1], attention_mask)], dim=-1)

    def embed(self, pooled: Tensor) -> Tensor:
        """Return unit-length sentence embeddings (B, 256)."""
        return nn.functional.normalize(self.projection(pooled), dim=-1)

    def deep_logits(self, pooled: Tensor) -> Tensor:
        """Return the encoder's logits of all heads, joined (B, sum of sizes)."""
        logits: Tensor = self.heads(self.dropout(self.mixer(self.dropout(pooled))))
        return logits

    def wide_logits(self, ngram_ids: Tensor, ngram_weights: Tensor) -> Tensor:
        """Return the n-gram part's logits of all heads, joined (B, sum of sizes)."""
        rows: Tensor = self.wide(ngram_ids)
        logits: Tensor = (rows * ngram_weights.unsqueeze(-1)).sum(1) + self.wide_bias
        return logits

    def split(self, logits: Tensor) -> dict[str, Tensor]:
        """Cut joined logits (B, sum) into heads."""
        return dict(zip(self.sizes, torch.split(logits, list(self.sizes.values()), dim=-1), strict=True))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, ngram_ids: Tensor,
                ngram_weights: Tensor) -> dict[str, Any]:
        """Return the joined parts' logits by head, and the embedding."""
        pooled = self.pooled(input_ids, attention_mask)
        logits = (self.deep_logits(pooled) * self.encoder_share
                  + self.wide_logits(ngram_ids, ngram_weights) * self.wide_share)
        return {**self.split(logits), "embedding": self.embed(pooled)}
