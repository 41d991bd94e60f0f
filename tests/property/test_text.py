"""Properties of normalisation for any text."""

from __future__ import annotations

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from models.text import normalise

ODD = "停水樓裡薴㎡①ＡＢﬁ\u200b\ufeff\u00ad \u3000\t\n👨\u200d\x00´゙"
TEXTS = st.one_of(st.text(max_size=60), st.text(st.sampled_from(ODD), max_size=30))
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_spans_lie_in_the_original_and_rise(text: str) -> None:
    normalised = normalise(text)
    assert len(normalised.offsets) == len(normalised.text)
    assert list(normalised.offsets) == sorted(normalised.offsets)
    for start in range(len(normalised.text)):
        begin, end = normalised.original_span(start, len(normalised.text))
        assert 0 <= begin < end <= len(text)
        one = normalised.original_span(start, start + 1)
        assert normalised.text[start] in normalise("." + text[slice(*one)] + ".").text


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_twice_changes_nothing(text: str) -> None:
    once = normalise(text).text
    assert normalise(once).text == once
    assert normalise(once).offsets == tuple(range(len(once)))


@settings(deadline=None, max_examples=300)
@given(TEXTS)
def test_nothing_invisible_is_left(text: str) -> None:
    plain = normalise(text).text
    assert not any(unicodedata.category(char) in INVISIBLE for char in plain)
    assert plain == plain.strip()
    assert "  " not in plain


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(0, 60), st.sampled_from("\u200b\u2060\ufeff\x07"))
def test_an_invisible_character_changes_nothing(text: str, at: int, char: str) -> None:
    assert normalise(text[:at] + char + text[at:]).text == normalise(text).text
