"""What a bundle said of every held-out row, by id and without texts, so that two bundles can be paired later."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

OUTCOMES_FILE = "outcomes.tsv"


class OutcomesError(Exception):
    """A file of outcomes that can't be read or paired: says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer of one head to one row: codes, the answer's probability, and the length of the text."""

    head: str
    id: str
    group: str
    characters: int
    truth: str
    predicted: str
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class HeadOutcomes:
    """One head's outcomes as arrays (N,): labels as numbers into ``codes``, confidence float64 in [0, 1]."""

    codes: tuple[str, ...]
    ids: tuple[str, ...]
    groups: tuple[str, ...]
    characters: NDArray[np.int64]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    confidence: NDArray[np.float64]

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether each answer is right, (N,)."""
        return np.asarray(self.truth == self.predicted)


def write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a tab-separated file with one line an outcome."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, delimiter="\t", lineterminator="\n")
        rows.writerow(field.name for field in fields(Outcome))
        rows.writerows((*astuple(one)[:-1], f"{one.confidence:.6f}") for one in outcomes)


def read_outcomes(path: Path) -> list[Outcome]:
    """Read such a file.

    Raises:
        OutcomesError: the file is missing or of another form.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return [Outcome(row["head"], row["id"], row["group"], int(row["characters"]), row["truth"],
                            row["predicted"], float(row["confidence"]))
                    for row in csv.DictReader(stream, delimiter="\t")]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise OutcomesError(f"{path.name} holds no outcomes ({type(error).__name__}); evaluate the bundle again") \
            from error


def gather(outcomes: Sequence[Outcome], codes: Sequence[str]) -> HeadOutcomes:
    """Return outcomes of one head as arrays over these codes."""
    place = {code: n for n, code in enumerate(codes)}
    return HeadOutcomes(
        tuple(codes), tuple(one.id for one in outcomes), tuple(one.group for one in outcomes),
        np.array([one.characters for one in outcomes], dtype=np.int64),
        np.array([place[one.truth] for one in outcomes], dtype=np.int64),
        np.array([place[one.predicted] for one in outcomes], dtype=np.int64),
        np.array([one.confidence for one in outcomes], dtype=np.float64))


def by_head(outcomes: Sequence[Outcome]) -> dict[str, HeadOutcomes]:
    """Return the outcomes of each head, in the order in which heads first appear."""
    heads: dict[str, list[Outcome]] = {}
    for one in outcomes:
        heads.setdefault(one.head, []).append(one)
    return {head: gather(found, sorted({code for one in found for code in (one.truth, one.predicted)}))
            for head, found in heads.items()}


def paired(first: Sequence[Outcome], second: Sequence[Outcome]) -> dict[str, tuple[HeadOutcomes, HeadOutcomes]]:
    """Return both bundles' outcomes of each head on the rows that both answered, in the same order.

    Raises:
        OutcomesError: no row is in both, or the same row has two true labels.
    """
    theirs = {(one.head, one.id): one for one in second}
    couples = [(one, theirs[one.head, one.id]) for one in first if (one.head, one.id) in theirs]
    if not couples:
        raise OutcomesError("the two evaluations have no row in common; evaluate both on the same split")
    changed = [f"{one.head} of {one.id}" for one, other in couples if one.truth != other.truth]
    if changed:
        raise OutcomesError(f"{len(changed)} true labels differ between the evaluations (first: {changed[0]}): the "
                            "labels changed in between; evaluate both bundles again")
    heads: dict[str, list[tuple[Outcome, Outcome]]] = {}
    for couple in couples:
        heads.setdefault(couple[0].head, []).append(couple)
    result = {}
    for head, pairs in heads.items():
        codes = sorted({code for pair in pairs for one in pair for code in (one.truth, one.predicted)})
        result[head] = (gather([one for one, _ in pairs], codes), gather([other for _, other in pairs], codes))
    return result
