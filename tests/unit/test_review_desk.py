"""The review desk: leases, strategies, second readings, adjudication, undo, figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge_base.storage.agreement import cohens_kappa
from knowledge_base.storage.database import SqliteDatabase, open_database
from knowledge_base.storage.drawing import Asker
from knowledge_base.storage.errors import UndoError
from knowledge_base.storage.events import event_of
from knowledge_base.storage.feedback import (
    add_correction,
    add_corrections,
    corrections_of,
    undo_correction,
    withheld_from,
)
from knowledge_base.storage.mixing import SHARES, places
from knowledge_base.storage.records import Change
from knowledge_base.storage.reports import replace_embeddings, store_report
from knowledge_base.storage.review import Offered, Request, corrected_reports, offer, release
from knowledge_base.storage.review_tables import review_states
from knowledge_base.storage.signals import AUDIT_SHARE, SECOND_READING_SHARE, Signals, audit_place, is_read_twice
from knowledge_base.storage.statistics import Accuracy, statistics
from tests.unit.storing import SPACE, new_answer, unit_vector

NOW = 1_800_000_000.0
BODY = ('{"kind": {"label": "投诉"}, "category": {"code": "CG05"}, "urgency": {"level": 3}, "lead_department": '
        '{"code": "CGJ"}, "co_departments": [], "duplicate": {"of": null}, "false_report": {"band": "low"}}')


def named(*, twice: bool, audit: bool = False) -> Iterator[str]:
    """Yield report ids that are (not) read twice and (not) in the audit sample."""
    return (name for name in (f"r{number}" for number in range(10_000))
            if is_read_twice(name) is twice and (audit_place(name) < AUDIT_SHARE) is audit)


def store(database: SqliteDatabase, report_id: str, **given: object) -> str:
    store_report(database, new_answer(report_id, **given), lambda _event: BODY)  # type: ignore[arg-type]
    return report_id


def ask(database: SqliteDatabase, reviewer: str, strategy: str = "uncertain", *, limit: int = 10, now: float = NOW,
        lease_s: int = 600) -> list[Offered]:
    return offer(database, Request(strategy, limit, Asker(reviewer, now, SPACE), lease_s))[0]


def ids(offered: list[Offered]) -> list[str]:
    return [one.stored.report.id for one in offered]


def stage(database: SqliteDatabase, report_id: str) -> str:
    with database.reading() as connection:
        return str(connection.execute(select(review_states.c.stage).where(
            review_states.c.report_id == report_id)).scalar_one())


def test_two_reviewers_never_get_the_same_and_each_gets_his_own_again(database: SqliteDatabase, tmp_path: Path) -> None:
    for name in islice(named(twice=False), 5):
        store(database, name)
    other = open_database(tmp_path / "test.db")  # as a second process has it
    mine, yours = ids(ask(database, "a", limit=3)), ids(ask(other, "b", limit=3))
    assert (len(mine), len(yours)) == (3, 2)
    assert not set(mine) & set(yours)
    assert ids(ask(database, "a", limit=3)) == mine
    assert offer(database, Request("uncertain", 1, Asker("c", NOW, SPACE), 0))[1] == 0
    other.close()


def test_what_another_took_between_choosing_and_keeping_is_not_given_twice(
        database: SqliteDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    from knowledge_base.storage import review

    names = [store(database, name) for name in islice(named(twice=False), 4)]
    draw = review.draw
    raced: list[list[str]] = []

    def draw_then_lose(*given: object) -> object:
        chosen = draw(*given)  # type: ignore[arg-type]
        if not raced:
            raced.append([])
            raced[0] += ids(ask(database, "b", limit=2))
        return chosen

    monkeypatch.setattr(review, "draw", draw_then_lose)
    mine = ids(ask(database, "a", limit=2))
    assert len(mine) == len(raced[0]) == 2
    assert sorted(mine + raced[0]) == sorted(names)


def test_an_expired_lease_goes_to_another_and_both_corrections_are_kept(database: SqliteDatabase) -> None:
    name = store(database, next(named(twice=False)))
    assert ids(ask(database, "a", lease_s=60)) == [name]
    assert ids(ask(database, "b", now=NOW + 59)) == []
    assert ids(ask(database, "b", now=NOW + 61)) == [name]
    add_correction(database, name, "category", "HJ01", "", "b")
    add_correction(database, name, "category", "HJ02", "late", "a")
    assert [(one.actor, one.value, one.reading) for one in corrections_of(database, name)] == [
        ("b", "HJ01", "first"), ("a", "HJ02", "second")]
    assert stage(database, name) == "adjudicate"


def test_looking_keeps_nothing_and_release_gives_back(database: SqliteDatabase) -> None:
    name = store(database, next(named(twice=False)))
    assert ids(ask(database, "a", lease_s=0)) == ids(ask(database, "b")) == [name]
    assert ask(database, "a") == []
    assert release(database, "a", NOW) == 0
    assert release(database, "b", NOW, ["other"]) == 0
    assert release(database, "b", NOW, [name]) == 1
    assert ids(ask(database, "a")) == [name]


def test_uncertain_weighs_margin_set_and_disagreement(database: SqliteDatabase) -> None:
    sure, split, disputed = islice(named(twice=False), 3)
    store(database, sure, signals=Signals(0.9, 0.1, 1))
    store(database, split, signals=Signals(0.1, 0.2, 2))
    store(database, disputed, signals=Signals(0.1, 1.0, 2))
    found = ask(database, "a")
    assert ids(found) == [disputed, split, sure]
    assert [(one.draw.code, one.draw.value) for one in found[:2]] == [
        ("departments_disagree", 1.0), ("small_margin", 0.1)]


def test_diverse_asks_no_near_copy_twice(database: SqliteDatabase) -> None:
    names = list(islice(named(twice=False), 9))
    for number, name in enumerate(names):
        store(database, name, seed=number // 3)
    first = ask(database, "a", "diverse")
    assert len(first) == 3
    assert len({names.index(name) // 3 for name in ids(first)}) == 3
    assert ask(database, "b", "diverse") == []
    other_space = offer(database, Request("diverse", 10, Asker("c", NOW, "other"), 0))[0]
    assert other_space == []


def test_valuable_prefers_categories_that_were_reviewed_less(database: SqliteDatabase) -> None:
    names = list(islice(named(twice=False), 12))
    for name in names[:9]:
        store(database, name, category="CG05", certainty=0.1)
    for name in names[9:]:
        store(database, name, category="HJ01", certainty=0.4)
    for name in names[:6]:
        add_correction(database, name, "category", "CG05", "", "x")
    found = ids(ask(database, "a", "valuable", limit=6))
    assert set(found[:3]) == set(names[9:])
    assert set(found) == set(names[6:])


def test_random_is_the_hash_order_and_others_leave_the_audit_sample_alone(database: SqliteDatabase) -> None:
    sample, rest = list(islice(named(twice=False, audit=True), 3)), list(islice(named(twice=False), 10))
    for name in (*rest, *sample):
        store(database, name, route="auto" if name in sample[:2] else "review")
    found = ask(database, "a", "random", limit=5, lease_s=0)
    assert ids(found)[:3] == sorted(sample, key=audit_place)
    assert [one.draw.code for one in found] == ["audit_sample"] * 3 + ["random"] * 2
    for strategy in ("uncertain", "diverse", "valuable"):
        assert not set(ids(ask(database, "a", strategy, limit=100, lease_s=0))) & set(sample)


def test_mixed_keeps_its_shares_whether_one_or_many_are_asked_for(database: SqliteDatabase) -> None:
    assert Counter(places(0, 2_000)) == {part: share * 100 for part, share in SHARES.items()}
    assert [places(number, 1)[0] for number in range(40)] == places(0, 40)
    for number, name in enumerate(islice(named(twice=False), 60)):
        store(database, name, seed=number, urgency=2 if number % 2 else 3)
    one_by_one = Counter(ask(database, f"reader {number}", "mixed", limit=1)[0].draw.part for number in range(20))
    for number in range(20):
        release(database, f"reader {number}", NOW)
    together = ask(database, "b", "mixed", limit=20)
    for parts in (one_by_one, Counter(one.draw.part for one in together)):
        # No report waits for a second reading, so that its places go to the next part, urgent.
        assert parts == {part: share for part, share in SHARES.items() if part != "second"} | {
            "urgent": SHARES["urgent"] + SHARES["second"]}
    assert [one.draw.part == "urgent" for one in together] == sorted(
        (one.draw.part == "urgent" for one in together), reverse=True)


def test_a_second_reader_is_blind_and_differences_are_adjudicated_by_a_third(database: SqliteDatabase) -> None:
    name = store(database, next(named(twice=True)))
    add_corrections(database, name, [Change("category", "HJ01")], "a", confirm_others=True)
    assert [one.entry for one in corrections_of(database, name)] == ["corrected"] + ["confirmed"] * 4
    assert stage(database, name) == "second"
    assert ask(database, "a", "second") == []
    assert withheld_from(database, name, "b")
    assert not withheld_from(database, name, "a")
    assert ids(ask(database, "b", "second")) == [name]
    with pytest.raises(UndoError):
        undo_correction(database, name, 1, "", "b")
    add_corrections(database, name, [Change("category", "HJ02")], "b", confirm_others=True)
    assert not withheld_from(database, name, "b")
    assert stage(database, name) == "adjudicate"
    assert list(corrected_reports(database)) == []
    assert ask(database, "a", "adjudicate") == ask(database, "b", "adjudicate") == []
    shown = ask(database, "c", "adjudicate")[0]
    assert [(one.field, one.first, one.second, one.readers) for one in shown.disagreements] == [
        ("category", "HJ01", "HJ02", ("a", "b"))]
    made = add_correction(database, name, "category", "HJ02", "", "c")
    assert (made.reading, stage(database, name)) == ("adjudication", "closed")
    assert [one.report.id for one in corrected_reports(database)] == [name]


def test_undo_is_an_entry_brings_the_report_back_and_can_be_undone(database: SqliteDatabase) -> None:
    name = store(database, next(named(twice=False)))
    made = add_correction(database, name, "category", "HJ01", "", "a")
    undone = undo_correction(database, name, made.number, "看错行", "a")
    assert (undone.entry, undone.undoes, undone.value, undone.field) == ("undone", made.number, "CG05", "category")
    assert stage(database, name) == "open"
    with pytest.raises(UndoError):
        undo_correction(database, name, made.number, "", "a")
    again = undo_correction(database, name, undone.number, "", "a")
    assert (again.value, stage(database, name)) == ("HJ01", "closed")
    assert len(corrections_of(database, name)) == 3


def test_undoing_a_duplicate_moves_the_report_back(database: SqliteDatabase) -> None:
    one, other = (store(database, name) for name in islice(named(twice=False), 2))
    made = add_correction(database, other, "duplicate_of", one, "", "a")
    apart = add_correction(database, other, "not_duplicate_of", one, "", "a")
    assert event_of(database, other) is None
    undo_correction(database, other, apart.number, "", "a")
    assert event_of(database, other) == event_of(database, one) is not None
    undo_correction(database, other, made.number, "", "a")
    assert event_of(database, other) is None


def test_a_corrected_report_that_is_scored_again_keeps_its_correction(database: SqliteDatabase) -> None:
    name = store(database, next(named(twice=False)))
    made = add_correction(database, name, "category", "HJ01", "", "a")
    assert not store_report(database, new_answer(name), lambda _event: "{}").created
    replace_embeddings(database, [(name, unit_vector(9))], "new space")
    assert corrections_of(database, name) == [made]
    assert (made.bundle, made.knowledge_base, stage(database, name)) == ("dummy", "sha256:0", "closed")
    for strategy in ("mixed", "recent", "random", "uncertain"):
        assert ask(database, "b", strategy) == []


def test_figures(database: SqliteDatabase) -> None:
    sample = [name for name in islice(named(twice=False, audit=True), 4)]
    for name in (*sample, *islice(named(twice=False), 6)):
        store(database, name, route="auto")
    for name in sample[:2]:
        add_corrections(database, name, [], "a", confirm_others=True)
    add_correction(database, sample[2], "lead_department", "STHJ", "", "b")
    add_correction(database, sample[3], "kind", "咨询", "", "b")
    found = statistics(database, "2000-01-01T00:00:00+00:00")
    assert (found.today[0].reports, found.today[0].entries) == (4, 12)
    assert [(one.actor, one.reports) for one in found.today[1:]] == [("a", 2), ("b", 2)]
    assert (found.reports, found.automatic, found.audit.automatic) == (10, 10, 4)
    assert found.audit.overall == Accuracy(3, 2)
    assert statistics(database, "2999-01-01T00:00:00+00:00").today[0].reports == 0


def test_agreement_is_of_what_each_said_before_seeing_the_other(database: SqliteDatabase) -> None:
    told = [("HJ01", "HJ01"), ("HJ01", "HJ02"), ("HJ02", "HJ02"), ("HJ02", "HJ02")]
    for name, (first, second) in zip(islice(named(twice=True), 4), told, strict=False):
        store(database, name)
        add_correction(database, name, "category", first, "", "b")
        add_correction(database, name, "category", second, "", "a")
        add_correction(database, name, "category", second, "", "b")  # a change of mind must not count
    found = statistics(database, "2000-01-01T00:00:00+00:00")
    assert found.second_done == 4
    assert [(one.field, one.reviewers, one.reports, one.agreed) for one in found.agreement] == [
        ("category", None, 4, 0.75), ("category", ("a", "b"), 4, 0.75)]
    assert found.agreement[0].kappa == pytest.approx((0.75 - 0.5) / 0.5)


def test_kappa_and_wilson_against_known_values() -> None:
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert cohens_kappa(pairs) == pytest.approx(0.4)
    assert cohens_kappa([("y", "y")]) is None
    assert cohens_kappa([]) is None
    interval = Accuracy(10, 9).interval
    assert interval is not None
    assert interval == pytest.approx((0.5958, 0.9821), abs=1e-3)
    assert Accuracy(0, 0).interval is None


def test_the_hashed_shares_are_as_stated() -> None:
    names = [f"HZ-{number}" for number in range(20_000)]
    twice = sum(map(is_read_twice, names)) / 20_000
    audit = sum(audit_place(one) < AUDIT_SHARE for one in names) / 20_000
    assert twice == pytest.approx(SECOND_READING_SHARE, abs=0.01)  # 4.7 standard errors
    assert audit == pytest.approx(AUDIT_SHARE, abs=0.007)
    both = sum(is_read_twice(one) and audit_place(one) < AUDIT_SHARE for one in names) / 20_000
    assert both == pytest.approx(SECOND_READING_SHARE * AUDIT_SHARE, abs=0.0025)
