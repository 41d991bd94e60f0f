"""From a trained run to a served bundle: join the parts, export, calibrate, fit the router and the pair scorer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from knowledge_base.index import VECTORS_FILE, open_duty_index
from knowledge_base.loading import KnowledgeBase, load_knowledge_base
from knowledge_base.router import Router
from models.bundle import FORMAT, Bundle, file_sha256, load_bundle
from models.contract import SOFTMAX_HEADS, FloatArray, Prediction, Report
from models.predictor import OnnxPredictor
from training import calibrate, fit_duplicates, fit_router
from training.encoder import BUNDLED, load_encoder
from training.encoder_stage import ENCODER_FILE, TOKENIZER_FILE
from training.examples import encode_texts, length_batches, pad_tokens, plain_text
from training.losses import targets_of
from training.network import ReportNetwork, head_sizes, keep_layers
from training.onnx_export import export_int8
from training.pairs import read_pairs
from training.schema import Codes, TrainingRow, read_codes
from training.sources import Split, fraction, read_rows, split_rows
from training.views import knowledge_rows
from training.wide import wide_logits
from training.wide_stage import load_wide

ERROR_BUDGETS = (0.02, 0.05, 0.10)
PROMISED_BUDGET = 0.05
PROMISE_FROM = 0.30
MISSED_URGENT = 0.10
IMPLIED_HEADS = ("kind", "urgency", "xinfang")
LARGEST_BYTES = 60_000_000
DATA_FILES = ("annotated.jsonl", "xinfang7.jsonl", "unlabelled.jsonl", "replies.jsonl", "duplicate_pairs.jsonl")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration rows by use: constants are fitted on ``fit``, promises on ``promise``, apart by group.

    Rows of ``xinfang`` carry the 7-class label alone and serve that head only.
    """

    fit: list[TrainingRow]
    promise: list[TrainingRow]
    xinfang: list[TrainingRow]

    @property
    def heads(self) -> list[TrainingRow]:
        """The rows on which the heads' constants are fitted."""
        return [*self.fit, *self.xinfang]


def divide(split: Split) -> Calibration:
    """Divide the calibration rows by group."""
    parts: tuple[list[TrainingRow], list[TrainingRow]] = ([], [])
    for row in split.calibration:
        if row.category:
            parts[fraction(row.group, "promise") >= PROMISE_FROM].append(row)
    return Calibration(*parts, [TrainingRow(id=row.id, title=row.title, text=row.text, group=row.group,
                                            source=row.source, xinfang=row.xinfang)
                                for row in split.xinfang_calibration])


def load_network(run: Path, codes: Codes, ngrams: int, layers: Sequence[int],
                 encoder_name: str = BUNDLED) -> tuple[ReportNetwork, Tokenizer]:
    """Return the network of a run without its wide part, and the tokenizer."""
    encoder, _ = load_encoder(encoder_name)
    keep_layers(encoder, layers)
    network = ReportNetwork(encoder, head_sizes(len(codes.categories), len(codes.departments)), ngrams)
    state = torch.load(run / ENCODER_FILE, weights_only=True)
    missing = network.load_state_dict(state, strict=False)
    if missing.unexpected_keys:
        raise ValueError(f"{ENCODER_FILE} has unknown weights {missing.unexpected_keys[:3]}; train again")
    return network.eval(), Tokenizer.from_file(str(run / TOKENIZER_FILE))


@torch.no_grad()
def deep_logits(network: ReportNetwork, tokenizer: Tokenizer, rows: Sequence[TrainingRow], limit: int) -> Tensor:
    """Return the encoder's joined logits (N, sum of sizes) in float32."""
    tokens = encode_texts(tokenizer, [plain_text(row) for row in rows], limit)
    out = torch.empty(len(rows), sum(network.sizes.values()))
    pad = tokenizer.token_to_id("<pad>") or 0
    for batch in length_batches([len(one) for one in tokens], 16, None):
        out[batch] = network.deep_logits(network.pooled(*pad_tokens([tokens[i] for i in batch], pad)))
    return out


