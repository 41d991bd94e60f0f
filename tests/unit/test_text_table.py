"""Tables align wide characters, and fit the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.text_table import NARROWEST, display_width, table_lines, wrapped


@pytest.mark.parametrize(("text", "width"), [("", 0), ("abc", 3), ("油烟", 4), ("HJ03噪声", 8), ("（ａ）", 6),
                                             ("e\u0301", 1), ("a\u200bb", 2)])
def test_width(text: str, width: int) -> None:
    assert display_width(text) == width


@given(st.text(alphabet="ab油烟扰民，"), st.integers(2, 20))
def test_wrapping_keeps_all_and_fits(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert "".join(lines) == text
    assert all(display_width(line) <= width for line in lines)
    assert "" not in lines[1:]


def test_columns_begin_under_each_other() -> None:
    lines = table_lines(("编号", "类别"), [("a-1", "噪声"), ("长长的编号", "x")])
    assert lines == ["编号        类别", "----------  ----", "a-1         噪声", "长长的编号  x"]


def test_narrow_terminal_breaks_the_widest_cells() -> None:
    lines = table_lines(("id", "类别"), [("a-1", "噪声与振动噪声与振动")], width=17)
    assert lines == ["id   类别", "---  ------------", "a-1  噪声与振动噪", "     声与振动"]
    assert max(map(display_width, lines)) <= 17


def test_columns_are_never_cut_to_nothing() -> None:
    lines = table_lines(("一", "二"), [("噪声与振动噪声", "噪声与振动噪声")], width=1)
    assert max(map(display_width, lines)) == 2 * NARROWEST + 2
