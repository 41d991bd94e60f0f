"""A training of seconds: a tiny encoder over the project's own written reports.

As a program it kills itself after so many steps: ``python -m tests.tiny_training DATA RUN STEPS``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from knowledge_base.loading import DEFAULT_FOLDER
from training.encoder import PackedModel, build_tokenizer
from training.encoder_stage import ENCODER_FILE, EncoderSettings, train_encoder
from training.loop import Log, LoopSettings, Trainer
from training.schema import read_jsonl
from training.sources import WRITTEN_FOLDER

MESSAGES, DEV = 64, 16
EPOCHS, BATCH, SAVE_EVERY = 3, 4, 5
STEPS = EPOCHS * (MESSAGES - DEV) // BATCH


def _reports() -> list[dict[str, str]]:
    return [raw for _, raw in read_jsonl(WRITTEN_FOLDER / "thin_categories_a.jsonl")][:MESSAGES]


def write_messages(data: Path) -> None:
    """Write a folder of message files out of written reports: labelled ones, some of them ``dev``, and a pair."""
    rows = [{**raw, "id": f"m{n}", "group": n, "split": "dev" if n < DEV else "train"}
            for n, raw in enumerate(_reports())]
    pair = {"a": rows[20], "b": rows[21], "label": 2, "drawn": "words"}
    files = {"annotated": rows, "unlabelled": [], "xinfang7": [],
             "replies": [{"id": "m30", "reply": "已经派人处理，请您放心。"}], "duplicate_pairs": [pair]}
    data.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (data / f"{name}.jsonl").write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in content),
                                            encoding="utf-8")


def tiny_encoder(_name: str) -> tuple[BertModel, Tokenizer]:
    """Return a random encoder of two layers and a tokenizer of single characters, the same at every call."""
    letters = sorted({char for raw in _reports() for char in raw["title"] + raw["text"]} - set(" ▁"))
    pieces = ("<s>", "<pad>", "</s>", "<unk>", "▁", *letters)
    packed = PackedModel({}, 1e-12, pieces, np.linspace(-3.0, -8.0, len(pieces)).astype(np.float32), {},
                         memoryview(b""), {})
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = BertConfig(vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                            intermediate_size=64, max_position_embeddings=64, type_vocab_size=1, pad_token_id=1,
                            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        config._attn_implementation = "eager"
        return BertModel(config, add_pooling_layer=False), build_tokenizer(packed, list(range(len(pieces))))


@contextmanager
def only_these(data: Path) -> Iterator[None]:
    """Put the tiny encoder in place of the real one, and leave out the project's own labels and reports."""
    nowhere = data / "none"
    with (patch("training.encoder_stage.load_encoder", tiny_encoder),
          patch("training.sources.LABELS_FOLDER", nowhere), patch("training.sources.WRITTEN_FOLDER", nowhere)):
        yield


def train_tiny(data: Path, run: Path, log: Log, seed: int = 1) -> dict[str, torch.Tensor]:
    """Train three short epochs with a checkpoint every five steps; return the weights."""
    loop = LoopSettings(epochs=EPOCHS, batch=BATCH, max_tokens=48, seed=seed, save_every=SAVE_EVERY)
    settings = EncoderSettings(layers=(0, 1), most_rows=MESSAGES - DEV, loop=loop)
    with only_these(data):
        train_encoder(data, DEFAULT_FOLDER, run, settings, log)
    weights: dict[str, torch.Tensor] = torch.load(run / ENCODER_FILE, weights_only=True)
    return weights


class KilledTrainer(Trainer):
    """Ends the process outright after so many steps."""

    steps_left = 0

    def _step(self, *arguments: object) -> float:
        if KilledTrainer.steps_left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        KilledTrainer.steps_left -= 1
        return super()._step(*arguments)  # type: ignore[arg-type]


def main() -> None:
    """Train until killed."""
    torch.set_num_threads(1)
    KilledTrainer.steps_left = int(sys.argv[3])
    with patch("training.encoder_stage.Trainer", KilledTrainer):
        train_tiny(Path(sys.argv[1]), Path(sys.argv[2]), lambda name, value, step: None)


if __name__ == "__main__":
    main()
