"""The long stage of training: the encoder with its heads. Needs torch, transformers, numpy and PyYAML only."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from training.encoder import BUNDLED, load_encoder
from training.examples import encode_texts, plain_text
from training.loop import Examples, Log, LoopSettings, Trainer
from training.losses import targets_of
from training.network import ReportNetwork, head_sizes, keep_layers
from training.pairs import read_pairs
from training.schema import read_codes
from training.sources import read_rows, split_rows
from training.views import collect_views, duty_rows, read_duties

ENCODER_FILE = "encoder.pt"
TOKENIZER_FILE = "tokenizer.json"


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Which encoder, how deep, how it is trained; ``most_rows`` cuts the data for a trial.

    ``start_from`` is the folder of an earlier run of the same depth whose weights are trained further.
    """

    encoder: str = BUNDLED
    layers: tuple[int, ...] = tuple(range(8))
    train_word_embeddings: bool = False
    most_rows: int | None = None
    start_from: Path | None = None
    loop: LoopSettings = field(default_factory=LoopSettings)


def train_encoder(data: Path, knowledge_base: Path, run: Path, settings: EncoderSettings, log: Log) -> None:
    """Train and leave ``encoder.pt`` and ``tokenizer.json`` in ``run``; a stopped run goes on at its last epoch."""
    torch.manual_seed(settings.loop.seed)
    run.mkdir(parents=True, exist_ok=True)
    codes = read_codes(knowledge_base)
    duties = read_duties(knowledge_base)
    rows = [*split_rows(read_rows(data, codes)).train, *duty_rows(duties)][:settings.most_rows]
    encoder, tokenizer = load_encoder(settings.encoder)
    keep_layers(encoder, settings.layers)
    encoder.get_input_embeddings().weight.requires_grad_(settings.train_word_embeddings)
    sizes = head_sizes(len(codes.categories), len(codes.departments))
    network = ReportNetwork(encoder, sizes, ngrams=1)
    if settings.start_from is not None:
        network.load_state_dict(torch.load(settings.start_from / ENCODER_FILE, weights_only=True), strict=False)
    tokens = encode_texts(tokenizer, [plain_text(row) for row in rows], settings.loop.max_tokens)
    held_out = frozenset(pair.row for pair in read_pairs(data / "duplicate_pairs.jsonl") if pair.is_test)
    Trainer(network, tokenizer, Examples(rows, tokens, targets_of(rows, codes, sizes)),
            collect_views(data, duties, held_out), settings.loop, log, run / "checkpoint.pt").run()
    tokenizer.save(str(run / TOKENIZER_FILE))
    torch.save({name: value for name, value in network.state_dict().items() if not name.startswith("wide")},
               run / ENCODER_FILE)


def log_to_stderr(name: str, value: float, step: int) -> None:
    """Write a metric to standard error."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} step {step}: {name} {value:.4f}\n")
    sys.stderr.flush()


def main() -> None:
    """Train from the command line where MLflow is not installed (settings by environment)."""
    loop = LoopSettings(epochs=int(os.environ.get("EPOCHS", "3")),
                        learning_rate=float(os.environ.get("LEARNING_RATE", "1.5e-4")),
                        device="cuda" if torch.cuda.is_available() else "cpu")
    start = os.environ.get("START_FROM")
    train_encoder(Path(os.environ.get("DATA", "../shared/data")), Path("knowledge_base/data"),
                  Path(os.environ.get("RUN", "runs/encoder")),
                  EncoderSettings(loop=loop, start_from=Path(start) if start else None), log_to_stderr)


if __name__ == "__main__":
    main()
