"""Stored answers for the tests of storage."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from knowledge_base.storage.records import NewAnswer
from knowledge_base.storage.signals import Signals
from models.contract import FloatArray, Report

SPACE = "s" * 64


def unit_vector(seed: int, size: int = 8) -> FloatArray:
    """Return a random vector of unit length, float32 (size,)."""
    vector = np.random.default_rng(seed).normal(size=size)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def new_answer(report_id: str, text: str = "路灯不亮", *, content_hash: str = "h", seed: int = 0, space: str = SPACE,
               duplicate_of: str | None = None, route: str = "review", urgency: int = 3, certainty: float = 0.5,
               category: str = "CG05", region: str | None = "430102",
               received_at: datetime | None = datetime(2026, 1, 5, 8, tzinfo=UTC),
               signals: Signals | None = None) -> NewAnswer:
    """Return an answer ready to store."""
    return NewAnswer(
        report=Report(text=text, id=report_id, title="路灯", received_at=received_at, region=region,
                      channel="phone", reporter_ref="someone", attachments=(("image", 2),)),
        content_hash=content_hash, embedding=unit_vector(seed), embedding_space=space, places=("幸福路",),
        kind="投诉", category=category, urgency=urgency, lead="CGJ", verifiability=1, route=route,
        certainty=certainty, bundle="dummy", knowledge_base="sha256:0", duplicate_of=duplicate_of,
        signals=signals)
