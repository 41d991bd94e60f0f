"""The long stage of training: the encoder with its heads. Needs torch, transformers, numpy and PyYAML only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from training.encoder import BUNDLED, load_encoder
from training.examples import encode_texts, plain_text
from training.loop import Examples, Log, LoopSettings, Trainer
from training.losses import targets_of
from training.network import ReportNetwork, head_sizes, keep_layers
from training.out_of_fold import OutOfFold, read_out_of_fold
from training.pairs import read_pairs
from training.schema import TrainingRow, read_codes
from training.sources import read_rows, split_rows
from training.views import collect_views, knowledge_rows, read_duties

ENCODER_FILE = "encoder.pt"
TOKENIZER_FILE = "tokenizer.json"
LEAST_SCORE = 1e-4


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """Which encoder, how deep, how it is trained; ``most_rows`` cuts the data for a trial.

    ``start_from`` is the folder of an earlier run of the same depth whose weights are trained further.
    ``beside_wide``: learn what the wide part does not know, from ``out_of_fold.npz`` in the run's folder.
    """

    encoder: str = BUNDLED
    layers: tuple[int, ...] = tuple(range(8))
    train_word_embeddings: bool = False
    most_rows: int | None = None
    start_from: Path | None = None
    beside_wide: bool = False
    loop: LoopSettings = field(default_factory=LoopSettings)


def train_encoder(data: Path, knowledge_base: Path, run: Path, settings: EncoderSettings, log: Log) -> None:
    """Train and leave ``encoder.pt`` and ``tokenizer.json`` in ``run``; a stopped run goes on at its last epoch."""
    torch.manual_seed(settings.loop.seed)
    run.mkdir(parents=True, exist_ok=True)
    codes = read_codes(knowledge_base)
    duties = read_duties(knowledge_base)
    rows = [*split_rows(read_rows(data, codes)).train, *knowledge_rows(knowledge_base)][:settings.most_rows]
    encoder, tokenizer = load_encoder(settings.encoder)
    keep_layers(encoder, settings.layers)
    encoder.get_input_embeddings().weight.requires_grad_(settings.train_word_embeddings)
    sizes = head_sizes(len(codes.categories), len(codes.departments))
    network = ReportNetwork(encoder, sizes, ngrams=1)
    if settings.start_from is not None:
        network.load_state_dict(torch.load(settings.start_from / ENCODER_FILE, weights_only=True), strict=False)
    targets = targets_of(rows, codes, sizes)
    offsets = log_scores(rows, read_out_of_fold(run)) if settings.beside_wide else {}
    tokens = encode_texts(tokenizer, [plain_text(row) for row in rows], settings.loop.max_tokens)
    held_out = frozenset(pair.row for pair in read_pairs(data / "duplicate_pairs.jsonl") if pair.is_test)
    Trainer(network, tokenizer, Examples(rows, tokens, targets, offsets),
            collect_views(data, duties, held_out), settings.loop, log, run / "checkpoint.pt").run()
    tokenizer.save(str(run / TOKENIZER_FILE))
    torch.save({name: value for name, value in network.state_dict().items() if not name.startswith("wide")},
               run / ENCODER_FILE)


def log_scores(rows: Sequence[TrainingRow], scores: OutOfFold) -> dict[str, Tensor]:
    """Return the out-of-fold log-probabilities (N, size) of the rows by head, zeros for rows without."""
    place = {message: n for n, message in enumerate(scores.ids)}
    known = [(n, place[row.id]) for n, row in enumerate(rows) if row.id in place]
    offsets = {}
    for head, probabilities in scores.probabilities.items():
        offsets[head] = torch.zeros(len(rows), probabilities.shape[1])
        for mine, theirs in known:
            offsets[head][mine] = torch.from_numpy(probabilities[theirs]).clamp(min=LEAST_SCORE).log()
    return offsets


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
                  EncoderSettings(loop=loop, start_from=Path(start) if start else None,
                                  beside_wide=bool(os.environ.get("BESIDE_WIDE"))), log_to_stderr)


if __name__ == "__main__":
    main()
