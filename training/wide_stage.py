"""The short stage of training: choose n-grams, fit the wide part."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.examples import WideFeatures, plain_text
from training.losses import targets_of
from training.network import head_sizes
from training.ngrams import choose_ngrams, inverse_document_frequency, salience_of, wordness_of
from training.schema import read_codes
from training.sources import read_rows, split_rows
from training.views import knowledge_rows
from training.wide import NGRAMS, OPENING_NGRAMS, fit_wide

WIDE_FILE = "wide.npz"


def train_wide(data: Path, knowledge_base: Path, run: Path, ngrams: int = NGRAMS, most_rows: int | None = None) -> None:
    """Fit on the training rows (at most ``most_rows``, for a trial) and leave ``wide.npz`` in ``run``."""
    run.mkdir(parents=True, exist_ok=True)
    codes = read_codes(knowledge_base)
    rows = [*split_rows(read_rows(data, codes)).train, *knowledge_rows(knowledge_base)][:most_rows]
    texts = [plain_text(row) for row in rows]
    labels = {code: i for i, code in enumerate(codes.categories)}
    classes = [labels.get(row.category or "", -1) for row in rows]
    chosen = choose_ngrams(texts, classes, ngrams, OPENING_NGRAMS * ngrams // NGRAMS)
    features = WideFeatures(tuple(chosen), inverse_document_frequency(texts, chosen))
    sizes = head_sizes(len(codes.categories), len(codes.departments))
    table, bias = fit_wide(features.weigh(texts), targets_of(rows, codes, sizes), len(chosen))
    np.savez(run / WIDE_FILE, ngrams=np.array("\n".join(chosen)), idf=features.idf, table=table, bias=bias,
             salience=salience_of(texts, classes, chosen) * wordness_of(texts, chosen))


def load_wide(run: Path) -> tuple[WideFeatures, np.ndarray, np.ndarray, np.ndarray]:
    """Return features, table, bias and salience of a run."""
    with np.load(run / WIDE_FILE, allow_pickle=False) as stored:
        return (WideFeatures(tuple(str(stored["ngrams"]).split("\n")), stored["idf"]), stored["table"],
                stored["bias"], stored["salience"])
