"""Measuring a bundle on the held-out messages: every figure with its interval, from the served model itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation import metrics
from evaluation.metrics import Measured
from knowledge_base.danger import danger_reasons
from knowledge_base.duplicates import DuplicateScorer
from knowledge_base.index import VECTORS_FILE, open_duty_index
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, load_knowledge_base
from knowledge_base.router import Router
from models.bundle import Bundle, load_bundle
from models.calibration import urgency_level
from models.contract import KINDS, TERRITORY_CODES, XINFANG_LABELS, Prediction
from models.predictor import OnnxPredictor
from training.bundle_stage import predict_rows
from training.examples import plain_text
from training.fit_duplicates import build_pair_set, sample_negatives
from training.pairs import read_pairs
from training.schema import TrainingRow, read_codes
from training.sources import read_rows, split_rows

Figures = dict[str, Measured]


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Held-out rows with what the bundle and the router say of them."""

    rows: list[TrainingRow]
    predictions: list[Prediction]
    leads: NDArray[np.float64]
    helpers: NDArray[np.float64]

    @property
    def groups(self) -> list[str]:
        """The group of every row."""
        return [row.group for row in self.rows]

    def stack(self, head: str) -> NDArray[np.float64]:
        """Return a head's probabilities, float64 (N, size)."""
        return np.stack([getattr(one, head) for one in self.predictions]).astype(np.float64)