def join_parts(network: ReportNetwork, shares: Mapping[str, tuple[float, float]], table: FloatArray,
               bias: FloatArray) -> None:
    """Put the wide part into the network with the fitted shares."""
    network.wide.weight.data = torch.from_numpy(table)
    network.wide_bias.data = torch.from_numpy(bias)
    for name, part in (("encoder_share", 0), ("wide_share", 1)):
        values = [torch.full((size,), shares[head][part]) for head, size in network.sizes.items()]
        getattr(network, name).copy_(torch.cat(values))


def predict_rows(predictor: OnnxPredictor, rows: Sequence[TrainingRow], batch: int = 16) -> list[Prediction]:
    """Score rows with the served model, short ones together."""
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].text))
    found: dict[int, Prediction] = {}
    for at in range(0, len(order), batch):
        part = order[at:at + batch]
        reports = [Report(text=rows[i].text, title=rows[i].title) for i in part]
        found.update(zip(part, predictor.predict(reports), strict=True))
    return [found[i] for i in range(len(rows))]


def _logits(predictions: Sequence[Prediction], head: str) -> FloatArray:
    """Return logits of uncalibrated predictions up to a constant, float32 (N, size)."""
    probabilities = np.clip(np.stack([getattr(one, head) for one in predictions]).astype(np.float64), 1e-9, 1 - 1e-9)
    values = np.log(probabilities)
    return np.asarray(values if head in SOFTMAX_HEADS else values - np.log1p(-probabilities), dtype=np.float32)


