"""The written gates between a challenger and the champion: what may not get worse, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluation.comparison import Difference, Pairs, compare_figures, compare_slices

TOLERANCES: Mapping[str, float] = {
    "second_level_accuracy": 0.010, "first_level_accuracy": 0.010, "kind_accuracy": 0.015,
    "urgency_quadratic_kappa": 0.020, "urgency_recall_levels_1_2": 0.030, "lead_accuracy": 0.010,
    "xinfang_accuracy": 0.010, "category_calibration_error": 0.010, "kind_calibration_error": 0.010,
    "urgency_calibration_error": 0.010, "lead_calibration_error": 0.010, "xinfang_calibration_error": 0.010}
"""By how much a challenger may be worse in a figure; being worse by the whole interval fails all the same."""
SLICE_TOLERANCE = 0.10
LARGEST_BYTES = 45_000_000
SIZE_TOLERANCE = 1.10
LATENCY_TOLERANCE = 1.25
CLEARLY_SMALLER = 0.90
CLEARLY_FASTER = 0.80


@dataclass(frozen=True, slots=True)
class Cost:
    """What a bundle costs: its files together, and the median time of one report on one thread."""

    size_bytes: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Gate:
    """What one gate found."""

    name: str
    passed: bool
    better: bool
    found: str

    def __str__(self) -> str:
        return f"{'pass' if self.passed else 'FAIL'}  {self.name}: {self.found}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """All gates; a challenger is promoted when none fails and at least one shows it better."""

    gates: tuple[Gate, ...]

    @property
    def promoted(self) -> bool:
        """Whether the challenger takes over."""
        return not self.reasons

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, if not."""
        failed = tuple(f"{gate.name}: {gate.found}" for gate in self.gates if not gate.passed)
        if not failed and not any(gate.better for gate in self.gates):
            return ("better in nothing: no figure's whole interval lies above zero, and it is neither a tenth "
                    "smaller nor a fifth faster",)
        return failed


def judge(pairs: Pairs, champion: Cost, challenger: Cost) -> Judgement:
    """Put a challenger to the gates; the first of each pair is the champion's."""
    differences = compare_figures(pairs)
    missing = [Gate(name, passed=False, better=False, found="not measured for both bundles")
               for name in TOLERANCES if name not in {one.name for one in differences}]
    return Judgement((*missing, *_figure_gates(differences), *_slice_gates(compare_slices(pairs)),
                      *cost_gates(champion, challenger)))


def _figure_gates(differences: Sequence[Difference]) -> list[Gate]:
    gates = []
    for one in differences:
        tolerance = TOLERANCES.get(one.name)
        if tolerance is None:
            continue
        found = (f"{one.first:.3f} to {one.second:.3f} ({one.difference:+.3f}, 95 % interval {one.low:+.3f} to "
                 f"{one.high:+.3f}; may be worse by {tolerance:.3f}, not by the whole interval)")
        # A figure that is not a number passes no gate.
        gates.append(Gate(one.name, bool(one.gain >= -tolerance) and not one.surely_worse, one.surely_better, found))
    return gates


def _slice_gates(differences: Sequence[Difference]) -> list[Gate]:
    return [Gate(f"slice {one.name}", bool(one.gain >= -SLICE_TOLERANCE), better=False,
                 found=f"second level {one.first:.3f} to {one.second:.3f} on {one.rows} rows (may fall by "
                       f"{SLICE_TOLERANCE:.2f})") for one in differences]


def cost_gates(champion: Cost, challenger: Cost) -> list[Gate]:
    """Return the gates of size and latency."""
    megabytes = challenger.size_bytes / 1e6
    limit = min(LARGEST_BYTES, champion.size_bytes * SIZE_TOLERANCE)
    return [
        Gate("size", challenger.size_bytes <= limit, challenger.size_bytes <= CLEARLY_SMALLER * champion.size_bytes,
             f"{champion.size_bytes / 1e6:.1f} to {megabytes:.1f} MB (at most {limit / 1e6:.1f})"),
        Gate("latency", challenger.latency_ms <= LATENCY_TOLERANCE * champion.latency_ms,
             challenger.latency_ms <= CLEARLY_FASTER * champion.latency_ms,
             f"{champion.latency_ms:.1f} to {challenger.latency_ms:.1f} ms a report (at most "
             f"{LATENCY_TOLERANCE * champion.latency_ms:.1f})")]


def first_champion(challenger: Cost) -> Judgement:
    """Judge a challenger where there is no champion yet: only its size can be too large."""
    return Judgement((Gate("size", challenger.size_bytes <= LARGEST_BYTES, better=True,
                           found=f"{challenger.size_bytes / 1e6:.1f} MB (at most {LARGEST_BYTES / 1e6:.0f})"),))