class Evaluation:
    """Measures one bundle; ``run`` returns the report as JSON-ready values.

    ``vectors`` is a file of duty embeddings beside that of the knowledge base; what neither holds is computed.
    """

    def __init__(self, data: Path, knowledge_base: Path, bundle: Path, split: str = "dev",
                 vectors: Path | None = None) -> None:
        self.knowledge_base: KnowledgeBase = load_knowledge_base(knowledge_base)
        self.bundle: Bundle = load_bundle(bundle)
        self.predictor = OnnxPredictor(self.bundle, threads=2)
        self.split_name, self.data = split, data
        self.split = split_rows(read_rows(data, read_codes(knowledge_base)))
        index = open_duty_index(self.knowledge_base, self.predictor, self.bundle.model_sha256,
                                [path for path in (DEFAULT_FOLDER / VECTORS_FILE, vectors) if path])
        self.router = Router(self.knowledge_base, self.bundle.category_labels, self.bundle.department_labels, index,
                             self.bundle.fitted["router"])

    def run(self) -> dict[str, Any]:
        """Measure everything; figures come with 95 % cluster-bootstrap intervals."""
        scored = self.scored
        sections = {"heads": self._heads(scored), "calibration": self._calibration(scored),
                    "routing": self._routing(scored), "decisions": self._decisions(scored),
                    "xinfang": self._xinfang(), "duplicates": self._duplicates()}
        return {"bundle": self.bundle.version, "model_sha256": self.bundle.model_sha256,
                "knowledge_base": self.knowledge_base.version, "split": self.split_name, "rows": len(scored.rows),
                **{name: {key: value.as_json() for key, value in figures.items()}
                   for name, figures in sections.items()},
                "per_category": self._per_category(scored)}

    @cached_property
    def scored(self) -> Scored:
        """The labelled rows of the split with what is said of them."""
        return self._score([row for row in getattr(self.split, self.split_name) if row.category])

    @cached_property
    def xinfang_scores(self) -> NDArray[np.float64]:
        """Probabilities of the 7-class label of its held-out rows, float64 (N, 7)."""
        predictions = predict_rows(self.predictor, self.split.xinfang_test)
        return np.array([one.xinfang for one in predictions], dtype=np.float64).reshape(-1, len(XINFANG_LABELS))

    def _score(self, rows: list[TrainingRow]) -> Scored:
        if not rows:
            raise ValueError(f"the split {self.split_name!r} has no labelled message")
        predictions = predict_rows(self.predictor, rows)
        features = [self.router.features(one, plain_text(row)) for one, row in zip(predictions, rows, strict=True)]
        return Scored(rows, predictions,
                      np.stack([self.router.lead_probabilities(one) for one in features]).astype(np.float64),
                      np.stack([self.router.co_probabilities(one) for one in features]).astype(np.float64))

    def _labels(self, scored: Scored) -> dict[str, NDArray[np.int64]]:
        position = {code: i for i, code in enumerate(self.router.department_codes)}
        return {"category": np.array([self.bundle.category_labels.index(str(row.category)) for row in scored.rows]),
                "kind": np.array([KINDS.index(str(row.kind)) for row in scored.rows]),
                "urgency": np.array([int(row.urgency or 3) - 1 for row in scored.rows]),
                "lead": np.array([position[str(row.lead)] for row in scored.rows])}

    def first_levels(self) -> tuple[list[str], NDArray[np.int64]]:
        """Return the first levels, and the number of each category's own, int64 (C,)."""
        names = [self.knowledge_base.taxonomy.path(code)[0] for code in self.bundle.category_labels]
        unique = sorted(set(names))
        return unique, np.array([unique.index(name) for name in names])

    def first_level_probabilities(self, scored: Scored) -> NDArray[np.float64]:
        """Return what the categories of each first level have together, float64 (N, first levels)."""
        category, (unique, first) = scored.stack("category"), self.first_levels()
        return np.stack([category[:, first == i].sum(axis=1) for i in range(len(unique))], axis=1)

    def _heads(self, scored: Scored) -> Figures:
        labels, groups = self._labels(scored), scored.groups
        category, kind = (scored.stack(head) for head in ("category", "kind"))
        first = self.first_levels()[1]
        marginal = self.first_level_probabilities(scored)
        level = np.array([self.level(*pair) - 1 for pair in zip(scored.predictions, scored.rows, strict=True)])
        urgent = labels["urgency"] <= 1
        kappa = _rows(lambda i: metrics.quadratic_kappa(level[i], labels["urgency"][i], 4), groups)
        return {
            "first_level_accuracy": _accuracy(marginal.argmax(1), first[labels["category"]], groups),
            "second_level_accuracy": _accuracy(category.argmax(1), labels["category"], groups),
            "second_level_macro_f1": _rows(lambda i: metrics.macro_f1(category.argmax(1)[i], labels["category"][i]),
                                           groups),
            "second_level_top3": _rows(lambda i: metrics.top_k(category[i], labels["category"][i], 3), groups),
            "kind_accuracy": _accuracy(kind.argmax(1), labels["kind"], groups),
            "urgency_quadratic_kappa": kappa,
            "urgency_recall_levels_1_2": _rows(
                lambda i: _share(level[i][urgent[i]] <= 1), groups),
            "lead_accuracy": _accuracy(scored.leads.argmax(1), labels["lead"], groups),
            "lead_top3": _rows(lambda i: metrics.top_k(scored.leads[i], labels["lead"][i], 3), groups),
            "lead_accuracy_head_alone": _accuracy(scored.stack("lead").argmax(1), self._head_leads(scored), groups),
        }

    def level(self, prediction: Prediction, row: TrainingRow) -> int:
        """Return the urgency level that is served."""
        return urgency_level(prediction.urgency, self.bundle.urgency_cuts, danger=bool(danger_reasons(plain_text(row))))

    def _head_leads(self, scored: Scored) -> NDArray[np.int64]:
        return np.array([self.bundle.department_labels.index(str(row.lead)) for row in scored.rows])

    def _calibration(self, scored: Scored) -> Figures:
        labels = self._labels(scored)
        tables = {"category": scored.stack("category"), "kind": scored.stack("kind"),
                  "urgency": scored.stack("urgency"), "lead": scored.leads}
        return {f"{head}_calibration_error": _calibration(table, labels[head], scored.groups)
                for head, table in tables.items()}

    def _routing(self, scored: Scored) -> Figures:
        codes = self.router.department_codes
        helpers = np.array([[code in (row.co or ()) for code in codes] for row in scored.rows])
        chosen = scored.helpers >= float(self.bundle.fitted["router"]["co_threshold"])
        chosen[np.arange(len(chosen)), scored.leads.argmax(1)] = False
        figures = {"co_micro_f1": _rows(lambda i: metrics.micro_f1(chosen[i], helpers[i]), scored.groups)}
        acted = [(n, actor) for n, row in enumerate(scored.rows) if (actor := _functional_actor(row))]
        if acted:
            rows = np.array([n for n, _ in acted])
            truth = np.array([codes.index(actor) for _, actor in acted])
            figures["lead_against_who_acted"] = _accuracy(scored.leads[rows].argmax(1), truth,
                                                          [scored.rows[n].group for n in rows])
        replied = [n for n, row in enumerate(scored.rows) if row.territory is not None]
        involved = np.array([bool((scored.rows[n].territory or (False,))[0]) for n in replied])
        territory = scored.stack("territory")[replied][:, 0]
        figures["territory_auc"] = _rows(lambda i: metrics.area_under_roc(territory[i], involved[i]),
                                         [scored.rows[n].group for n in replied])
        return figures

    def _decisions(self, scored: Scored) -> Figures:
        labels, category = self._labels(scored), scored.stack("category")
        promised = self.bundle.decision
        alone = (category.max(1) >= promised.category) & (scored.leads.max(1) >= promised.lead)
        wrong = (category.argmax(1) != labels["category"]) | (scored.leads.argmax(1) != labels["lead"])
        return {"share_certain": _rows(lambda i: _share(alone[i]), scored.groups),
                "error_where_certain": _rows(lambda i: _share(wrong[i][alone[i]]), scored.groups)}

    def _xinfang(self) -> Figures:
        rows, scores = self.split.xinfang_test, self.xinfang_scores
        truth = np.array([XINFANG_LABELS.index(str(row.xinfang)) for row in rows], dtype=np.int64)
        groups = [row.group for row in rows]
        return {"accuracy": _accuracy(scores.argmax(1), truth, groups),
                "macro_f1": _rows(lambda i: metrics.macro_f1(scores.argmax(1)[i], truth[i]), groups),
                "calibration_error": _calibration(scores, truth, groups)}

    def _duplicates(self) -> Figures:
        pairs = [pair for pair in read_pairs(self.data / "duplicate_pairs.jsonl") if pair.is_test]
        held = [*self.split.calibration, *self.split.dev]
        negatives = sample_negatives(held, 3 * len(pairs), seed=2)
        found = build_pair_set(pairs, negatives, self.predictor)
        scorer = DuplicateScorer(self.bundle.fitted["duplicates"])
        scores = np.array([scorer.score_features(row).score for row in found.features])
        truth, drawn = found.duplicate, np.array(found.drawn)
        events = [pair.event for pair in pairs] + [f"sampled:{n}" for n in range(len(negatives))]
        sure = scores >= scorer.threshold
        figures = {"auc": _rows(lambda i: metrics.area_under_roc(scores[i], truth[i]), events),
                   "auc_labelled_pairs_only": _part_auc(scores, truth, np.isin(drawn, ("words", "meaning")), events),
                   "auc_drawn_by_meaning": _part_auc(scores, truth, drawn != "words", events),
                   "precision_at_threshold": _rows(lambda i: _share(truth[i][sure[i]]), events),
                   "recall_at_threshold": _rows(lambda i: _share(sure[i][truth[i]]), events)}
        cosine = found.features[:, 0].astype(np.float64)
        figures["auc_embedding_alone"] = _rows(lambda i: metrics.area_under_roc(cosine[i], truth[i]), events)
        return figures

    def _per_category(self, scored: Scored) -> dict[str, dict[str, float | int]]:
        truth = self._labels(scored)["category"]
        predicted = scored.stack("category").argmax(1)
        table = {}
        for label in np.unique(truth):
            rows = truth == label
            table[self.bundle.category_labels[label]] = {
                "rows": int(rows.sum()), "recall": round(float((predicted[rows] == label).mean()), 3),
                "predicted": int((predicted == label).sum())}
        return table


