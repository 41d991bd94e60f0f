"""How much a text is worded like rumours: a short list of weighted character runs, learned from judged posts.

The list holds no run with a word for a person's sex, a region or anger in it, no digit, letter or mark
(``training/fit_rumour.py``), so that none of these can move the score.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from pathlib import Path
from types import MappingProxyType

from knowledge_base.errors import fault
from models.text import folded

RUMOUR_FILE = Path(__file__).parent / "data" / "rumour.json"
READ_CHARACTERS = 600
RUNS = (1, 2)
FEWEST_RUNS, ENOUGH_RUNS = 30, 60
_LEFT_OUT = re.compile(r"https?://[!-~]*|@[\w-]{1,20}|\[[^\[\]]{1,6}\]|[^\u4e00-\u9fff]+")


@dataclass(frozen=True, slots=True)
class RumourWording:
    """Logistic regression over character runs: (weight times idf, idf squared) of each, the bias, and two marks.

    ``begins`` is the logit that one in a hundred citizens' messages passes, ``full`` the one from which the strength
    is 1.
    """

    runs: Mapping[str, tuple[float, float]]
    bias: float
    begins: float
    full: float

    def logit(self, text: str) -> float:
        """Return the log-odds of a rumour, TF-IDF with unit length over the runs that occur."""
        return self._logit(self._found(text))

    def _found(self, text: str) -> list[tuple[float, float]]:
        return [self.runs[run] for run in runs_of(text) if run in self.runs]

    def _logit(self, found: list[tuple[float, float]]) -> float:
        length = sqrt(sum(square for _, square in found))
        return self.bias + (sum(weight for weight, _ in found) / length if length else 0.0)

    def strength(self, text: str) -> float:
        """Return how far a text is beyond almost all citizens' messages, in [0, 1]; a few words prove nothing."""
        found = self._found(text)
        enough = min(1.0, max(0.0, (len(found) - FEWEST_RUNS) / (ENOUGH_RUNS - FEWEST_RUNS)))
        return enough * min(1.0, max(0.0, (self._logit(found) - self.begins) / (self.full - self.begins)))


def neutral(text: str) -> str:
    """Return the Chinese characters of the beginning of a text; links, names after @, marks become one blank."""
    return _LEFT_OUT.sub(" ", folded(text[:READ_CHARACTERS]))


def runs_of(text: str) -> set[str]:
    """Return the Chinese characters of a text and the pairs of neighbours."""
    plain = neutral(text)
    return {run for length in RUNS for start in range(len(plain) - length + 1)
            if " " not in (run := plain[start:start + length])}


@lru_cache(maxsize=4)
def read_rumour_wording(path: Path = RUMOUR_FILE) -> RumourWording:
    """Read the list.

    Raises:
        KnowledgeBaseError: the file is missing or of another form.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        runs = {run: (float(weight) * float(idf), float(idf) ** 2) for run, (weight, idf) in read["runs"].items()}
        wording = RumourWording(MappingProxyType(runs), float(read["bias"]), float(read["begins"]),
                                float(read["full"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise fault(path.name, 0, "runs", f"expected what training.fit_rumour writes ({type(error).__name__})") \
            from error
    if wording.full <= wording.begins:
        raise fault(path.name, 0, "full", "expected a number above begins")
    return wording
