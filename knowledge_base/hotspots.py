"""Categories by region that bring more reports than their own past explains, with false alarms held over all cells.

What a window should bring is the cell's own rate over twelve weeks (drawn a little to what its category and region
bring), times the sort of its days (weekday, holiday, made-up day), times how the category changed at this time a year
ago. The count is compared with a negative binomial, whose variance takes in how far counts scatter and how little may
be known of the rate. Windows of 1, 3 and 7 days are looked at. Over all windows of the cells that were busy before, and
over those of the others, the false discovery rate is held by Benjamini and Hochberg (1995): what was busy does not
depend on what is tested, so that many quiet cells do not hide a surge of a busy one (Bourgon et al. 2010).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from knowledge_base.count_tails import count_tail
from knowledge_base.daily_counts import Cell, DailyCounts, between, day_factors, exposure

WINDOWS = (1, 3, 7)
BASE_DAYS = 84
GAP_DAYS = 8
FEWEST_BASE_DAYS = 14
FEWEST_REPORTS = 3
FALSE_DISCOVERY_RATE = 0.1
EARLY_P = 0.005
BUSY_FROM = 3
DRAWN_DAYS = 14.0
LEAST_A_DAY = 0.01
SCATTER_UNKNOWN, LEAST_SCATTER, MOST_SCATTER = 0.15, 0.05, 1.0
_KNOWN_FROM = 0.5
_YEAR_DAYS = 364
_SEASON_DAYS = 28
_SEASON_SHRINK = 10.0
_LEAST_SEASON, _MOST_SEASON = 0.5, 2.0
_MOST_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class Surge:
    """A cell above its past: reports in the window of ``window_days`` whole days before today and today so far.

    ``limit`` is the count that chance alone passes once in 200 such windows; ``p_value`` is of this window alone.
    """

    category: str
    region: str | None
    window_days: int
    count: int
    expected: float
    limit: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Findings:
    """Surges (false discovery rate held), early warnings (single p below 0.005), and how much was looked at."""

    surges: tuple[Surge, ...]
    early: tuple[Surge, ...]
    cells: int
    base_days: int


class Baseline:
    """What every cell should bring on a day, from the counts before it."""

    def __init__(self, counts: DailyCounts, today: int, elapsed: float) -> None:
        self._counts, self._today, self._elapsed = counts, today, elapsed
        self._factors = day_factors(counts.total, today)
        self._end = today - GAP_DAYS
        self._start = max(min(counts.total, default=today), self._end - BASE_DAYS)
        self._exposure = exposure(range(self._start, self._end), self._factors)
        self._all = between(counts.total, self._start, self._end)
        self._windows = {days: exposure(range(today - days, today), self._factors)
                         + elapsed * exposure([today], self._factors) for days in WINDOWS}
        self._own = {cell: between(days, self._start, self._end) for cell, days in counts.cells.items()}
        self._seasons: dict[str, float] = {}
        self._marginals: dict[tuple[str, str | None], int] = {}
        self.scatter = self._scatter()

    @property
    def days(self) -> int:
        """How many days the rates are from."""
        return max(0, self._end - self._start)

    def busy(self, cell: Cell) -> bool:
        """Return whether a cell brought at least three reports in the twelve weeks."""
        return self._own.get(cell, 0) >= BUSY_FROM

    def expected(self, cell: Cell, days: int) -> tuple[float, float]:
        """Return the expected count of a window of a cell, and the size of its negative binomial."""
        own, drawn = self._own.get(cell, 0), self._drawn(cell)
        rate = (own + drawn * DRAWN_DAYS) / (self._exposure + DRAWN_DAYS)
        expected = max(LEAST_A_DAY * days, rate * self._windows[days] * self._season(cell[0]))
        return expected, 1.0 / (self.scatter + 1.0 / (own + drawn * DRAWN_DAYS + 0.5))

    def daily(self, cell: Cell, days: int) -> list[float]:
        """Return what each of the last days, today whole, should have brought."""
        seven, _ = self.expected(cell, WINDOWS[-1])
        a_day = seven / max(self._windows[WINDOWS[-1]], 1e-9)
        return [a_day * exposure([day], self._factors) for day in range(self._today - days + 1, self._today + 1)]

    def _drawn(self, cell: Cell) -> float:
        """Return the daily rate of a cell if its category came to every region alike."""
        if not self._all:
            return 0.0
        category, region = cell
        both = self._count("category", category) * self._count("region", region)
        return both / self._all / max(1.0, self._exposure)

    def _count(self, margin: str, name: str | None) -> int:
        key = (margin, name)
        if key not in self._marginals:
            counts = (self._counts.by_category.get(str(name), {}) if margin == "category"
                      else self._counts.by_region.get(name, {}))
            self._marginals[key] = between(counts, self._start, self._end)
        return self._marginals[key]

    def _season(self, category: str) -> float:
        """Return how a category's four weeks around this day a year ago compare with the twelve weeks before them."""
        if category not in self._seasons:
            middle = self._today - _YEAR_DAYS
            start, end = middle - _SEASON_DAYS // 2, middle + _SEASON_DAYS // 2
            counts = self._counts.by_category.get(category, {})
            known = min(self._counts.total, default=self._today) <= start - BASE_DAYS
            before = between(counts, start - BASE_DAYS, start) * _SEASON_DAYS / BASE_DAYS
            ratio = (between(counts, start, end) + _SEASON_SHRINK) / (before + _SEASON_SHRINK) if known else 1.0
            self._seasons[category] = min(_MOST_SEASON, max(_LEAST_SEASON, ratio))
        return self._seasons[category]

    def _scatter(self) -> float:
        """Return by the method of moments how far weekly counts scatter beyond Poisson, over the busier cells."""
        weeks = self.days // 7
        if weeks < 4:
            return SCATTER_UNKNOWN
        beyond = squares = 0.0
        for cell, counts in self._counts.cells.items():
            if self._own[cell] < _KNOWN_FROM * weeks:
                continue
            weekly = [between(counts, self._end - 7 * (week + 1), self._end - 7 * week) for week in range(weeks)]
            mean = sum(weekly) / weeks
            beyond += sum((count - mean) ** 2 for count in weekly) * weeks / (weeks - 1) - mean * weeks
            squares += mean * mean * weeks
        return min(MOST_SCATTER, max(LEAST_SCATTER, beyond / squares)) if squares else SCATTER_UNKNOWN


