"""Surges against a cell's own past: expected counts, the alarm rate, what a surge needs to be seen."""

from __future__ import annotations

from datetime import date
from math import comb, exp, factorial

import numpy as np
import pytest

from knowledge_base.count_tails import count_tail
from knowledge_base.daily_counts import DailyCounts, between, day_class, day_factors
from knowledge_base.hotspots import Baseline, find_surges, hold_false_discoveries

TODAY = (date(2025, 6, 20) - date(1970, 1, 1)).days


def steady(random: np.random.Generator, cells: int = 40, rate: float = 0.6, days: int = 120) -> DailyCounts:
    """Return Poisson counts of cells that never change."""
    counts = DailyCounts()
    for cell in range(cells):
        for day, came in enumerate(random.poisson(rate, days)):
            if came:
                counts.add(f"C{cell % 8}", f"4301{cell:02d}", TODAY - days + 1 + day, int(came))
    return counts


@pytest.mark.parametrize(("count", "expected"), [(1, 2.0), (3, 0.5), (9, 4.0), (2, 6.0)])
def test_poisson_tails_are_right(count: int, expected: float) -> None:
    direct = 1 - sum(exp(-expected) * expected ** k / factorial(k) for k in range(count))
    assert count_tail(count, expected) == pytest.approx(direct, rel=1e-7)


@pytest.mark.parametrize(("count", "expected", "size"), [(1, 2.0, 3), (5, 1.5, 2), (12, 4.0, 5), (2, 6.0, 4)])
def test_negative_binomial_tails_are_right(count: int, expected: float, size: int) -> None:
    p = size / (size + expected)
    direct = 1 - sum(comb(k + size - 1, k) * p ** size * (1 - p) ** k for k in range(count))
    assert count_tail(count, expected, float(size)) == pytest.approx(direct, rel=1e-7)


def test_far_tails_keep_their_digits() -> None:
    assert 0 < count_tail(60, 1.0) < 1e-70
    assert count_tail(0, 1.0) == 1.0


@pytest.mark.parametrize(("day", "expected"), [
    (date(2025, 10, 1), "holiday"), (date(2025, 9, 28), "made_up"), (date(2025, 6, 20), "4"),
    (date(2025, 6, 21), "5"), (date(2099, 1, 5), "0")])
def test_holidays_and_made_up_days_are_their_own_sorts(day: date, expected: str) -> None:
    assert day_class((day - date(1970, 1, 1)).days) == expected


def test_days_count_by_what_they_usually_bring() -> None:
    total = {day: 20 if day_class(day) in "01234" else 6 for day in range(TODAY - 300, TODAY)}
    factors = day_factors(total, TODAY)
    assert factors["5"] < 0.6 < 1.0 < factors["2"]


def test_a_quiet_weekend_is_expected_after_a_busy_week() -> None:
    counts = DailyCounts()
    for day in range(TODAY - 300, TODAY + 3):
        counts.add("C", "430101", day, 20 if day_class(day) in "01234" else 6)
    saturday = Baseline(counts, TODAY + 1, 1.0).daily(("C", "430101"), 1)[0]
    assert saturday == pytest.approx(6, rel=0.3)


def test_an_hour_of_the_day_is_expected_to_bring_a_part_of_it() -> None:
    counts = steady(np.random.default_rng(1))
    early, late = (Baseline(counts, TODAY, elapsed).expected(("C0", "430100"), 1)[0] for elapsed in (0.0, 1.0))
    assert late == pytest.approx(2 * early, rel=0.3)


def test_what_the_same_time_of_the_year_before_brought_is_expected_again() -> None:
    counts = DailyCounts()
    for day in range(TODAY - 480, TODAY + 1):
        in_season = abs(day - (TODAY - 364)) <= 14
        counts.add("HEAT", "430101", day, 6 if in_season else 3)
        counts.add("ELSE", "430101", day, 3)
    heating, other = (Baseline(counts, TODAY, 1.0).expected((code, "430101"), 7)[0] for code in ("HEAT", "ELSE"))
    assert heating > 1.5 * other


def test_alarms_are_rare_where_nothing_changes() -> None:
    """At a false discovery rate of 0.1 one look in ten may hold a false alarm: at most 13 of 60 in 99 of 100 runs."""
    random = np.random.default_rng(5)
    assert sum(bool(find_surges(steady(random), TODAY, 1.0).surges) for _ in range(60)) <= 13


def test_a_fivefold_surge_of_three_days_is_found() -> None:
    random = np.random.default_rng(7)
    found = 0
    for _ in range(20):
        counts = steady(random, rate=1.0)
        for day in range(TODAY - 2, TODAY + 1):
            counts.add("C3", "430103", day, 4)
        found += ("C3", "430103") in {(one.category, one.region) for one in find_surges(counts, TODAY, 1.0).surges}
    assert found >= 18


def test_nothing_is_said_without_two_weeks_of_past() -> None:
    counts = DailyCounts()
    for day in range(TODAY - 15, TODAY + 1):
        counts.add("C", "430101", day, 30 if day == TODAY else 1)
    found = find_surges(counts, TODAY, 1.0)
    assert found.surges == found.early == ()
    assert found.base_days < 14


def test_days_to_come_do_not_count() -> None:
    counts = steady(np.random.default_rng(2))
    before = find_surges(counts, TODAY, 1.0)
    counts.add("C0", "430100", TODAY + 400, 50)
    after = find_surges(counts, TODAY, 1.0)
    assert (after.surges, after.early) == (before.surges, before.early)


@pytest.mark.parametrize(("p_values", "tests", "held"), [
    ([0.001, 0.008, 0.039, 0.041], 5, 0.041), ([0.001, 0.02, 0.3], 1000, 0.0), ([], 10, 0.0), ([0.004], 10, 0.004)])
def test_false_discoveries_are_held_as_benjamini_and_hochberg_say(p_values: list[float], tests: int,
                                                                  held: float) -> None:
    assert hold_false_discoveries(p_values, tests, 0.1) == held


def test_old_days_are_forgotten() -> None:
    counts = DailyCounts()
    counts.add("C", None, TODAY - 600, 3)
    counts.add("D", None, TODAY, 2)
    counts.forget_before(TODAY - 500)
    assert set(counts.cells) == {("D", None)}
    assert counts.total == {TODAY: 2}
    assert between(counts.total, TODAY, TODAY + 1) == 2
