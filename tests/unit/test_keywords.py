"""Keywords are telling words of the report itself."""

from __future__ import annotations

import numpy as np

from models.keywords import KEYWORDS, choose_keywords

NGRAMS = ("油烟", "烟扰", "烧烤店", "的油", "店,", "路", "噪声", "水费", "井盖", "路灯", "物业", "电梯", "3号", "不在")
TEXT = "路边烧烤店的油烟扰民,店,噪声水费井盖路灯物业电梯3号不在"


def choose(worth: dict[str, float], text: str = TEXT) -> tuple[str, ...]:
    ids = np.array([NGRAMS.index(word) for word in worth], dtype=np.int64)
    return choose_keywords(text, NGRAMS, ids, np.array(list(worth.values()), dtype=np.float32))


def test_the_most_telling_come_first() -> None:
    assert choose({"噪声": 0.1, "油烟": 0.9, "烧烤店": 0.5}) == ("油烟", "烧烤店", "噪声")


def test_of_overlapping_words_one_is_kept() -> None:
    words, worth = ("油烟", "油烟扰", "烟扰民"), np.array([0.2, 0.9, 0.5], dtype=np.float32)
    assert choose_keywords("油烟扰民", words, np.arange(3), worth) == ("油烟扰",)


def test_what_is_no_word_is_left_out() -> None:
    assert choose({"路": 9.0, "的油": 8.0, "店,": 7.0, "不在": 6.0, "油烟": 0.1}) == ("油烟",)


def test_words_of_the_text_only() -> None:
    assert choose({"油烟": 0.5, "井盖": 0.9}, "油烟很大") == ("油烟",)
    assert choose({}) == ()


def test_at_most_six() -> None:
    words = choose({word: 1.0 for word in ("油烟", "烧烤店", "噪声", "水费", "井盖", "路灯", "物业", "电梯")})
    assert len(words) == KEYWORDS == 6
