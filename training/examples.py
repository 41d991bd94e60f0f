"""Training rows as tensors: tokens, n-grams and targets, batched by length."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from models.contract import FloatArray
from models.ngrams import weigh_ngrams
from models.tokens import cut_tokens, read_text, report_text
from training.schema import TrainingRow

POOL_BATCHES = 40


def plain_text(row: TrainingRow) -> str:
    """Return the normalised text that the network reads of a row."""
    return read_text(report_text(row.title, row.text))


def encode_texts(tokenizer: Tokenizer, texts: Sequence[str], limit: int) -> list[list[int]]:
    """Return token ids of each text, cut to ``limit``."""
    return [cut_tokens(encoding.ids, limit) for encoding in tokenizer.encode_batch(list(texts))]


def pad_tokens(ids: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Return padded ids and mask, int64 (B, T)."""
    width = max(map(len, ids))
    padded = torch.full((len(ids), width), pad, dtype=torch.long)
    mask = torch.zeros((len(ids), width), dtype=torch.long)
    for row, tokens in enumerate(ids):
        padded[row, :len(tokens)] = torch.tensor(tokens)
        mask[row, :len(tokens)] = 1
    return padded, mask


@dataclass(frozen=True, slots=True)
class WideFeatures:
    """The chosen n-grams and their IDF, float32 (N,)."""

    ngrams: tuple[str, ...]
    idf: FloatArray

    def weigh(self, texts: Sequence[str]) -> list[tuple[NDArray[np.int64], FloatArray]]:
        """Return ids and weights of each normalised text."""
        index = {ngram: i for i, ngram in enumerate(self.ngrams)}
        return [weigh_ngrams(text, index, self.idf) for text in texts]


def pad_ngrams(features: Sequence[tuple[NDArray[np.int64], FloatArray]]) -> tuple[Tensor, Tensor]:
    """Return ids int64 and weights float32 (B, N), zero weights padding."""
    width = max(1, *(len(ids) for ids, _ in features))
    ids = torch.zeros((len(features), width), dtype=torch.long)
    weights = torch.zeros((len(features), width))
    for row, (known, values) in enumerate(features):
        ids[row, :len(known)] = torch.from_numpy(known)
        weights[row, :len(known)] = torch.from_numpy(values)
    return ids, weights


def length_batches(lengths: Sequence[int], size: int, order: random.Random | None) -> Iterator[list[int]]:
    """Yield batches of row numbers of like length; shuffled in pools when ``order`` is given."""
    rows = list(range(len(lengths)))
    if order is None:
        rows.sort(key=lengths.__getitem__)
        yield from (rows[at:at + size] for at in range(0, len(rows), size))
        return
    order.shuffle(rows)
    pool = size * POOL_BATCHES
    batches = []
    for start in range(0, len(rows), pool):
        chunk = sorted(rows[start:start + pool], key=lengths.__getitem__)
        batches += [chunk[at:at + size] for at in range(0, len(chunk), size)]
    order.shuffle(batches)
    yield from batches
