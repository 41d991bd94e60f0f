"""How soon injected surges are found over real daily counts, and how often the alarm is false.

Run: ``python -m evaluation.hotspots --data ../shared/data``. Cells are the annotated category (one unknown for
other messages) by the masked district that a message names first. A year is looked at day by day, each day at its
end, with the same code as the service. No message is printed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from evaluation.message_times import parse_moment
from knowledge_base.daily_counts import Cell, DailyCounts
from knowledge_base.hotspots import find_surges

DISTRICT = re.compile(r"[A-Z]\d+[市区县]")
FIRST_DAY, LAST_DAY = datetime(2019, 1, 15, tzinfo=UTC), datetime(2019, 12, 15, tzinfo=UTC)
FACTORS = (2, 3, 5)
LEVELS = ((0.25, 1.0), (1.0, 3.0), (3.0, 1e9))
SURGE_DAYS = 21
WEEK = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Dated:
    """A message by day and cell."""

    day: int
    cell: Cell


@dataclass(frozen=True, slots=True)
class Injection:
    """A surge put into a cell: how busy the cell is a week, how much it grows.

    ``delay`` is the days to the alarm, ``early`` those to the alarm or an early warning; None where there was none.
    """

    weekly: float
    factor: int
    delay: int | None
    early: int | None


def read_dated(data: Path) -> list[Dated]:
    """Return the messages with a time whose category is annotated or, for others, whose district alone is known."""
    found = []
    for name in ("annotated", "unlabelled"):
        with (data / f"{name}.jsonl").open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                at = parse_moment(row["time"])
                if at is not None:
                    district = DISTRICT.search(row["title"] + row["text"])
                    found.append(Dated((at - _EPOCH).days,
                                       (str(row.get("category") or "?"), district.group() if district else None)))
    return found


def alarms(messages: list[Dated], first: int, last: int) -> Iterator[tuple[int, set[Cell], set[Cell]]]:
    """Yield each day with the cells that are named as surges at its end, and those named at all."""
    counts, waiting = DailyCounts(), sorted(messages, key=lambda one: one.day)
    place = 0
    for day in range(first, last):
        while place < len(waiting) and waiting[place].day <= day:
            counts.add(*waiting[place].cell, waiting[place].day)
            place += 1
        found = find_surges(counts, day, 1.0)
        surges = {(one.category, one.region) for one in found.surges}
        yield day, surges, surges | {(one.category, one.region) for one in found.early}


def alarms_a_week(messages: list[Dated], first: int, last: int) -> tuple[float, float]:
    """Return how many alarms, and alarms or early warnings, begin in a week: none of it in the seven days before."""
    begun, seen = [0, 0], [dict[Cell, int](), dict[Cell, int]()]
    for day, *named in alarms(messages, first, last):
        for sort, cells in enumerate(named):
            for cell in cells:
                begun[sort] += day - seen[sort].get(cell, day - WEEK - 1) > WEEK
                seen[sort][cell] = day
    return begun[0] / ((last - first) / WEEK), begun[1] / ((last - first) / WEEK)


def without_surges(messages: list[Dated], random: np.random.Generator) -> list[Dated]:
    """Return the messages with the cells dealt out anew among messages of the same four weeks: no cell surges."""
    blocks: dict[int, list[int]] = {}
    for place, one in enumerate(messages):
        blocks.setdefault(one.day // (4 * WEEK), []).append(place)
    dealt = list(messages)
    for places in blocks.values():
        for place, other in zip(places, random.permutation(places), strict=True):
            dealt[place] = Dated(messages[place].day, messages[int(other)].cell)
    return dealt


def inject(messages: list[Dated], random: np.random.Generator, count: int) -> list[Injection]:
    """Return what became of ``count`` surges for each factor and level, each injected alone for three weeks."""
    first, last = (LAST_DAY - _EPOCH).days - 300, (LAST_DAY - _EPOCH).days - SURGE_DAYS
    found = []
    for low, high in LEVELS:
        for factor in FACTORS:
            for _ in range(count):
                start = int(random.integers(first, last))
                weekly = Counter(one.cell for one in messages if start - 12 * WEEK <= one.day < start)
                cells = [cell for cell, total in weekly.items() if low <= total / 12 < high]
                if cells:
                    cell = cells[int(random.integers(len(cells)))]
                    found.append(_injection(messages, cell, weekly[cell] / (12 * WEEK), factor, start, random))
    return found


def _injection(messages: list[Dated], cell: Cell, rate: float, factor: int, start: int,
               random: np.random.Generator) -> Injection:
    """Put a surge into a cell and return after how many days, the first counted 1, the cell is named."""
    added = [Dated(day, cell) for day in range(start, start + SURGE_DAYS)
             for _ in range(int(random.poisson((factor - 1) * rate)))]
    near = [one for one in messages if start - 500 <= one.day < start + SURGE_DAYS]
    delay = early = None
    for day, surges, named in alarms(near + added, start, start + SURGE_DAYS):
        early = day - start + 1 if early is None and cell in named else early
        if cell in surges:
            delay = day - start + 1
            break
    return Injection(rate * WEEK, factor, delay, early)


def table(injections: list[Injection]) -> list[str]:
    """Return the lines of the table."""
    lines = ["| reports a week before | factor | surges | found in 7 days | in 21 days | "
             "median delay, days | early warning in 7 days | in 21 days |", "|---|---|---|---|---|---|---|---|"]
    for low, high in LEVELS:
        for factor in FACTORS:
            some = [one for one in injections if low <= one.weekly < high and one.factor == factor]
            if not some:
                continue
            delays = sorted(one.delay for one in some if one.delay is not None)
            warned = [one.early for one in some if one.early is not None]
            level = f"{low:g} to {high:g}" if high < 1e6 else f"{low:g} and more"
            shares = [sum(days <= WEEK for days in delays), len(delays), sum(days <= WEEK for days in warned),
                      len(warned)]
            soon, late, warned_soon, warned_late = (f"{share / len(some):.2f}" for share in shares)
            lines.append(f"| {level} | {factor}× | {len(some)} | {soon} | {late} | "
                         f"{f'{float(np.median(delays)):.0f}' if delays else '-'} | {warned_soon} | {warned_late} |")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--surges", type=int, default=40, help="surges for each factor and level")
    arguments = parser.parse_args()
    messages, random = read_dated(arguments.data), np.random.default_rng(0)
    first, last = (FIRST_DAY - _EPOCH).days, (LAST_DAY - _EPOCH).days
    sys.stdout.write(f"{len(messages)} dated messages, {len({one.cell for one in messages})} cells\n")
    sys.stdout.write("begun a week on the messages as they came: {:.2f} alarms, {:.2f} with early warnings\n".format(
        *alarms_a_week(messages, first, last)))
    sys.stdout.write("begun a week with cells dealt out anew (all false): {:.2f} alarms, {:.2f} with early "
                     "warnings\n".format(*alarms_a_week(without_surges(messages, random), first, last)))
    sys.stdout.write("\n".join(table(inject(messages, random, arguments.surges))) + "\n")


if __name__ == "__main__":
    main()
