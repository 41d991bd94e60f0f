"""Finding times, places, subjects and evidence in a report, and what is missing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from knowledge_base import element_words as words
from models.contract import MISSING_ELEMENTS
from models.text import Normalised, normalise

MOST_SPANS = 20
MOST_HITS = 2000
LONGEST_PLACE = 30
LONGEST_TIME = 30
KINDS_WITHOUT_MISSING = ("咨询", "建议", "表扬")
_NAME_LIMITS = {"admin": (1, 5), "team": (1, 4), "road": (2, 6), "estate": (2, 8), "public": (2, 10)}
_NUMBERED = ("road", "estate", "building", "team")
_SUBJECT_LIMITS = {"company": (2, 20), "office": (1, 12), "local": (2, 7), "short": (2, 5)}
_MASKED = re.compile(r"[A-Z]\d{0,3}\Z")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of the original text: ``text`` is the half-open ``[start, end)`` of it."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Elements:
    """What a report says of when, where, who and by what proof; ``missing`` ⊂ time, place, subject, evidence."""

    times: tuple[Span, ...] = ()
    places: tuple[Span, ...] = ()
    subjects: tuple[Span, ...] = ()
    evidence: tuple[Span, ...] = ()
    amounts: tuple[Span, ...] = ()
    plates: tuple[Span, ...] = ()
    missing: tuple[str, ...] = ()


Extent = tuple[int, int]


def extract_elements(text: str, kind: str | None = None) -> Elements:
    """Return the elements of a text, each in order and without repeats, at most 20 of a sort.

    By the annotation guide nothing is missing from a 咨询, 建议 or 表扬, so ``kind`` decides whether ``missing``
    is filled; a time may be as vague as 一直, and a plate, an amount, a document or a fault that anyone can go and
    see is evidence.
    """
    normalised = normalise(text)
    plain = normalised.text
    plates = _matches(words.PLATES, plain)
    places = list(_places(plain))
    times = list(_times(plain)) or _matches(words.WEAK_TIMES, plain)
    evidence = [(start, end) for start, end in _matches(words.EVIDENCE, plain)
                if not words.NEGATED.search(plain, max(0, start - 8), start)]
    subjects = list(_subjects(plain))
    amounts = _matches(words.AMOUNTS, plain)
    proof = bool(evidence or plates or amounts or words.VISIBLE.search(plain))
    present = dict(zip(MISSING_ELEMENTS, (bool(times), bool(places), bool(subjects or plates), proof), strict=True))
    missing = () if kind in KINDS_WITHOUT_MISSING else tuple(name for name, found in present.items() if not found)
    spans = [_spans(text, normalised, extents) for extents in (times, places, subjects, evidence, amounts, plates)]
    return Elements(spans[0], spans[1], spans[2], spans[3], spans[4], spans[5], missing)


def _spans(text: str, normalised: Normalised, extents: Iterable[Extent]) -> tuple[Span, ...]:
    spans: dict[str, Span] = {}
    for start, end in extents:
        if (key := normalised.text[start:end]) not in spans:
            first, last = normalised.original_span(start, end)
            spans[key] = Span(text[first:last], first, last)
        if len(spans) == MOST_SPANS:
            break
    return tuple(spans.values())


def _matches(pattern: re.Pattern[str], plain: str) -> list[Extent]:
    return [match.span() for match in islice(pattern.finditer(plain), MOST_HITS)]


def _times(plain: str) -> Iterator[Extent]:
    """Yield times; two that only a dash or 至 divides are one range."""
    return _joined(_matches(words.TIMES, plain), LONGEST_TIME, lambda end, start: (
        end == start or words.TIME_JOINT.fullmatch(plain, end, start) is not None))


def _places(plain: str) -> Iterator[Extent]:
    """Yield places; parts that follow each other (A市 A3区 某路 12号) are one."""
    return _joined(_place_parts(plain), LONGEST_PLACE, lambda end, start: end == start)


def _joined(parts: Iterable[Extent], longest: int, belongs: Callable[[int, int], bool]) -> Iterator[Extent]:
    """Yield parts, joined where ``belongs`` (end of one, start of the next) and the whole is not too long."""
    current: Extent | None = None
    for start, end in parts:
        if current and end - current[0] <= longest and belongs(current[1], start):
            current = (current[0], end)
            continue
        if current:
            yield current
        current = (start, end)
    if current:
        yield current


def _place_parts(plain: str) -> Iterator[Extent]:
    floor, previous = 0, ""
    for match in islice(words.PLACES.finditer(plain), MOST_HITS):
        sort = match.lastgroup or "skip"
        follows = match.start() == floor
        start: int | None = match.start()
        if sort == "skip" or (sort == "number" and not (follows and previous in _NUMBERED)):
            continue
        if sort == "team" and not follows and not words.TEAM_NUMBER.search(plain, floor, match.start()):
            continue
        if sort in _NAME_LIMITS:
            start = _name_start(plain, floor, match.start(), *_NAME_LIMITS[sort], words.PLACE_BREAK)
        if start is not None:
            yield start, match.end()
            floor, previous = match.end(), sort


def _subjects(plain: str) -> Iterator[Extent]:
    """Yield subjects with their names where they have one (某某物业公司), else the bare word (物业)."""
    floor = 0
    for match in islice(words.SUBJECTS.finditer(plain), MOST_HITS):
        sort = match.lastgroup or "role"
        start = (None if sort == "role" else
                 _name_start(plain, floor, match.start(), *_SUBJECT_LIMITS[sort], words.BREAK))
        if sort == "office" and start is not None and not words.OFFICE_NAME.search(plain, start, match.start()):
            start = None
        if start is None and match[0] in words.NEEDS_NAME:
            continue
        yield match.start() if start is None else start, match.end()
        floor = match.end()


def _name_start(plain: str, floor: int, end: int, shortest: int, longest: int,
                breaks: re.Pattern[str]) -> int | None:
    """Return where the name that ends at ``end`` begins, or None where there is none.

    Walks left to a stop character or ``floor``, cuts after the last break word and what cannot begin a name, and
    gives up on a name longer than names are: it would be a piece of a sentence.
    """
    if masked := _MASKED.search(plain, max(floor, end - 4), end):
        return masked.start()
    start = end
    while start > floor and end - start <= longest and plain[start - 1] not in words.STOP:
        start -= 1
    cut = start
    for word in breaks.finditer(plain[start:end]):
        cut = start + word.end()
    while lead := words.LEAD.match(plain, cut, end):
        if end - lead.end() < shortest or (lead[0] == "和" and (cut == 0 or plain[cut - 1] in words.STOP)):
            break
        cut = lead.end()
    if inner := words.MASKED_ADMIN.search(plain, cut, end):
        cut = inner.start()
    size = end - cut
    if not shortest <= size <= longest or plain[cut:end] in words.GENERIC:
        return None
    return cut
