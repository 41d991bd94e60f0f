"""The chain over the corrections shows every kind of tampering; an older database is brought up to date."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from knowledge_base.storage.audit import head_of, verify
from knowledge_base.storage.chain import Head
from knowledge_base.storage.chain_head import head_path, keep_head, read_head
from knowledge_base.storage.database import SqliteDatabase, open_database
from knowledge_base.storage.errors import StorageError
from knowledge_base.storage.feedback import add_correction, corrections_of
from knowledge_base.storage.reports import erase_report, store_report
from serving.audit_commands import audit
from tests.unit.storing import new_answer

ROOT = Path(__file__).parents[2]
DROP = ("DROP TRIGGER corrections_append_only; DROP TRIGGER audit_links_append_only; "
        "DROP TRIGGER audit_links_no_delete; ")
SWAPPED = "UPDATE {0} SET number = -1 WHERE number = 2; UPDATE {0} SET number = 2 WHERE number = 3; " \
          "UPDATE {0} SET number = 3 WHERE number = -1"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A data directory with five corrections of two reports and the head kept."""
    database = open_database(tmp_path / "fenzhuan.db")
    for report_id in ("a", "b"):
        store_report(database, new_answer(report_id), lambda _event: "{}")
    for number in range(5):
        add_correction(database, "ab"[number % 2], "category", f"HJ0{number}", "理由", "key-1")
    keep_head(database, head_path(tmp_path / "fenzhuan.db"))
    database.close()
    return tmp_path


def tamper(desk: Path, statements: str) -> None:
    with sqlite3.connect(desk / "fenzhuan.db") as connection:
        connection.executescript(statements)


def checked(desk: Path, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(audit, ["verify", "--data-dir", str(desk), *arguments])
    return result.exit_code, result.stdout


def test_an_untouched_chain_is_whole(desk: Path) -> None:
    code, said = checked(desk)
    assert (code, "5 links, nothing broken" in said) == (0, True)
    head = CliRunner().invoke(audit, ["head", "--data-dir", str(desk)]).stdout.strip()
    assert checked(desk, "--head", head)[0] == 0
    assert checked(desk, "--head", f"4:{'0' * 64}")[0] == 1
    assert checked(desk, "--head", "x")[0] == 2


@pytest.mark.parametrize(("statements", "said"), [
    ("UPDATE corrections SET value = '\"HJ09\"' WHERE number = 3", "edited\tlink 3, correction 3"),
    ("UPDATE corrections SET value = 'no json' WHERE number = 3", "edited\tlink 3, correction 3"),
    ("UPDATE corrections SET actor = 'key-2' WHERE number = 2", "edited\tlink 2, correction 2"),
    ("UPDATE corrections SET recorded_at = '2020' WHERE number = 1", "edited\tlink 1, correction 1"),
    ("UPDATE audit_links SET content_hash = 'x' WHERE number = 4", "edited\tlink 4, correction 4"),
    ("UPDATE audit_links SET erased = '{' WHERE number = 4", "edited\tlink 4, correction 4"),
    ("DELETE FROM corrections WHERE number = 3", "deleted\tlink 3, correction 3"),
    ("DELETE FROM corrections WHERE number = 3; DELETE FROM audit_links WHERE number = 3", "deleted\tlink 3"),
    ("DELETE FROM corrections WHERE number = 3; DELETE FROM audit_links WHERE number = 3; "
     "UPDATE audit_links SET number = number - 1 WHERE number > 3", "reordered\tlink 3"),
    (SWAPPED.format("corrections"), "edited\tlink 2, correction 2"),
    (SWAPPED.format("audit_links"), "reordered\tlink 2"),
    ("INSERT INTO corrections (report_id, field, value, reason, actor, recorded_at) "
     "VALUES ('a', 'kind', '1', '', 'x', '2026')", "unchained\toutside the chain, correction 6"),
    ("DELETE FROM corrections WHERE number = 5; DELETE FROM audit_links WHERE number = 5", "truncated\tlink 6"),
    ("DELETE FROM corrections; DELETE FROM audit_links", "truncated\tlink 1"),
])
def test_tampering_shows_and_the_first_broken_entry_is_named(desk: Path, statements: str, said: str) -> None:
    tamper(desk, DROP + statements)
    code, printed = checked(desk)
    assert code == 1
    assert printed.startswith(said.replace("truncated\tlink 6", "truncated\tlink 5"))


def test_links_cannot_be_changed_or_removed_in_passing(desk: Path) -> None:
    for statement in ("UPDATE audit_links SET hash = 'x'", "DELETE FROM audit_links"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            tamper(desk, statement)


def test_a_missing_or_spoilt_head_is_said(desk: Path) -> None:
    (desk / "fenzhuan.head").write_text("{")
    assert checked(desk)[0] == 1
    (desk / "fenzhuan.head").unlink()
    code, said = checked(desk)
    assert (code, said.startswith("head_missing")) == (1, True)
    assert checked(desk / "nowhere")[0] == 1
    (desk / "x.head").write_text("[]")
    with pytest.raises(StorageError):
        read_head(desk / "x.head")


def test_erasing_leaves_the_chain_whole_and_no_trace_of_what_was_said(desk: Path) -> None:
    database = open_database(desk / "fenzhuan.db")
    assert erase_report(database, "a")
    found = verify(database, read_head(desk / "fenzhuan.head"))
    assert (found.links, found.fault) == (6, None)
    add_correction(database, "b", "kind", "投诉", "", "key-1")
    assert verify(database).fault is None
    database.close()
    tamper(desk, DROP + "DELETE FROM corrections WHERE number = 2")
    assert checked(desk)[1].startswith("deleted\tlink 2, correction 2")


def test_an_empty_database_is_whole(database: SqliteDatabase) -> None:
    assert verify(database) == verify(database, Head())
    assert head_of(database) == Head()


WRITER = """
import sys
from pathlib import Path
from knowledge_base.storage.database import open_database
from knowledge_base.storage.feedback import add_correction
from knowledge_base.storage.chain_head import head_path, keep_head
path = Path(sys.argv[1])
database = open_database(path)
for number in range(100_000):
    made = add_correction(database, "ab"[number % 2], "category", f"C{number}", "", sys.argv[2])
    keep_head(database, head_path(path))
    print(made.number, made.hash, flush=True)
"""


def test_killed_amid_corrections_of_two_processes_nothing_acknowledged_is_lost(desk: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(desk / "fenzhuan.db"), f"key-{number}"], cwd=ROOT,
                                stdout=subprocess.PIPE, text=True) for number in (1, 2)]
    heard: list[list[str]] = []
    for writer in writers:
        assert writer.stdout is not None
        heard.append([writer.stdout.readline() for _ in range(8)])
    for writer, lines in zip(writers, heard, strict=True):
        writer.send_signal(signal.SIGKILL)
        assert writer.stdout is not None
        lines += writer.stdout.readlines()
        writer.wait(30)
    acknowledged = dict(line.split() for lines in heard for line in lines if line.endswith("\n"))
    assert len(acknowledged) >= 16
    database = open_database(desk / "fenzhuan.db")
    kept = {str(one.number): one.hash for report_id in "ab" for one in corrections_of(database, report_id)}
    assert acknowledged.items() <= kept.items()
    assert verify(database, read_head(desk / "fenzhuan.head")).fault is None
    database.close()
    assert not [name for name in os.listdir(desk) if name.endswith(".db.tmp")]


