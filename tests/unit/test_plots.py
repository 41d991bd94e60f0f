"""Plots count what they show, and label it without Chinese characters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evaluation.outcomes import Outcome, by_head
from models.contract import KINDS
from training.plots import CONFUSIONS, OTHERS, RELIABILITIES, confusion, draw_plots, reliability


def outcomes(head: str, codes: list[str], rows: int = 200) -> list[Outcome]:
    random = np.random.default_rng(4)
    confidence = random.random(rows)
    return [Outcome(head, str(n), str(n), 10, codes[n % len(codes)],
                    codes[(n + (random.random() > confidence[n])) % len(codes)], float(confidence[n]))
            for n in range(rows)]


def test_a_confusion_matrix_counts_every_row() -> None:
    found = by_head(outcomes("kind", list(KINDS)))["kind"]
    names, table = confusion(found)
    assert len(names) == len(KINDS)
    assert all(name.isascii() for name in names)
    assert table.sum() == 200
    assert np.diag(table).sum() == found.correct.sum()
    assert table.sum(axis=1).tolist() == np.bincount(found.truth, minlength=7).tolist()


def test_rare_codes_are_put_together() -> None:
    codes = [f"D{n:02}" for n in range(30)]
    names, table = confusion(by_head(outcomes("lead", codes, 400))["lead"], most=5)
    assert len(names) == 6
    assert names[-1] == OTHERS
    assert table.sum() == 400


def test_reliability_is_what_the_calibration_error_counts() -> None:
    from evaluation.metrics import calibration_error

    found = by_head(outcomes("lead", ["a", "b"], 1000))["lead"]
    confidence, accuracy = reliability(found)
    assert len(confidence) == 10
    assert np.abs(confidence - accuracy).mean() == calibration_error(found.confidence, found.correct)


def test_every_plot_is_a_png(tmp_path: Path) -> None:
    rows = [*outcomes("first_level", ["HJ", "GY"]), *outcomes("kind", list(KINDS)), *outcomes("lead", ["CGJ", "XZ"])]
    drawn = draw_plots(rows, tmp_path / "plots")
    assert {path.name for path in drawn} == {
        *(f"confusion_{head}.png" for head in CONFUSIONS if head in ("first_level", "kind", "lead")),
        *(f"reliability_{head}.png" for head in RELIABILITIES if head in ("kind", "lead"))}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)
