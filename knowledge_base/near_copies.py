"""Telling near-copies of a text by a short signature, whatever places, numbers and punctuation were exchanged."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from models.text import folded

Signature = NDArray[np.uint16]
HASHES = 16
SHINGLE = 4
FEWEST_CHARACTERS = 30
MOST_CHARACTERS = 2000
ALIKE_FROM = 9
_NOT_CHINESE = re.compile(r"[^\u4e00-\u9fff]+")
_MULTIPLIERS = (np.arange(1, HASHES + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) | np.uint64(1))[:, None]
_PLACE_OF_A_CHARACTER = np.array([1, 65_599, 4_303_228_801, 282_287_506_116_799], dtype=np.uint64)


def signature(text: str) -> Signature | None:
    """Return the MinHash of a text's runs of four Chinese characters, uint16 (16,); None where it is too short.

    The share of equal places estimates what two texts share of what either has (Broder 1997). ``ALIKE_FROM`` equal
    places stand for about half.
    """
    plain = _NOT_CHINESE.sub("", folded(text[:MOST_CHARACTERS]))
    if len(plain) < FEWEST_CHARACTERS:
        return None
    codes = np.frombuffer(plain.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    count = len(codes) - SHINGLE + 1
    shingles = np.zeros(count, dtype=np.uint64)
    for offset, multiplier in enumerate(_PLACE_OF_A_CHARACTER):
        shingles += codes[offset:offset + count] * multiplier
    shingles ^= shingles >> np.uint64(29)
    mixed = shingles[None, :] * _MULTIPLIERS
    return np.asarray((mixed >> np.uint64(32)).min(axis=1) & np.uint64(0xFFFF), dtype=np.uint16)


def equal_places(one: Signature, other: Signature) -> int:
    """Return how many of the 16 places of two signatures are equal."""
    return int((one == other).sum())