OLD_CORRECTIONS = """
DROP TABLE corrections; DROP TABLE audit_links; DROP TABLE review_states; DROP TABLE leases;
CREATE TABLE corrections (number INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, report_id VARCHAR(128) NOT NULL,
  field VARCHAR(30) NOT NULL, value JSON NOT NULL, reason TEXT NOT NULL, actor VARCHAR(100) NOT NULL,
  recorded_at VARCHAR(40) NOT NULL, FOREIGN KEY(report_id) REFERENCES reports (id) ON DELETE CASCADE);
CREATE INDEX corrections_report ON corrections (report_id);
CREATE TRIGGER corrections_append_only BEFORE UPDATE ON corrections
  BEGIN SELECT RAISE(ABORT, 'corrections are append-only'); END;
INSERT INTO corrections (report_id, field, value, reason, actor, recorded_at) VALUES
  ('a', 'category', '"HJ01"', '理由', 'key-1', '2026-01-01T00:00:00+00:00'),
  ('a', 'category', '"HJ02"', '', 'key-2', '2026-01-02T00:00:00+00:00'),
  ('a', 'false_report', 'false', '', 'key-1', '2026-01-03T00:00:00+00:00');
PRAGMA user_version = 1;
"""


def test_a_database_of_schema_1_is_brought_up_to_date_once(desk: Path) -> None:
    (desk / "fenzhuan.head").unlink()
    tamper(desk, OLD_CORRECTIONS)
    for _ in range(2):
        database = open_database(desk / "fenzhuan.db")
        found = [(one.entry, one.reading, one.value, one.bundle) for one in corrections_of(database, "a")]
        assert found == [("corrected", "first", "HJ01", "dummy"), ("corrected", "later", "HJ02", "dummy"),
                         ("confirmed", "first", False, "dummy")]
        assert verify(database).links == 3
        database.close()
    assert checked(desk)[0] == 0
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        tamper(desk, "UPDATE corrections SET reason = 'x'")
    with sqlite3.connect(desk / "fenzhuan.db") as connection:
        states = dict(connection.execute("SELECT report_id, stage FROM review_states").fetchall())
        assert states == {"a": states["a"], "b": "open"}
        assert states["a"] in ("closed", "second")
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
