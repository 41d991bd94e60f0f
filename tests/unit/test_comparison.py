"""Two bundles are compared on the same rows, and the gates pass and refuse as written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation import metrics
from evaluation.comparison import FIGURES, compare_classes, compare_figures, compare_slices, table_lines
from evaluation.gates import LARGEST_BYTES, TOLERANCES, Cost, cost_gates, first_champion, judge
from evaluation.latency import median_latencies
from evaluation.outcomes import Outcome, OutcomesError, by_head, paired, read_outcomes, write_outcomes
from models.contract import FloatArray, Prediction, Report
from models.dummy import DummyPredictor

ROWS = 300
LEVELS = ("1", "2", "3", "4")
CODES = {"first_level": ("HJ", "GY"), "category": ("HJ01", "GY01"), "kind": ("投诉", "咨询"), "urgency": LEVELS,
         "urgency_probable": LEVELS, "lead": ("CGJ", "GSGS"), "xinfang": ("环境保护", "城乡建设")}
COST = Cost(30_000_000, 10.0)


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 100)


def outcomes(right: float, seed: int = 1, heads: Sequence[str] = tuple(CODES)) -> list[Outcome]:
    """Rows of which a share is answered right, with a confidence that says so; equal seeds fail on equal rows."""
    found = []
    for head in heads:
        random = np.random.default_rng(seed)
        codes = CODES[head]
        for row in range(ROWS):
            truth = codes[row % len(codes)]
            predicted = truth if random.random() < right else codes[(row + 1) % len(codes)]
            found.append(Outcome(head, f"m{row}", f"g{row // 2}", 40 + row, truth, predicted, right))
    return found


def test_a_file_of_outcomes_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "outcomes.tsv"
    rows = [Outcome("kind", "m\t1", "g", 12, "投诉", "咨询", 0.123456), Outcome("lead", "2", "h", 3, "CGJ", "CGJ", 1.0)]
    write_outcomes(path, rows)
    assert read_outcomes(path) == rows
    path.write_text("head\tid\nkind\tm1\n", encoding="utf-8")
    with pytest.raises(OutcomesError, match="holds no outcomes"):
        read_outcomes(path)
    with pytest.raises(OutcomesError, match="holds no outcomes"):
        read_outcomes(tmp_path / "none.tsv")


def test_rows_are_paired_by_id_whatever_their_order() -> None:
    first, second = outcomes(0.8, heads=["kind"]), outcomes(0.6, 2, heads=["kind"])
    expected = {one.id: (one.predicted, other.predicted) for one, other in zip(first, second, strict=True)}
    one, other = paired(first, list(reversed(second))[:200])["kind"]
    assert one.ids == other.ids
    assert len(one.ids) == 200
    for place, message in enumerate(one.ids):
        assert (one.codes[one.predicted[place]], other.codes[other.predicted[place]]) == expected[message]


def test_other_rows_or_labels_cannot_be_paired() -> None:
    first = outcomes(0.8, heads=["kind"])
    with pytest.raises(OutcomesError, match="no row in common"):
        paired(first, [replace(one, id="x" + one.id) for one in first])
    with pytest.raises(OutcomesError, match=r"1 true labels differ between the evaluations \(first: kind of m0\)"):
        paired(first, [replace(first[0], truth="咨询"), *first[1:]])


def test_differences_are_those_of_the_figures() -> None:
    first, second = outcomes(0.7), outcomes(0.9, 2)
    found = {one.name: one for one in compare_figures(paired(first, second))}
    assert set(found) == {figure.name for figure in FIGURES}
    heads, others = by_head(first), by_head(second)
    kind = found["kind_accuracy"]
    assert kind.first == pytest.approx(heads["kind"].correct.mean())
    assert kind.second == pytest.approx(others["kind"].correct.mean())
    assert kind.difference == pytest.approx(kind.second - kind.first)
    assert kind.low < kind.difference < kind.high
    assert kind.surely_better
    assert not kind.surely_worse
    error = found["kind_calibration_error"]
    assert error.gain == pytest.approx(-error.difference)
    urgent = [one for one in first if one.head == "urgency" and one.truth in "12"]
    assert found["urgency_recall_levels_1_2"].first == pytest.approx(
        np.mean([one.predicted in "12" for one in urgent]))


def test_a_bundle_equals_itself() -> None:
    same = compare_figures(paired(outcomes(0.8), outcomes(0.8)))
    assert {(one.difference, one.low, one.high) for one in same} == {(0.0, 0.0, 0.0)}
    assert not any(one.surely_better or one.surely_worse for one in same)


def test_pairing_narrows_the_interval() -> None:
    """Two bundles that fail on nearly the same rows differ by less than chance alone would move each."""
    first = outcomes(0.8, heads=["kind"])
    second = [replace(one, predicted=one.truth) if number % 60 == 0 else one for number, one in enumerate(first)]
    close = compare_figures(paired(first, second))[0]
    other = compare_figures(paired(first, outcomes(0.8, 5, heads=["kind"])))[0]
    assert close.high - close.low < 0.5 * (other.high - other.low)


def test_classes_and_slices() -> None:
    pairs = paired(outcomes(0.8), outcomes(0.6, 2))
    classes = compare_classes(pairs, "category")
    assert [(one.name, one.rows) for one in classes] == [("category GY01", 150), ("category HJ01", 150)]
    assert all(one.first > one.second for one in classes)
    slices = {one.name: one for one in compare_slices(pairs)}
    assert set(slices) == {"first level GY", "first level HJ", "0 to 100 characters", "100 to 300 characters",
                           "300 characters and more"}
    assert slices["0 to 100 characters"].rows == 60
    assert compare_classes(pairs, "none") == []
    lines = table_lines(classes, "one", "two")
    assert len(lines) == 3
    assert "category HJ01" in lines[2]
    assert lines[2].endswith(" worse")


def judged(first: list[Outcome], second: list[Outcome], cost: Cost = COST) -> tuple[bool, str]:
    found = judge(paired(first, second), COST, cost)
    return found.promoted, "; ".join(found.reasons)


def changed(head: str, every: int, base: list[Outcome]) -> list[Outcome]:
    """Spoil every n-th answer of a head."""
    other = {code: codes[(place + 1) % len(codes)] for codes in CODES.values() for place, code in enumerate(codes)}
    return [replace(one, predicted=other[one.truth]) if one.head == head and number % every == 0 else one
            for number, one in enumerate(base)]


def test_a_better_challenger_is_promoted() -> None:
    assert judged(outcomes(0.7), outcomes(0.95, 2)) == (True, "")


def test_a_challenger_worse_in_one_head_is_refused_with_the_reason() -> None:
    better = outcomes(0.95, 2)
    for head, figure in (("kind", "kind_accuracy"), ("lead", "lead_accuracy"), ("xinfang", "xinfang_accuracy"),
                         ("first_level", "first_level_accuracy"), ("category", "second_level_accuracy"),
                         ("urgency", "urgency_quadratic_kappa")):
        promoted, why = judged(outcomes(0.9), changed(head, 3, better))
        assert not promoted
        assert f"{figure}: " in why


def test_overconfidence_is_refused() -> None:
    champion = outcomes(0.9)
    proud = [replace(one, confidence=1.0) if one.head == "lead" else one for one in champion]
    promoted, why = judged(champion, proud)
    assert not promoted
    assert why.startswith("lead_calibration_error: ")


def test_better_in_nothing_is_not_promoted() -> None:
    promoted, why = judged(outcomes(0.8), outcomes(0.8))
    assert not promoted
    assert why.startswith("better in nothing")


def test_a_loss_within_tolerance_and_interval_is_allowed() -> None:
    """One answer of 300 is less than any tolerance; the gain elsewhere decides."""
    champion = outcomes(0.8)
    challenger = [replace(one, predicted=one.truth) if one.head == "kind" else one for one in champion]
    spoilt = next(n for n, one in enumerate(challenger) if one.head == "lead" and one.predicted == one.truth)
    challenger[spoilt] = replace(challenger[spoilt], predicted="GSGS" if challenger[spoilt].truth == "CGJ" else "CGJ")
    found = judge(paired(champion, challenger), COST, COST)
    lead = next(gate for gate in found.gates if gate.name == "lead_accuracy")
    assert lead.passed
    assert "(-0.003" in lead.found


def test_a_slice_that_falls_is_refused() -> None:
    champion = outcomes(0.9)
    better = [replace(one, predicted=one.truth) for one in champion]
    fallen = [replace(one, predicted="GY01" if one.truth == "HJ01" else "HJ01")
              if one.head == "category" and one.characters < 62 else one for one in better]
    promoted, why = judged(champion, fallen)
    assert not promoted
    assert "slice 0 to 100 characters" in why


def test_a_head_that_was_not_measured_is_refused() -> None:
    heads = [head for head in CODES if head != "xinfang"]
    promoted, why = judged(outcomes(0.7, heads=heads), outcomes(0.95, 2, heads=heads))
    assert not promoted
    assert "xinfang_accuracy: not measured for both bundles" in why


def test_every_gated_figure_is_compared() -> None:
    assert set(TOLERANCES) <= {figure.name for figure in FIGURES}


@pytest.mark.parametrize(("cost", "passed", "better"), [
    (Cost(30_000_000, 10.0), (True, True), (False, False)), (Cost(33_000_001, 10.0), (False, True), (False, False)),
    (Cost(26_000_000, 7.9), (True, True), (True, True)), (Cost(30_000_000, 12.6), (True, False), (False, False)),
    (Cost(30_000_000, float("nan")), (True, False), (False, False))])
def test_size_and_latency(cost: Cost, passed: tuple[bool, bool], better: tuple[bool, bool]) -> None:
    gates = cost_gates(COST, cost)
    assert tuple(gate.passed for gate in gates) == passed
    assert tuple(gate.better for gate in gates) == better


def test_no_champion_can_excuse_a_bundle_that_is_too_large() -> None:
    assert not cost_gates(Cost(LARGEST_BYTES, 10.0), Cost(LARGEST_BYTES + 1, 1.0))[0].passed
    assert first_champion(COST).promoted
    refused = first_champion(Cost(LARGEST_BYTES + 1, 1.0))
    assert not refused.promoted
    assert refused.reasons == ("size: 45.0 MB (at most 45)",)


class Slow:
    """A predictor that counts its calls and takes a stated time by a clock of the test's."""

    def __init__(self, clock: list[float], seconds: float, order: list[str], name: str) -> None:
        self.clock, self.seconds, self.order, self.name = clock, seconds, order, name
        self.category_labels, self.department_labels = ("HJ01",), ("CGJ",)

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        self.clock[0] += self.seconds
        self.order.append(self.name)
        return DummyPredictor(self.category_labels, self.department_labels).predict(reports)

    def embed(self, texts: Sequence[str]) -> FloatArray:
        return DummyPredictor(self.category_labels, self.department_labels).embed(texts)


def test_latencies_are_medians_taken_by_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, order = [0.0], list[str]()
    monkeypatch.setattr("evaluation.latency.time.perf_counter", lambda: clock[0])
    found = median_latencies([Slow(clock, 0.010, order, "a"), Slow(clock, 0.025, order, "b")],
                             [Report(text="停水"), Report(text="油烟")], rounds=3)
    assert found == pytest.approx([10.0, 25.0])
    assert "".join(order) == "abab" + "baba" + "abab"