def find_surges(counts: DailyCounts, today: int, elapsed: float) -> Findings:
    """Return what stands above its past today, most improbable first.

    ``elapsed`` is the share of today that has gone, in [0, 1]. Where fewer than two weeks of past are known nothing
    is said.
    """
    baseline = Baseline(counts, today, elapsed)
    if baseline.days < FEWEST_BASE_DAYS:
        return Findings((), (), len(counts.cells), baseline.days)
    tested = [surge for cell, days in counts.cells.items()
              if between(days, today - WINDOWS[-1], today + 1) >= FEWEST_REPORTS
              for surge in _windows(cell, days, baseline, today)]
    passed: set[Surge] = set()
    for busy in (True, False):
        cells = sum(baseline.busy(cell) is busy for cell in counts.cells)
        passed |= _passed([one for one in tested if baseline.busy((one.category, one.region)) is busy], cells)
    chosen = _best(list(passed))
    early = _best([surge for surge in tested if surge not in passed and surge.p_value <= EARLY_P])
    named = {(surge.category, surge.region) for surge in chosen}
    return Findings(chosen, tuple(one for one in early if (one.category, one.region) not in named),
                    len(counts.cells), baseline.days)


def _passed(tested: Sequence[Surge], cells: int) -> set[Surge]:
    """Return the surges of one family of cells that the control lets pass."""
    held = hold_false_discoveries([surge.p_value for surge in tested], cells * len(WINDOWS))
    return {surge for surge in tested if surge.p_value <= held}


def hold_false_discoveries(p_values: Sequence[float], tests: int, rate: float = FALSE_DISCOVERY_RATE) -> float:
    """Return the largest p-value to call a finding so that at most this share is false (Benjamini and Hochberg 1995).

    ``tests`` counts all that were made; those without a p-value here count as 1. Nil where nothing is found.
    """
    found = [p for rank, p in enumerate(sorted(p_values), 1) if p <= rate * rank / max(1, tests)]
    return max(found, default=0.0)


def _windows(cell: Cell, days: Mapping[int, int], baseline: Baseline, today: int) -> list[Surge]:
    found = []
    for window in WINDOWS:
        count = between(days, today - window, today + 1)
        if count < FEWEST_REPORTS:
            continue
        expected, size = baseline.expected(cell, window)
        p_value = _chance(count, expected, size)
        limit = _limit(expected, size, count) if p_value <= EARLY_P else 0
        found.append(Surge(*cell, window, count, expected, limit, p_value))
    return found


def _chance(count: int, expected: float, size: float) -> float:
    """Return the mid-p value: the chance of more, and half that of just as many, since counts come in steps."""
    return (count_tail(count, expected, size) + count_tail(count + 1, expected, size)) / 2


def _limit(expected: float, size: float, most: int) -> int:
    """Return the lowest count whose chance is at most 0.005."""
    return next((count for count in range(int(expected) + 1, min(most, _MOST_LIMIT))
                 if _chance(count, expected, size) <= EARLY_P), most)


def _best(surges: Sequence[Surge]) -> tuple[Surge, ...]:
    """Return each cell's most improbable window, most improbable first."""
    best: dict[Cell, Surge] = {}
    for surge in sorted(surges, key=lambda one: (one.p_value, -one.count)):
        best.setdefault((surge.category, surge.region), surge)
    return tuple(best.values())
