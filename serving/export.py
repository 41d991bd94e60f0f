"""A corrected report as a training row of the annotation schema."""

from __future__ import annotations

import json
from typing import Any

from knowledge_base.storage.database import Database
from knowledge_base.storage.events import event_of
from knowledge_base.storage.feedback import corrections_of, outcomes_of
from knowledge_base.storage.records import StoredReport
from knowledge_base.storage.reports import find_report
from knowledge_base.storage.signals import AUDIT_SHARE, audit_place
from knowledge_base.storage.standing import effective

LABEL_FIELDS = {"kind": "kind", "category": "category", "urgency": "urgency", "lead_department": "lead",
                "co_departments": "co"}
GROUP_OFFSET = 1_000_000_000
FALSE_VERIFIABILITY = 4


def training_row(database: Database, stored: StoredReport) -> dict[str, Any] | None:
    """Return the row, or None where no correction is about a label.

    The prediction stands where nobody corrected it; of several corrections of a field the last stands that is not
    undone. ``group`` joins the reports of one event and lies above the groups of the annotated files. The audit sample
    is in the split ``dev``: what automatic decisions are measured with is never trained on.
    """
    report = stored.report
    corrections = [one for one in effective(corrections_of(database, report.id))
                   if one.field in LABEL_FIELDS or one.field == "false_report"]
    if not corrections:
        return None
    answer = json.loads(stored.body)
    row: dict[str, Any] = {
        "id": report.id, "title": report.title, "text": report.text,
        "time": report.received_at.strftime("%Y/%m/%d %H:%M:%S") if report.received_at else "",
        "group": GROUP_OFFSET + _first_sequence(database, stored),
        "split": "dev" if audit_place(report.id) < AUDIT_SHARE else "train",
        "kind": answer["kind"]["label"], "category": answer["category"]["code"], "category_alt": None,
        "urgency": answer["urgency"]["level"], "lead": answer["lead_department"]["code"],
        "co": [helper["code"] for helper in answer["co_departments"]], "verifiability": stored.verifiability,
        "missing": answer["elements"]["missing"]}
    for correction in corrections:
        if correction.field in LABEL_FIELDS:
            row[LABEL_FIELDS[correction.field]] = correction.value
        elif correction.value:
            row["verifiability"] = FALSE_VERIFIABILITY
    return row | _reply(database, report.id)


def _first_sequence(database: Database, stored: StoredReport) -> int:
    event = event_of(database, stored.report.id)
    return find_report(database, event.earliest_report).sequence if event else stored.sequence


def _reply(database: Database, report_id: str) -> dict[str, Any]:
    handled = [outcome for outcome in outcomes_of(database, report_id) if outcome.handled_by]
    return {"reply_lead": handled[-1].handled_by, "reply_co": list(handled[-1].co_handlers)} if handled else {}
