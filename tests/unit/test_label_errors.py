"""Confident learning finds planted label errors and leaves sound labels alone."""

import numpy as np

from training.label_errors import suspects


def _scores(labels: np.ndarray, classes: int, sure: float) -> np.ndarray:
    scores = np.full((len(labels), classes), (1 - sure) / (classes - 1), dtype=np.float32)
    scores[np.arange(len(labels)), labels] = sure
    return scores


def test_planted_errors_are_found_most_doubtful_first() -> None:
    truth = np.arange(60) % 3
    scores = _scores(truth, 3, 0.8)
    scores[4] = [0.03, 0.02, 0.95]
    given = truth.copy()
    given[[4, 11]] = [0, 0]
    found = suspects(scores, given)
    assert [(one.row, one.given, one.suggested) for one in found] == [(4, 0, 2), (11, 0, 2)]
    assert found[0].doubt > found[1].doubt > 0


def test_sound_unlabelled_and_ambiguous_rows_are_not_suspect() -> None:
    truth = np.arange(30) % 3
    scores = _scores(truth, 3, 0.7)
    given = truth.copy()
    given[0], given[1] = -1, 2
    assert suspects(scores, given, also_right=[1 if row == 1 else None for row in range(30)]) == []
    assert [one.row for one in suspects(scores, given)] == [1]


def test_a_row_unsure_of_every_class_is_not_suspect() -> None:
    truth = np.arange(30) % 3
    scores = _scores(truth, 3, 0.9)
    scores[6] = [0.33, 0.34, 0.33]
    assert suspects(scores, truth) == []
