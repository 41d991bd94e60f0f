"""Outcomes move the weights: little at first, towards the truth with many, never below nil."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from knowledge_base.errors import KnowledgeBaseError
from knowledge_base.false_report_weights import CODES, Judged, Weights, count_outcomes, fit, read_weights
from knowledge_base.rumour import read_rumour_wording

PRIOR = read_weights()


def closed(random: np.random.Generator, truth: Weights, count: int) -> list[tuple[tuple[str, ...], bool]]:
    """Return outcomes drawn from true weights: each code stands on one report in ten."""
    drawn = []
    for _ in range(count):
        reasons = tuple(code for code in CODES if random.random() < 0.1)
        drawn.append((reasons, bool(random.random() < truth.score(dict.fromkeys(reasons, 1.0)))))
    return drawn


def test_without_outcomes_the_prior_stands() -> None:
    assert fit(PRIOR, []) == PRIOR


def test_three_outcomes_move_little() -> None:
    learned = fit(PRIOR, [Judged(frozenset({"hearsay"}), 3, 3)])
    assert 0 < learned.by_code["hearsay"] - PRIOR.by_code["hearsay"] < 1.0
    assert abs(learned.score({}) - PRIOR.score({})) < 0.06
    assert not learned.enough_history


def test_many_outcomes_lead_to_the_truth() -> None:
    truth = Weights(-2.0, {**PRIOR.by_code, "hearsay": 2.5, "burst_of_copies": 0.3, "night_flood": 0.0})
    learned = fit(PRIOR, count_outcomes(closed(np.random.default_rng(1), truth, 20_000)))
    assert learned.enough_history
    assert learned.bias == pytest.approx(truth.bias, abs=0.15)
    for code in ("hearsay", "burst_of_copies", "night_flood"):
        assert learned.by_code[code] == pytest.approx(truth.by_code[code], abs=0.35)


def test_learned_scores_are_calibrated_on_other_outcomes() -> None:
    """The mean score of the upper and the lower half differs from the share unfounded by less than four sigma."""
    random = np.random.default_rng(2)
    truth = Weights(-1.5, {code: 0.5 * weight for code, weight in PRIOR.by_code.items()})
    learned = fit(PRIOR, count_outcomes(closed(random, truth, 10_000)))
    new = closed(random, truth, 10_000)
    scores = np.array([learned.score(dict.fromkeys(reasons, 1.0)) for reasons, _ in new])
    unfounded = np.array([wrong for _, wrong in new])
    for half in (scores >= np.median(scores), scores < np.median(scores)):
        sigma = np.sqrt(0.25 / half.sum())
        assert scores[half].mean() == pytest.approx(unfounded[half].mean(), abs=4 * sigma)


def test_no_weight_falls_below_nil() -> None:
    learned = fit(PRIOR, [Judged(frozenset({"hearsay"}), 5000, 0), Judged(frozenset(), 5000, 2500)])
    assert learned.by_code["hearsay"] == 0.0


def test_unknown_reasons_are_passed_over() -> None:
    assert count_outcomes([(("insufficient_history", "gone"), True)]) == [Judged(frozenset(), 1, 1)]


@pytest.mark.parametrize("content", [
    "{", "[]", json.dumps({"bias": 0, "weights": {}}),
    json.dumps({"bias": 0, "weights": {**PRIOR.by_code, "hearsay": -1}}),
    json.dumps({"bias": 0, "weights": {**PRIOR.by_code, "anonymous": 1}})])
def test_broken_weights_are_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "false_report.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"false_report\.json"):
        read_weights(path)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"bias": 0, "begins": 1, "full": 1, "runs": {}}',
                                     '{"bias": 0, "begins": 0, "full": 1, "runs": {"a": 1}}'])
def test_a_broken_list_of_rumours_is_refused_by_name(tmp_path: Path, content: str) -> None:
    path = tmp_path / "rumour.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(KnowledgeBaseError, match=r"rumour\.json"):
        read_rumour_wording(path)
