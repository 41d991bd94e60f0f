"""Duties that contradict each other: claimed by two departments, sent in a circle, or taken up by nobody.

Texts are compared by the pairs of characters that they share, without a network, so that a check takes a second and
says the same on every machine.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil
from typing import TypeVar

from knowledge_base.loading import KnowledgeBase
from knowledge_base.problem import Problem
from models.text import normalise

NEAR = 0.7
FEWEST_PAIRS = 2

Text = TypeVar("Text")
Pairs = frozenset[str]


@dataclass(frozen=True, slots=True)
class _Claim:
    """A duty or one of its incidents."""

    department: str
    duty: str
    text: str


@dataclass(frozen=True, slots=True)
class _Referral:
    """A matter that a duty leaves to another department."""

    department: str
    duty: str
    text: str
    to: str
    categories: tuple[str, ...]


def contradictions(knowledge_base: KnowledgeBase) -> list[Problem]:
    """Return duties that contradict each other."""
    claims = [_Claim(department.code, duty.id, text) for department, duty in knowledge_base.duties
              for text in (duty.text, *duty.incidents)]
    referrals = [_Referral(department.code, duty.id, other.text, other.department, duty.categories)
                 for department, duty in knowledge_base.duties for other in duty.not_ours
                 if other.department != department.code]
    return [*_alike(claims, referrals), *_sent_back(referrals), *_taken_up_by_nobody(knowledge_base, referrals)]


@lru_cache(maxsize=1 << 14)
def pairs_of(text: str) -> Pairs:
    """Return the pairs of neighbouring letters, digits and characters of a text."""
    return frozenset(a + b for a, b in pairwise(normalise(text).text) if (a + b).isalnum())


def likeness(one: Pairs, other: Pairs) -> float:
    """Return how much two texts share of what either has (Jaccard), in [0, 1]."""
    return len(one & other) / max(1, len(one | other))


def _alike_texts(texts: Sequence[tuple[str, Text]]) -> Iterator[tuple[Text, Text]]:
    """Yield the subjects of texts that say nearly the same, the earlier first.

    Two texts with a likeness of ``NEAR`` share one of the rarest pairs of each, so that only these are looked up.
    """
    pairs = [pairs_of(text) for text, _ in texts]
    frequency = Counter(pair for one in pairs for pair in one)
    seen: dict[str, list[int]] = defaultdict(list)
    for row, one in enumerate(pairs):
        rarest = sorted(one, key=lambda pair: (frequency[pair], pair))[:len(one) - ceil(NEAR * len(one)) + 1]
        for other in sorted({other for pair in rarest for other in seen[pair]}):
            if likeness(pairs[other], one) >= NEAR:
                yield texts[other][1], texts[row][1]
        for pair in rarest:
            seen[pair].append(row)


def _alike(claims: Sequence[_Claim], referrals: Sequence[_Referral]) -> Iterator[Problem]:
    texts: list[tuple[str, _Claim | _Referral]] = [
        *((claim.text, claim) for claim in claims), *((referral.text, referral) for referral in referrals)]
    for one, other in _alike_texts(texts):
        if isinstance(one, _Claim) and isinstance(other, _Claim) and one.department != other.department:
            yield Problem("claimed_twice", f"{one.duty} {other.duty}",
                          f"two departments claim nearly the same: {one.text!r} and {other.text!r}; say in each what "
                          "is the other's")
        elif isinstance(one, _Claim) and isinstance(other, _Referral) and one.department == other.department:
            yield Problem("disclaims_its_own", other.duty,
                          f"leaves {other.text!r} to {other.to}, but {one.duty} of the same department claims "
                          f"{one.text!r}")
        elif isinstance(one, _Referral) and isinstance(other, _Referral) and _sent_elsewhere(one, other):
            yield Problem("disputed_referral", f"{one.duty} {other.duty}",
                          f"{one.duty} leaves {one.text!r} to {one.to}, but {other.duty} leaves {other.text!r} to "
                          f"{other.to}")


def _sent_elsewhere(one: _Referral, other: _Referral) -> bool:
    return one.to != other.to and not _back(one, other)


def _back(one: _Referral, other: _Referral) -> bool:
    return one.to == other.department and other.to == one.department


def _sent_back(referrals: Sequence[_Referral]) -> Iterator[Problem]:
    between: dict[tuple[str, str], list[_Referral]] = defaultdict(list)
    for referral in referrals:
        for other in between[referral.to, referral.department]:
            shared = pairs_of(other.text) & pairs_of(referral.text)
            shorter = min(len(pairs_of(other.text)), len(pairs_of(referral.text)))
            if len(shared) >= FEWEST_PAIRS and len(shared) >= NEAR * shorter:
                yield Problem("ping_pong", f"{other.duty} {referral.duty}",
                              f"{other.duty} leaves {other.text!r} to {other.to}, and {referral.duty} leaves "
                              f"{referral.text!r} back to {referral.to}; say who leads")
        between[referral.department, referral.to].append(referral)


def _taken_up_by_nobody(knowledge_base: KnowledgeBase, referrals: Sequence[_Referral]) -> Iterator[Problem]:
    known = set(knowledge_base.department_codes)
    answered = {code: _answered(knowledge_base, code) for code in known}
    words = {code: _words(knowledge_base, code) for code in known}
    for referral in referrals:
        if referral.to not in known:
            continue
        if not answered[referral.to] & set(referral.categories) and not words[referral.to] & pairs_of(referral.text):
            yield Problem("not_taken_up", referral.duty,
                          f"leaves {referral.text!r} to {referral.to}, which answers none of the duty's categories and "
                          "says no word of it in its duties")


def _answered(knowledge_base: KnowledgeBase, code: str) -> frozenset[str]:
    """Return the categories for which a department has a duty or a place in the catalogue."""
    listed = {entry.category for entry in knowledge_base.catalogue.values() if code in (*entry.leads, *entry.co)}
    return frozenset(listed.union(*(duty.categories for duty in knowledge_base.department(code).duties)))


def _words(knowledge_base: KnowledgeBase, code: str) -> Pairs:
    """Return the pairs of characters in everything that says what a department does."""
    department, taxonomy = knowledge_base.department(code), knowledge_base.taxonomy
    texts = [department.name, department.scope, *department.aliases]
    texts += [text for duty in department.duties for text in (duty.text, *duty.incidents)]
    for entry in knowledge_base.catalogue.values():
        if code in entry.leads and entry.category in taxonomy:
            category = taxonomy.category(entry.category)
            texts += [category.level2, category.scope]
    nothing: Pairs = frozenset()
    return nothing.union(*map(pairs_of, texts))
