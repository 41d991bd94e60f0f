"""Plots of an evaluation: confusion matrices and reliability diagrams, with codes in place of Chinese labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.outcomes import HeadOutcomes, Outcome, by_head
from models.contract import KINDS, XINFANG_LABELS

KIND_NAMES = ("tip-off", "complaint", "help", "inquiry", "suggestion", "praise", "other")
XINFANG_NAMES = ("construction", "environment", "transport", "education", "labour", "trade", "health")
CONFUSIONS = ("first_level", "kind", "urgency", "lead", "xinfang")
RELIABILITIES = ("category", "kind", "urgency_probable", "lead", "xinfang")
MOST_CODES = 20
OTHERS = "others"
BINS = 10
_NAMES = {**dict(zip(KINDS, KIND_NAMES, strict=True)), **dict(zip(XINFANG_LABELS, XINFANG_NAMES, strict=True))}


def confusion(outcomes: HeadOutcomes, most: int = MOST_CODES) -> tuple[list[str], NDArray[np.int64]]:
    """Return codes and counts (true rows, predicted columns); codes beyond the most frequent are put together."""
    counts = np.bincount(outcomes.truth, minlength=len(outcomes.codes))
    order = np.argsort(-counts, kind="stable")
    kept = sorted(int(label) for label in order[:most])
    place = np.full(len(outcomes.codes), len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    size = len(kept) + (len(kept) < len(outcomes.codes))
    table = np.zeros((size, size), dtype=np.int64)
    np.add.at(table, (place[outcomes.truth], place[outcomes.predicted]), 1)
    names = [_NAMES.get(outcomes.codes[label], outcomes.codes[label]) for label in kept]
    return [*names, *([OTHERS] if size > len(kept) else [])], table


def reliability(outcomes: HeadOutcomes, bins: int = BINS) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean confidence and accuracy of equally filled bins, as the calibration error counts them."""
    parts = [part for part in np.array_split(np.argsort(outcomes.confidence, kind="stable"), bins) if len(part)]
    return (np.array([outcomes.confidence[part].mean() for part in parts]),
            np.array([outcomes.correct[part].mean() for part in parts]))


def draw_plots(outcomes: Sequence[Outcome], folder: Path) -> list[Path]:
    """Write every plot as a PNG and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = by_head(outcomes)
    drawn = [_draw_confusion(head, heads[head], folder) for head in CONFUSIONS if head in heads]
    return drawn + [_draw_reliability(head, heads[head], folder) for head in RELIABILITIES if head in heads]


def _draw_confusion(head: str, outcomes: HeadOutcomes, folder: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names, table = confusion(outcomes)
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    side = 2.5 + 0.42 * len(names)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    axes.set(xticks=range(len(names)), yticks=range(len(names)), xlabel="predicted", ylabel="true",
             title=f"{head}: rows, coloured by share of the true class")
    axes.set_xticklabels(names, rotation=90)
    axes.set_yticklabels(names)
    for row, column in zip(*np.nonzero(table), strict=True):
        axes.text(column, row, str(table[row, column]), ha="center", va="center", fontsize=7,
                  color="white" if shares[row, column] > 0.5 else "black")
    path = folder / f"confusion_{head}.png"
    FigureCanvasAgg(figure).print_png(str(path))
    return path


def _draw_reliability(head: str, outcomes: HeadOutcomes, folder: Path) -> Path:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    confidence, accuracy = reliability(outcomes)
    figure = Figure(figsize=(4.5, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    axes.plot(confidence, accuracy, marker="o")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean confidence", ylabel="accuracy",
             title=f"{head}: {len(outcomes.ids)} rows in {len(confidence)} bins")
    path = folder / f"reliability_{head}.png"
    FigureCanvasAgg(figure).print_png(str(path))
    return path
