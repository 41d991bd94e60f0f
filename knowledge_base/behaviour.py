"""What speaks against a report in how it came: copies, floods, one reporter everywhere; counted over recent reports.

Reporters, regions and subjects are only compared for being the same. A report without a reporter's pseudonym counts as
one from somebody unknown, whether it is marked anonymous or not. Copies and floods are no proof: neighbours send one
text for one real grievance, so the signals ask a person to look, and name what to look at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from knowledge_base.count_tails import count_tail
from knowledge_base.deadlines import CHINA
from knowledge_base.near_copies import ALIKE_FROM, HASHES, Signature, signature
from models.contract import Report
from models.text import folded

CODES = ("burst_of_copies", "copies_elsewhere", "one_against_one", "many_places", "reporter_flood", "night_flood",
         "reporter_unfounded", "copy_of_unfounded")
CAPACITY = 20_000
WINDOW_SECONDS = 30 * 86_400
DAY_SECONDS = 86_400
NIGHT_SECONDS = 3 * 3600
NIGHT_HOURS = 5
NIGHT_CHANCE = 1e-4
SUBJECTS = 2
FEWEST_SUBJECT_CHARACTERS = 4
VERIFIED, UNFOUNDED = 1, 2
RAMPS = {"burst_of_copies": (4, 12), "copies_elsewhere": (2, 6), "one_against_one": (3, 8), "many_places": (3, 6),
         "reporter_flood": (6, 15), "night_flood": (8, 24), "copy_of_unfounded": (0, 2)}
PRIOR_OUTCOMES = 6.0
PRIOR_UNFOUNDED = 1 / 7
FEWEST_UNFOUNDED = 2
EVERYBODY = 0

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What is remembered of a report: hashes only, and when it came (seconds since 1970); 0 stands for unknown."""

    report: int
    at: int
    reporter: int
    region: int
    subjects: tuple[int, ...]
    copied: Signature | None
    sequence: int = 0