def _functional_actor(row: TrainingRow) -> str | None:
    """Return the first functional department that acted by the reply."""
    return next((code for code in (row.reply_lead, *(row.reply_co or ())) if code and code not in TERRITORY_CODES),
                None)


def _share(values: NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _rows(statistic: Callable[[NDArray[np.int64]], float], groups: Sequence[str]) -> Measured:
    return metrics.bootstrap(statistic, groups)


def _accuracy(predicted: NDArray[np.int64], truth: NDArray[np.int64], groups: Sequence[str]) -> Measured:
    return _rows(lambda i: metrics.accuracy(predicted[i], truth[i]), groups)


def _calibration(table: NDArray[np.float64], truth: NDArray[np.int64], groups: Sequence[str]) -> Measured:
    confidence, correct = table.max(1), table.argmax(1) == truth
    return _rows(lambda i: metrics.calibration_error(confidence[i], correct[i]), groups)


def _part_auc(scores: NDArray[np.float64], truth: NDArray[np.bool_], part: NDArray[np.bool_],
              events: Sequence[str]) -> Measured:
    rows = np.flatnonzero(part)
    return _rows(lambda i: metrics.area_under_roc(scores[rows[i]], truth[rows[i]]), [events[int(n)] for n in rows])


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """Return the report's figures as lines for a terminal."""
    lines = [f"bundle {report['bundle']}, split {report['split']}, {report['rows']} rows"]
    for section in ("heads", "calibration", "routing", "decisions", "xinfang", "duplicates"):
        lines += [f"  {section:<12}{name:<30}{figure['value']:7.3f}  [{figure['low']:.3f}, {figure['high']:.3f}]"
                  f"  n={figure['rows']}" for name, figure in report[section].items()]
    return lines