class BundleMaker:
    """Makes one bundle folder from one run; the manifest grows stage by stage."""

    def __init__(self, data: Path, knowledge_base: Path, run: Path, target: Path, layers: Sequence[int],
                 max_tokens: int, encoder_name: str = BUNDLED) -> None:
        self.data, self.run, self.target = data, run, target
        self.layers, self.max_tokens, self.encoder_name = tuple(layers), max_tokens, encoder_name
        self.codes = read_codes(knowledge_base)
        self.knowledge_base: KnowledgeBase = load_knowledge_base(knowledge_base)
        self.split: Split = split_rows(read_rows(data, self.codes))
        self.calibration = divide(self.split)
        self.manifest: dict[str, Any] = {}

    def make(self) -> Path:
        """Export, calibrate and fit everything; return the folder.

        Raises:
            ValueError: the files together are larger than 60 MB.
        """
        self.target.mkdir(parents=True, exist_ok=True)
        self._export()
        self._start_manifest()
        self._fit_temperatures(self._score(self.calibration.heads)[1])
        self._fit_implied(*self._score(self.calibration.heads))
        bundle, predictions = self._score(self.calibration.fit)
        router = self._fit_router(bundle, predictions)
        self._fit_promises(router)
        self._fit_urgency(router)
        self._fit_duplicates()
        size = sum(path.stat().st_size for path in self.target.iterdir())
        if size > LARGEST_BYTES:
            raise ValueError(f"the bundle has {size / 1e6:.1f} MB, more than 60; use fewer layers or n-grams")
        return self.target

    def _export(self) -> None:
        features, table, bias, salience = load_wide(self.run)
        network, tokenizer = load_network(self.run, self.codes, len(table), self.layers, self.encoder_name)
        rows = self.calibration.heads
        targets = targets_of(rows, self.codes, network.sizes)
        deep = calibrate.split_logits(deep_logits(network, tokenizer, rows, self.max_tokens), network.sizes)
        weighed = features.weigh([plain_text(row) for row in rows])
        wide = calibrate.split_logits(torch.from_numpy(wide_logits(weighed, table, bias)), network.sizes)
        shares = calibrate.fit_shares(deep, wide, targets)
        join_parts(network, shares, table, bias)
        export_int8(network, self.target / "model.onnx")
        shutil.copyfile(self.run / TOKENIZER_FILE, self.target / "tokenizer.json")
        self.manifest["shares"] = shares
        self.manifest["ngrams"] = "\n".join(
            f"{ngram}\t{idf:.4f}\t{worth:.4f}"
            for ngram, idf, worth in zip(features.ngrams, features.idf, salience, strict=True))

    def _start_manifest(self) -> None:
        self.manifest |= {
            "format": FORMAT, "version": datetime.now(UTC).strftime("%Y.%m.%d-%H%M"),
            "files": {name: file_sha256(self.target / name) for name in ("model.onnx", "tokenizer.json")},
            "labels": {"category": list(self.codes.categories), "lead": list(self.codes.departments)},
            "taxonomy_sha256": file_sha256(_taxonomy_path()), "embedding_size": 256, "max_tokens": self.max_tokens,
            "temperatures": {}, "prediction_set_threshold": 0.1, "urgency_cuts": [1.5, 2.5, 3.5], "fitted": {},
            "decision": {"error_budget": PROMISED_BUDGET, "category": calibrate.NEVER, "lead": calibrate.NEVER},
            "data_sha256": {name: file_sha256(self.data / name) for name in DATA_FILES},
            "training": {"encoder": self.encoder_name, "layers": list(self.layers),
                         "rows": {"train": len(self.split.train), "calibration": len(self.split.calibration)}},
            "metrics": {}}
        self._write()

    def _write(self) -> None:
        partial = self.target / "bundle.json.partial"
        partial.write_text(json.dumps(self.manifest, ensure_ascii=False, indent=1, sort_keys=True), encoding="utf-8")
        partial.replace(self.target / "bundle.json")

    def _score(self, rows: Sequence[TrainingRow]) -> tuple[Bundle, list[Prediction]]:
        bundle = load_bundle(self.target)
        return bundle, predict_rows(OnnxPredictor(bundle, threads=2), rows)

    def _fit_temperatures(self, predictions: Sequence[Prediction]) -> None:
        sizes = head_sizes(len(self.codes.categories), len(self.codes.departments))
        targets = targets_of(self.calibration.heads, self.codes, sizes)
        logits = {head: torch.from_numpy(_logits(predictions, head)) for head in targets}
        self.manifest["temperatures"] = calibrate.fit_temperatures(logits, targets)
        self._write()

    def _fit_implied(self, bundle: Bundle, predictions: Sequence[Prediction]) -> None:
        """Fit how much the category has a say in the heads that follow from it."""
        sizes = head_sizes(len(self.codes.categories), len(self.codes.departments))
        known = targets_of(self.split.train, self.codes, sizes)
        targets = targets_of(self.calibration.heads, self.codes, sizes)
        categories = np.stack([one.category for one in predictions])
        section = {}
        for head in IMPLIED_HEADS:
            table = implied_table(known["category"], known[head])
            own = np.stack([getattr(one, head) for one in predictions])
            weights = calibrate.fit_pool(own, categories @ table, targets[head])
            section[head] = {"own": weights[0], "share": weights[1],
                             "table": [[round(float(value), 5) for value in row] for row in table]}
        self.manifest["fitted"]["implied"] = section
        self._write()

    def _fit_urgency(self, router: Router) -> None:
        """Fit the cuts and the floor on all calibration messages: the promises are about category and lead."""
        rows = [*self.calibration.fit, *self.calibration.promise]
        predictions = self._score(rows)[1]
        scores = np.stack([one.urgency for one in predictions])
        levels = np.array([int(row.urgency or 3) for row in rows])
        self.manifest["urgency_cuts"] = calibrate.fit_urgency_cuts(scores, levels)
        alone = np.array([confidence_of(router, one, row) >= self.manifest["decision"]["category"]
                          for one, row in zip(predictions, rows, strict=True)])
        self.manifest["decision"]["urgent"] = calibrate.fit_urgent_floor(scores, levels, alone, MISSED_URGENT)
        self._write()

    def _router(self, bundle: Bundle, section: Mapping[str, Any]) -> Router:
        predictor = OnnxPredictor(bundle, threads=2)
        vectors = self.run / VECTORS_FILE
        index = open_duty_index(self.knowledge_base, predictor, bundle.model_sha256, [vectors], vectors)
        return Router(self.knowledge_base, bundle.category_labels, bundle.department_labels, index, section)

    def _fit_router(self, bundle: Bundle, predictions: Sequence[Prediction]) -> Router:
        """Fit the lead on its own part; co-handlers and territory, which no promise speaks of, on all messages."""
        rows = self.calibration.fit
        counts = fit_router.label_counts([*self.split.train, *knowledge_rows(self.knowledge_base.folder)])
        router = self._router(bundle, counts)
        features = fit_router.features_of(router, rows, predictions)
        position = {code: i for i, code in enumerate(router.department_codes)}
        lead = fit_router.fit_lead(features, [position[str(row.lead)] for row in rows])
        router = self._router(bundle, {**counts, "lead": lead})
        everything = [*rows, *self.calibration.promise]
        scored = [*predictions, *self._score(self.calibration.promise)[1]]
        helpers = np.array([[code in (row.co or ()) for code in router.department_codes] for row in everything])
        acted = [(one.territory[0], row.territory[0]) for one, row in zip(scored, everything, strict=True)
                 if row.territory is not None]
        threshold = fit_router.best_threshold(np.array([[p] for p, _ in acted]), np.array([[t] for _, t in acted]))
        co = fit_router.fit_co(fit_router.features_of(router, everything, scored), helpers)
        section = fit_router.router_section(lead, co, threshold, counts)
        self.manifest["fitted"]["router"] = section
        self._write()
        return self._router(bundle, section)

    def _fit_promises(self, router: Router) -> None:
        rows = self.calibration.promise
        bundle, predictions = self._score(rows)
        categories = {code: i for i, code in enumerate(bundle.category_labels)}
        labels = np.array([categories[str(row.category)] for row in rows])
        probabilities = np.stack([one.category for one in predictions])
        self.manifest["prediction_set_threshold"] = calibrate.fit_prediction_set(probabilities, labels)
        leads = [router.lead_probabilities(router.features(one, plain_text(row)))
                 for one, row in zip(predictions, rows, strict=True)]
        correct = np.array([bundle.category_labels[int(one.category.argmax())] == row.category
                            and router.department_codes[int(lead.argmax())] == row.lead
                            for one, lead, row in zip(predictions, leads, rows, strict=True)])
        confidence = np.minimum(probabilities.max(axis=1), np.array([lead.max() for lead in leads]))
        fits = [calibrate.fit_decision(confidence, correct, budget) for budget in ERROR_BUDGETS]
        self.manifest["metrics"]["decisions_on_calibration"] = [asdict(fit) for fit in fits]
        kept = [fit for fit in fits if fit.decided and fit.error_budget >= PROMISED_BUDGET]
        promised = kept[0] if kept else fits[ERROR_BUDGETS.index(PROMISED_BUDGET)]
        self.manifest["decision"] = {"error_budget": promised.error_budget, "category": promised.threshold,
                                     "lead": promised.threshold}
        self._write()

    def _fit_duplicates(self) -> None:
        pairs = [pair for pair in read_pairs(self.data / "duplicate_pairs.jsonl") if not pair.is_test]
        negatives = fit_duplicates.sample_negatives(self.split.train, fit_duplicates.NEGATIVES_A_PAIR * len(pairs) // 2,
                                                    seed=1)
        predictor = OnnxPredictor(load_bundle(self.target), threads=2)
        self.manifest["fitted"]["duplicates"] = fit_duplicates.fit_duplicates(
            fit_duplicates.build_pair_set(pairs, negatives, predictor))
        self._write()


def confidence_of(router: Router, prediction: Prediction, row: TrainingRow) -> float:
    """Return the lesser of the probabilities of category and lead."""
    leads = router.lead_probabilities(router.features(prediction, plain_text(row)))
    return float(min(prediction.category.max(), leads.max()))


def implied_table(categories: Tensor, labels: Tensor) -> FloatArray:
    """Return P(label | category), float32 (C, size), from rows that carry both, one row more of the overall shares."""
    both = ~(torch.isnan(categories[:, 0]) | torch.isnan(labels[:, 0]))
    counts = (categories[both].T @ labels[both]).numpy()
    counts += labels[both].mean(dim=0).numpy()
    return np.asarray(counts / counts.sum(axis=1, keepdims=True), dtype=np.float32)


def _taxonomy_path() -> Path:
    from knowledge_base.loading import DEFAULT_FOLDER

    return DEFAULT_FOLDER / "taxonomy.tsv"
