"""Keywords: the n-grams of a report that tell most about its category."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.contract import FloatArray

KEYWORDS = 6
_CANDIDATES = 60
_EDGE_CHARACTERS = frozenset("的了是在和与及或有不就都也还要被把给让对从到向为于我你他她它们这那个一"
                             ",.!?:;，。、！？：；‘’“”()（）《》 请望能会去来很太又再吗呢吧啊之其而但并等")


def choose_keywords(text: str, ngrams: Sequence[str], ids: NDArray[np.int64], worth: FloatArray) -> tuple[str, ...]:
    """Return up to six words of the text, most telling first.

    ``worth`` (n,) is the weight of n-gram ``ids[i]``. N-grams of one character, or with a function word or
    punctuation at an edge, are no words; of n-grams that overlap in spelling only the most telling is kept.
    """
    words: list[str] = []
    for at in np.argsort(-worth, kind="stable")[:_CANDIDATES]:
        word = ngrams[ids[at]]
        if len(word) < 2 or word[0] in _EDGE_CHARACTERS or word[-1] in _EDGE_CHARACTERS or word not in text:
            continue
        if any(_overlap(word, kept) for kept in words):
            continue
        words.append(word)
        if len(words) == KEYWORDS:
            break
    return tuple(words)


def _overlap(one: str, other: str) -> bool:
    """Tell whether two words share two neighbouring characters."""
    pairs = {one[i:i + 2] for i in range(len(one) - 1)}
    return any(other[i:i + 2] in pairs for i in range(len(other) - 1))
