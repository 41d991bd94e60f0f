"""What the false-report score reads of stored reports: those that came after a mark, and what became of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select

from knowledge_base.storage.rows import REPORT_COLUMNS, report_of
from knowledge_base.storage.tables import answers, outcomes, reports
from models.contract import Report

JUDGED = ("verified", "partly_verified", "unfounded")
# Built once: to build them anew would take longer than to run them.
_REPORTS_AFTER = (select(*REPORT_COLUMNS, answers.c.body).join(answers, answers.c.report_id == reports.c.id)
                  .where(reports.c.sequence > bindparam("after"), reports.c.effective_at >= bindparam("since"))
                  .order_by(reports.c.sequence).limit(bindparam("most")))
_FINDINGS_AFTER = (
    select(outcomes.c.number, outcomes.c.finding, reports.c.sequence, reports.c.id, reports.c.reporter_ref,
           answers.c.body)
    .join(reports, reports.c.id == outcomes.c.report_id).join(answers, answers.c.report_id == reports.c.id)
    .where(outcomes.c.number > bindparam("after"), outcomes.c.finding.in_(JUDGED))
    .order_by(outcomes.c.number).limit(bindparam("most")))


@dataclass(frozen=True, slots=True)
class StoredTrace:
    """A stored report with the subjects found in it, and when it counts as received (seconds since 1970)."""

    sequence: int
    effective_at: int
    report: Report
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a report, with the reasons that the false-report score gave when it came."""

    number: int
    sequence: int
    report_id: str
    reporter_ref: str | None
    unfounded: bool
    reasons: tuple[str, ...]


def first_of_the_last(connection: Connection, count: int) -> int:
    """Return the sequence after which about ``count`` reports are stored, 0 where there are fewer."""
    highest = connection.execute(select(func.max(reports.c.sequence))).scalar() or 0
    return max(0, int(highest) - count)


def last_findings(connection: Connection, count: int) -> int:
    """Return the number after which about ``count`` outcomes are stored, 0 where there are fewer."""
    highest = connection.execute(select(func.max(outcomes.c.number))).scalar() or 0
    return max(0, int(highest) - count)


def newest_report(connection: Connection) -> int:
    """Return when the report that came last counts as received (seconds since 1970), 0 where there is none."""
    return int(connection.execute(select(func.max(reports.c.effective_at))).scalar() or 0)


def reports_after(connection: Connection, sequence: int, limit: int, since: int = 0) -> list[StoredTrace]:
    """Return up to ``limit`` reports beyond a sequence, received from ``since`` on, in order."""
    rows = connection.execute(_REPORTS_AFTER, {"after": sequence, "since": since, "most": limit}).mappings()
    return [StoredTrace(row["sequence"], row["effective_at"], report_of(row), _subjects(row["body"])) for row in rows]


def findings_after(connection: Connection, number: int, limit: int) -> list[Finding]:
    """Return up to ``limit`` outcomes with a finding beyond a number, in order."""
    rows = connection.execute(_FINDINGS_AFTER, {"after": number, "most": limit})
    return [Finding(row.number, row.sequence, row.id, row.reporter_ref, row.finding == "unfounded",
                    _texts(_section(row.body, "false_report").get("reasons"))) for row in rows]


def _subjects(body: str) -> tuple[str, ...]:
    return _texts(_section(body, "elements").get("subjects"))


def _section(body: str, name: str) -> dict[str, object]:
    """Return a section of a stored answer, empty where the answer is not what the service writes."""
    try:
        section = json.loads(body).get(name)
    except (ValueError, AttributeError):
        return {}
    return section if isinstance(section, dict) else {}


def _texts(listed: object) -> tuple[str, ...]:
    return tuple(map(str, listed)) if isinstance(listed, Sequence) and not isinstance(listed, str) else ()
