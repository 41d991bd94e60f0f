"""What clients may send: strict types, no unknown fields, text cleaned of control characters."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationInfo,
    field_validator,
    model_validator,
)

from models.contract import KINDS, Report
from models.text import normalise

MAX_TEXT = 20_000
MAX_TITLE = 500
_RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})?", re.ASCII)
_UNSEEN = ("Cc", "Cf", "Cs")
_FORBIDDEN_IN_ID = re.compile(r"[\s/?#\\%]")


def _clean(text: str) -> str:
    """Drop control characters but line breaks and tabs, and surrogates."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def _clean_text(text: str) -> str:
    cleaned = _clean(text).strip()
    if not normalise(cleaned).text:
        raise ValueError("empty once invisible characters are dropped; expected 1 to 20,000 characters")
    return cleaned


def _check_id(report_id: str) -> str:
    unseen = any(unicodedata.category(char) in _UNSEEN for char in report_id)
    if report_id in (".", "..") or unseen or _FORBIDDEN_IN_ID.search(report_id):
        raise ValueError("expected no blanks, control or invisible characters, slashes, or any of ? # \\ %")
    return report_id


def parse_time(value: str) -> datetime:
    """Return an RFC 3339 time of the years 1990 to 2100.

    Raises:
        ValueError: another form, no such day or hour, no offset from UTC, or a year out of range.
    """
    found = _RFC3339.fullmatch(value)
    if found is None:
        raise ValueError("expected an RFC 3339 time such as 2026-01-01T09:30:00+08:00")
    if found[2] is None:
        raise ValueError("the offset from UTC is missing; expected for example 2026-01-01T09:30:00+08:00")
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("no such day, hour or offset; expected an RFC 3339 time") from None
    if not 1990 <= moment.year <= 2100:
        raise ValueError("the year is out of range; expected 1990 to 2100")
    return moment


def _check_time(value: str) -> str:
    parse_time(value)
    return value


ReportId = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_check_id)]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, max_length=40), AfterValidator(_check_time)]
Code = Annotated[str, Field(pattern=r"^[A-Z]{2,5}[0-9]{0,3}$")]
Reason = Annotated[str, Field(max_length=1_000), AfterValidator(_clean)]


class Sent(BaseModel):
    """Base of all that clients send."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class ReporterIn(Sent):
    """Who reports, as an opaque pseudonym."""

    ref: Annotated[str, Field(max_length=200), AfterValidator(_clean)] | None = None
    anonymous: bool = False


class AttachmentIn(Sent):
    """How many attachments of a type came with the report."""

    type: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[a-z0-9_/.+-]+$")]
    count: Annotated[int, Field(ge=1, le=1_000)] = 1


class ReportIn(Sent):
    """A report as the intake desk sends it."""

    id: ReportId | None = None
    title: Annotated[str, Field(max_length=MAX_TITLE), AfterValidator(_clean)] = ""
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_clean_text)]
    received_at: Time | None = None
    region: Annotated[str, Field(pattern=r"^[1-9][0-9]{5}$")] | None = None
    channel: Literal["phone", "web", "app", "mini_program", "letter", "visit", "other"] | None = None
    reporter: ReporterIn | None = None
    attachments: Annotated[list[AttachmentIn], Field(max_length=50)] = []

    def report(self) -> Report:
        """Return the domain object, with an id made where none was sent."""
        reporter = self.reporter or ReporterIn()
        return Report(text=self.text, id=self.id or f"R-{uuid.uuid4().hex}", title=self.title.strip(),
                      received_at=parse_time(self.received_at) if self.received_at else None, region=self.region,
                      channel=self.channel, reporter_ref=reporter.ref or None, anonymous=reporter.anonymous,
                      attachments=tuple((attachment.type, attachment.count) for attachment in self.attachments))


def content_hash(report: Report) -> str:
    """Return the SHA-256 of what a report says, without its id."""
    content = [report.text, report.title, report.received_at.isoformat() if report.received_at else None,
               report.region, report.channel, report.reporter_ref, report.anonymous, report.attachments]
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()


class CorrectionIn(Sent):
    """One field that a reviewer changes or confirms."""

    field: Literal["kind", "category", "urgency", "lead_department", "co_departments", "duplicate_of",
                   "not_duplicate_of", "false_report"]
    value: Annotated[JsonValue, Field(json_schema_extra={"type": ["string", "integer", "boolean", "array"]})]
    reason: Reason = ""

    @field_validator("value")
    @classmethod
    def _check_value(cls, value: JsonValue, sent: ValidationInfo) -> JsonValue:
        expected = _expected_value(sent.data["field"], value) if "field" in sent.data else None
        if expected is not None:
            raise ValueError(f"expected {expected}")
        return value


class ReviewIn(Sent):
    """A whole reading: what the reviewer changes; the labels that it does not name are confirmed."""

    corrections: Annotated[list[CorrectionIn], Field(max_length=8)] = []

    @field_validator("corrections")
    @classmethod
    def _check_fields(cls, corrections: list[CorrectionIn]) -> list[CorrectionIn]:
        fields = [one.field for one in corrections if one.field not in ("duplicate_of", "not_duplicate_of")]
        if len(set(fields)) < len(fields):
            raise ValueError("expected each field at most once, but for the two about duplicates")
        return corrections


class UndoIn(Sent):
    """Which correction of the report is taken back."""

    number: Annotated[int, Field(ge=1, lt=2**53)]
    reason: Reason = ""


class ReleaseIn(Sent):
    """Which reports of the queue a reviewer gives back; all of them where none are named."""

    ids: Annotated[list[ReportId], Field(max_length=100)] | None = None


def _expected_value(field: str, value: JsonValue) -> str | None:
    """Return what a correction's value should be, None where its form is right; codes and ids are looked up later."""
    if field == "false_report":
        return None if isinstance(value, bool) else "true or false"
    if field == "urgency":
        return None if type(value) is int and 1 <= value <= 4 else "1, 2, 3 or 4"
    if field == "co_departments":
        good = (isinstance(value, list) and len(value) <= 5 and all(isinstance(code, str) for code in value)
                and len(set(map(str, value))) == len(value))
        return None if good else "a list of up to five different department codes"
    if not isinstance(value, str) or not 0 < len(value) <= 128:
        return "a string of 1 to 128 characters"
    return None if field != "kind" or value in KINDS else "one of " + " ".join(KINDS)


class OutcomeIn(Sent):
    """What became of a report; at least one of ``handled_by``, ``finding`` and ``closed_at``."""

    handled_by: Code | None = None
    co_handlers: Annotated[list[Code], Field(max_length=10)] = []
    finding: Literal["verified", "partly_verified", "unfounded"] | None = None
    closed_at: Time | None = None

    @model_validator(mode="after")
    def _check_any(self) -> OutcomeIn:
        if self.handled_by is None and self.finding is None and self.closed_at is None:
            raise ValueError("expected at least one of handled_by, finding, closed_at")
        return self


class ReloadIn(Sent):
    """What to load again."""

    part: Literal["bundle", "knowledge_base", "all"] = "all"
