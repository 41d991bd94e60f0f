"""Inference with ONNX Runtime: prepare (tokens, n-grams), run, finish (calibrated probabilities, keywords)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.bundle import Bundle, BundleError
from models.calibration import log_pool, sigmoid, softmax
from models.contract import HEAD_SIZES, SIGMOID_HEADS, SOFTMAX_HEADS, FloatArray, Prediction, Report
from models.keywords import choose_keywords
from models.ngrams import weigh_ngrams
from models.tokens import cut_tokens, read_text, report_text

OUTPUTS = (*SOFTMAX_HEADS, *SIGMOID_HEADS, "embedding")


@dataclass(frozen=True, slots=True)
class _Prepared:
    text: str
    tokens: list[int]
    ngram_ids: NDArray[np.int64]
    ngram_weights: FloatArray


class OnnxPredictor:
    """Scores reports with a bundle's network; thread-safe, since sessions and tokenizers are."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(str(bundle.folder / "model.onnx"), options,
                                                 providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(bundle.folder / "tokenizer.json"))
        except Exception as error:  # ONNX Runtime and tokenizers raise their own untyped errors
            raise BundleError(f"bundle {bundle.folder.name!r} can't be run ({type(error).__name__}); "
                              "export it again") from error
        _check_outputs(self._session, bundle)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._bundle = bundle
        self._pad = self._tokenizer.token_to_id("<pad>") or 0
        self._index = {ngram: i for i, ngram in enumerate(bundle.ngrams)}
        self._idf = np.asarray(bundle.ngram_idf, dtype=np.float32)
        self._salience = np.asarray(bundle.ngram_salience, dtype=np.float32)
        self._implied = _read_implied(bundle)

    @property
    def category_labels(self) -> tuple[str, ...]:
        """Category codes in the order of ``Prediction.category``."""
        return self._bundle.category_labels

    @property
    def department_labels(self) -> tuple[str, ...]:
        """Department codes in the order of ``Prediction.lead`` and ``Prediction.co``."""
        return self._bundle.department_labels

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        """Score reports in one batch, in order."""
        prepared = self._prepare([report_text(report.title, report.text) for report in reports])
        return self._finish(prepared, self._run(prepared)) if prepared else []

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return unit-length embeddings, float32 (len(texts), E)."""
        if not texts:
            return np.zeros((0, self._bundle.embedding_size), dtype=np.float32)
        return self._run(self._prepare(list(texts)), ("embedding",))["embedding"]

    def _prepare(self, texts: Sequence[str]) -> list[_Prepared]:
        plain = [read_text(text) for text in texts]
        encodings = self._tokenizer.encode_batch_fast(plain)
        return [_Prepared(text, cut_tokens(encoding.ids, self._bundle.max_tokens),
                          *weigh_ngrams(text, self._index, self._idf))
                for text, encoding in zip(plain, encodings, strict=True)]

    def _run(self, prepared: Sequence[_Prepared], outputs: Sequence[str] = OUTPUTS) -> dict[str, FloatArray]:
        size = len(prepared)
        width = max(len(one.tokens) for one in prepared)
        ngrams = max(1, *(len(one.ngram_ids) for one in prepared))
        tokens = np.full((size, width), self._pad, dtype=np.int64)
        mask = np.zeros((size, width), dtype=np.int64)
        ids = np.zeros((size, ngrams), dtype=np.int64)
        weights = np.zeros((size, ngrams), dtype=np.float32)
        for row, one in enumerate(prepared):
            tokens[row, :len(one.tokens)] = one.tokens
            mask[row, :len(one.tokens)] = 1
            ids[row, :len(one.ngram_ids)] = one.ngram_ids
            weights[row, :len(one.ngram_ids)] = one.ngram_weights
        feeds = {"input_ids": tokens, "attention_mask": mask, "ngram_ids": ids, "ngram_weights": weights}
        return dict(zip(outputs, self._session.run(list(outputs), feeds), strict=True))

    def _finish(self, prepared: Sequence[_Prepared], logits: dict[str, FloatArray]) -> list[Prediction]:
        temperatures = self._bundle.temperatures
        scores = {head: softmax(logits[head], temperatures.get(head, 1.0)) for head in SOFTMAX_HEADS}
        for head, implied in self._implied.items():
            scores[head] = log_pool(scores[head], scores["category"] @ implied.table, implied.own, implied.share)
        scores |= {head: sigmoid(logits[head], temperatures.get(head, 1.0)) for head in SIGMOID_HEADS}
        return [Prediction(**{head: values[row] for head, values in scores.items()},
                           embedding=logits["embedding"][row],
                           keywords=choose_keywords(one.text, self._bundle.ngrams, one.ngram_ids,
                                                    self._salience[one.ngram_ids] * one.ngram_weights))
                for row, one in enumerate(prepared)]


@dataclass(frozen=True, slots=True)
class _Implied:
    """What the category says about another head: P(label | category) (C, size), and how both opinions are weighed."""

    table: FloatArray
    own: float
    share: float


def _read_implied(bundle: Bundle) -> dict[str, _Implied]:
    """Read the optional section ``implied``.

    Raises:
        BundleError: a table does not fit its heads.
    """
    found = {}
    for head, section in bundle.fitted.get("implied", {}).items():
        table = np.asarray(section["table"], dtype=np.float32)
        if head not in SOFTMAX_HEADS or table.shape != (len(bundle.category_labels), HEAD_SIZES.get(head)):
            raise BundleError(f"bundle {bundle.folder.name!r}: the table implied.{head} has the shape {table.shape}; "
                              "export it again")
        found[head] = _Implied(table, float(section["own"]), float(section["share"]))
    return found


def _check_outputs(session: ort.InferenceSession, bundle: Bundle) -> None:
    """Refuse a bundle whose labels are not as many as the network's outputs."""
    found = {output.name: output.shape[-1] for output in session.get_outputs()}
    departments = len(bundle.department_labels)
    expected = {**HEAD_SIZES, "category": len(bundle.category_labels), "lead": departments, "co": departments,
                "embedding": bundle.embedding_size}
    wrong = [f"{name} has {found.get(name)} outputs, expected {size}" for name, size in expected.items()
             if (isinstance(found.get(name), int) and found[name] != size) or name not in found]
    if wrong:
        raise BundleError(f"bundle {bundle.folder.name!r}: {'; '.join(wrong)}; export it again")
