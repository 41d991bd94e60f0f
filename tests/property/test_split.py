"""Properties of the split for any mixture of rows."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from training.schema import TrainingRow
from training.sources import Split, split_rows
from training.times import parse_time

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


MESSAGES = st.tuples(st.integers(0, 40), st.sampled_from(["annotated", "xinfang7", "unlabelled", "written"]),
                     st.booleans(), st.sampled_from(["train", "train", "train", "dev"]),
                     st.one_of(st.none(), st.dates(date(2015, 1, 1), date(2020, 12, 31))))


@settings(deadline=None, max_examples=200)
@given(st.lists(MESSAGES, max_size=80), st.sampled_from([0.0, 0.1, 0.4]))
def test_written_reports_and_the_latest_share_no_group_with_what_is_fitted(
        messages: list[tuple[int, str, bool, str, date | None]], share: float) -> None:
    rows = [TrainingRow(str(n), "", "停水", f"g{group}", source, split="train" if source == "written" else split,
                        category="GY01" if source == "annotated" else None,
                        xinfang="城乡建设" if has_label and source != "written" else None,
                        time=f"{day.year}/{day.month}/{day.day} 8:00:00" if day else None)
            for n, (group, source, has_label, split, day) in enumerate(messages)]
    split = split_rows(rows, share)
    parts = (*PARTS, "temporal")
    found: dict[str, str] = {}
    for part in parts:
        for row in getattr(split, part):
            assert found.setdefault(row.group, part) == part
    assert all(row.source != "written" for part in parts if part != "train" for row in getattr(split, part))
    assert bool(split.temporal) <= (share > 0)
    if split.temporal:
        held = {row.group for row in split.temporal}
        began = [min(sent for row in rows if row.group == group and row.source != "written"
                     and (sent := parse_time(row.time)) is not None) for group in held]
        fitted = [parse_time(row.time) for row in (*split.train, *split.calibration) if row.source != "written"]
        assert all(sent < min(began) for sent in fitted if sent is not None)
