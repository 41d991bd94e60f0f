"""Properties of the split for any mixture of rows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from training.schema import TrainingRow
from training.sources import Split, split_rows

PARTS = ("train", "calibration", "dev", "xinfang_calibration", "xinfang_test")
LABELS = st.tuples(st.integers(0, 60), st.sampled_from(["annotated", "xinfang7", "unlabelled"]), st.booleans(),
                   st.sampled_from(["train", "train", "train", "dev"]))


def make(labels: list[tuple[int, str, bool, str]], prefix: str = "g") -> list[TrainingRow]:
    return [TrainingRow(f"{prefix}{n}", "", "停水", f"{prefix}{group}", source, split=split,
                        xinfang="城乡建设" if has_label else None)
            for n, (group, source, has_label, split) in enumerate(labels)]


def places(split: Split) -> dict[str, str]:
    return {row.id: part for part in PARTS for row in getattr(split, part)}


@settings(deadline=None, max_examples=200)
@given(st.lists(LABELS, max_size=80))
def test_no_group_is_in_two_parts(labels: list[tuple[int, str, bool, str]]) -> None:
    rows = make(labels)
    found: dict[str, str] = {}
    split = split_rows(rows)
    for part in PARTS:
        for row in getattr(split, part):
            assert found.setdefault(row.group, part) == part
    kept = places(split)
    assert len(kept) == sum(len(getattr(split, part)) for part in PARTS)
    assert all((kept.get(row.id) == "dev") == (row.split == "dev") for row in rows)


@settings(deadline=None, max_examples=200)
@given(st.lists(LABELS, max_size=60), st.lists(LABELS, max_size=60), st.randoms(use_true_random=False))
def test_the_split_stays_put_when_messages_of_other_groups_are_added(labels: list[tuple[int, str, bool, str]],
                                                                     more: list[tuple[int, str, bool, str]],
                                                                     order: object) -> None:
    rows, added = make(labels), make(more, "new")
    mixed = [*rows, *added]
    order.shuffle(mixed)  # type: ignore[attr-defined]
    before, after = places(split_rows(rows)), places(split_rows(mixed))
    assert {row: part for row, part in after.items() if row.startswith("g")} == before


@settings(deadline=None, max_examples=100)
@given(st.lists(LABELS, min_size=1, max_size=60))
def test_rows_left_out_belong_to_a_held_out_group(labels: list[tuple[int, str, bool, str]]) -> None:
    rows = make(labels)
    split = split_rows(rows)
    kept = places(split)
    held = {row.group for part in ("dev", "xinfang_calibration", "xinfang_test") for row in getattr(split, part)}
    assert all(row.group in held for row in rows if row.id not in kept)
