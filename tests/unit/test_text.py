"""Normalisation folds what looks the same and keeps the way back to the original."""

from __future__ import annotations

import pytest

from models.text import Normalised, folded, normalise


@pytest.mark.parametrize(("original", "plain"), [
    ("ＡＢＣ１２３，！", "ABC123,!"),
    ("①号楼", "1号楼"),
    ("㎡", "m2"),
    ("ｶﾞ", "カ\u3099"),  # folded one by one, so that spans stay: the voicing mark stays apart
    ("⼀", "一"),
    ("垃圾處理廠臭氣熏天", "垃圾处理厂臭气熏天"),
    ("樓裡裏", "楼里里"),
    ("薴", "苎"),
    ("路\u200b灯\ufeff坏\u2060了\u00ad", "路灯坏了"),
    ("路\x00灯\x07坏\x1b了", "路灯坏了"),
    ("路\ud800灯\ue000", "路灯"),
    ("  停水\t\r\n了　 吗 ", "停水 了 吗"),
    ("停\u200b \u200b 水", "停 水"),
    ("家人👨‍👩‍👧", "家人👨👩👧"),
    ("", ""), ("\u200b\n\u3000", ""),
])
def test_folding(original: str, plain: str) -> None:
    assert normalise(original).text == plain


def test_plain_text_stays() -> None:
    text = "幸福路3栋楼下,烧烤店油烟扰民;请查处(有照片)。"
    assert normalise(text) == Normalised(text, tuple(range(len(text))))


@pytest.mark.parametrize(("original", "part", "words"), [
    ("　　【投訴】Ａ市樓下\u200b噪聲擾民", "楼下噪声", "樓下\u200b噪聲"),
    ("面积９０㎡漏水", "m2", "㎡"),
    ("面积９０㎡漏水", "2漏", "㎡漏"),
    ("a\n\n b", "a b", "a\n\n b"),
    ("\u200b停水\u200b", "停水", "停水"),
])
def test_spans_lead_back(original: str, part: str, words: str) -> None:
    normalised = normalise(original)
    start = normalised.text.index(part)
    begin, end = normalised.original_span(start, start + len(part))
    assert original[begin:end] == words


@pytest.mark.parametrize("text", ["小區 ＡＢ１２\u200b停水", "３号楼 漏水，请处理！", "㎡①ﬁ", "", "路燈壞了\n\n三天"])
def test_folding_alone_agrees_with_normalising(text: str) -> None:
    assert folded(text) == normalise(text).text.replace(" ", "")