def keyed(words: str) -> int:
    """Return a hash of 63 bits, never nil."""
    return int.from_bytes(hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1 | 1


def trace_of(report: Report, subjects: Sequence[str], at: datetime, sequence: int = 0) -> Trace:
    """Return the trace of a report; subjects shorter than four characters (物业) name nobody and are left out."""
    named = list(dict.fromkeys(plain for subject in subjects
                               if len(plain := folded(subject)) >= FEWEST_SUBJECT_CHARACTERS))
    return Trace(report=keyed(report.id), at=int(at.timestamp()),
                 reporter=keyed(report.reporter_ref) if report.reporter_ref else 0,
                 region=int(report.region) if report.region and report.region.isdigit() else 0,
                 subjects=tuple(keyed(subject) for subject in named[:SUBJECTS]),
                 copied=signature(f"{report.title}{report.text}"), sequence=sequence)


def ramp(code: str, count: float) -> float:
    """Return a strength that rises evenly from nil at the first mark of a code to one at the second."""
    low, high = RAMPS[code]
    return min(1.0, max(0.0, (count - low) / (high - low)))


class RecentReports:
    """The last reports in the order in which they were stored, in arrays that are overwritten in turn."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._added = 0
        self._numbers = np.zeros((4 + SUBJECTS, capacity), dtype=np.int64)
        self._copied = np.zeros((HASHES, capacity), dtype=np.uint16)
        self._long = np.zeros(capacity, dtype=np.bool_)
        self._findings = np.zeros(capacity, dtype=np.int8)
        self._sequences = np.zeros(capacity, dtype=np.int64)
        self._outcomes: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return min(self._added, self._capacity)

    def add(self, trace: Trace) -> None:
        """Remember a report; the oldest gives way."""
        row = self._added % self._capacity
        subjects = (*trace.subjects, *(0,) * SUBJECTS)[:SUBJECTS]
        self._numbers[:, row] = (trace.report, trace.at, trace.reporter, trace.region, *subjects)
        self._long[row] = trace.copied is not None
        self._copied[:, row] = 0 if trace.copied is None else trace.copied
        self._findings[row] = 0
        self._sequences[row] = trace.sequence
        self._added += 1

    def judge(self, sequence: int, reporter_ref: str | None, *, unfounded: bool, before: bool | None = None) -> None:
        """Remember what became of a report; ``before`` is what was said of it until now, which no longer counts."""
        self._findings[:len(self)][self._sequences[:len(self)] == sequence] = UNFOUNDED if unfounded else VERIFIED
        self._count(reporter_ref, 1, unfounded)
        if before is not None:
            self._count(reporter_ref, -1, -int(before))

    def _count(self, reporter_ref: str | None, outcomes: int, unfounded: int) -> None:
        for key in (EVERYBODY, *((keyed(reporter_ref),) if reporter_ref else ())):
            known, wrong = self._outcomes.get(key, (0, 0))
            self._outcomes[key] = known + outcomes, wrong + unfounded

    def signals(self, trace: Trace) -> dict[str, float]:
        """Return the strength of every signal of behaviour that is not nil."""
        size = len(self)
        report, at, reporter, region = self._numbers[:4, :size]
        others = (report != trace.report) & (np.abs(at - trace.at) <= WINDOW_SECONDS)
        today = others & (np.abs(at - trace.at) <= DAY_SECONDS)
        copies = others & self._copies(trace)
        mine = others & (reporter == trace.reporter) if trace.reporter else np.zeros(size, dtype=np.bool_)
        counts = {
            "burst_of_copies": _people(reporter[copies & today], trace.reporter),
            "copies_elsewhere": _different(region[copies], trace.region),
            "one_against_one": int((mine & self._same_subject(trace)).sum()),
            "many_places": _different(region[mine & today], trace.region),
            "reporter_flood": int((mine & today).sum()),
            "night_flood": _night_reports(at[others], region[others], trace),
            "copy_of_unfounded": self._unfounded_copies(copies)}
        found = {code: ramp(code, count) for code, count in counts.items()}
        found["reporter_unfounded"] = self._unfounded_before(trace.reporter)
        return {code: round(found[code], 3) for code in CODES if found[code] > 0}

    def _copies(self, trace: Trace) -> Booleans:
        size = len(self)
        if trace.copied is None:
            return np.zeros(size, dtype=np.bool_)
        equal = np.zeros(size, dtype=np.uint8)
        for place in range(HASHES):
            equal += self._copied[place, :size] == trace.copied[place]
        return np.asarray((equal >= ALIKE_FROM) & self._long[:size])

    def _same_subject(self, trace: Trace) -> Booleans:
        size = len(self)
        same = np.zeros(size, dtype=np.bool_)
        for subject in trace.subjects:
            for kept in self._numbers[4:, :size]:
                same |= kept == subject
        return same

    def _unfounded_copies(self, copies: Booleans) -> int:
        """Return by how much the copies found unfounded outnumber those that were not."""
        findings = self._findings[:len(self)][copies]
        wrong, right = int((findings == UNFOUNDED).sum()), int((findings == VERIFIED).sum())
        return max(0, wrong - right)

    def _unfounded_before(self, reporter: int) -> float:
        """Return how far a reporter's share of unfounded reports is above that of all, smoothed (beta-binomial)."""
        outcomes, wrong = self._outcomes.get(reporter, (0, 0)) if reporter else (0, 0)
        if wrong < FEWEST_UNFOUNDED:
            return 0.0
        everybody, all_wrong = self._outcomes[EVERYBODY]
        usual = (all_wrong + PRIOR_OUTCOMES * PRIOR_UNFOUNDED) / (everybody + PRIOR_OUTCOMES)
        share = (wrong + PRIOR_OUTCOMES * usual) / (outcomes + PRIOR_OUTCOMES)
        return max(0.0, (share - usual) / (1.0 - usual))


def _people(reporters: Integers, own: int) -> int:
    """Return how many others sent these; unknown ones count each."""
    known = np.unique(reporters[(reporters != 0) & (reporters != own)])
    return len(known) + int((reporters == 0).sum())


def _different(regions: Integers, own: int) -> int:
    """Return how many regions other than the report's own are named; none where its own is unknown."""
    return len(np.unique(regions[(regions != 0) & (regions != own)])) if own else 0


def _night_reports(at: Integers, region: Integers, trace: Trace) -> int:
    """Return the reports of three night hours in one region where the nights before explain them in no way."""
    if datetime.fromtimestamp(trace.at, CHINA).hour >= NIGHT_HOURS:
        return 0
    here = at[region == trace.region]
    count = int((np.abs(here - trace.at) <= NIGHT_SECONDS).sum())
    if count < RAMPS["night_flood"][0]:
        return 0
    before = here[here < trace.at - DAY_SECONDS // 2]
    nights = max(1.0, (trace.at - int(before.min())) / DAY_SECONDS) if len(before) else 1.0
    hours = (before // 3600 + 8) % 24
    expected = max(0.5, float((hours < NIGHT_HOURS).sum()) / nights)
    return count if count_tail(count, expected) < NIGHT_CHANCE else 0
