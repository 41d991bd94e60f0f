"""The domain objects that every package shares: a report, what the network says of it, where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

KINDS = ("举报", "投诉", "求助", "咨询", "建议", "表扬", "其他")
URGENCY_LABELS = {1: "特急", 2: "紧急", 3: "一般", 4: "低"}
CHANNELS = ("phone", "web", "app", "mini_program", "letter", "visit", "other")
MISSING_ELEMENTS = ("time", "place", "subject", "evidence")
TERRITORY_OUTPUTS = ("involved", "street", "county")
TERRITORY_CODES = ("XZ", "ZF")
XINFANG_LABELS = ("城乡建设", "环境保护", "交通运输", "教育文体", "劳动和社会保障", "商贸旅游", "卫生计生")

HEAD_SIZES = {"kind": len(KINDS), "urgency": 4, "territory": 3, "verifiability": 4,
              "xinfang": len(XINFANG_LABELS), "missing": len(MISSING_ELEMENTS)}
SOFTMAX_HEADS = ("category", "kind", "urgency", "lead", "verifiability", "xinfang")
SIGMOID_HEADS = ("co", "territory", "missing")


@dataclass(frozen=True, slots=True)
class Report:
    """A citizen's report as the intake desk hands it over."""

    text: str
    id: str = ""
    title: str = ""
    received_at: datetime | None = None
    region: str | None = None
    channel: str | None = None
    reporter_ref: str | None = None
    anonymous: bool = False
    attachments: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class ScoredLabel:
    """A label code with its calibrated probability in [0, 1]."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """What the network says of one report, every probability calibrated.

    Vectors are float32. ``category`` (C,), ``kind`` (7,), ``urgency`` (4,: levels 1 to 4), ``lead`` (D,),
    ``verifiability`` (4,) and ``xinfang`` (7,) each sum to one over the bundle's labels of that head;
    ``co`` (D,), ``territory`` (3,: see ``TERRITORY_OUTPUTS``) and ``missing`` (4,) are independent
    probabilities; ``embedding`` (E,) has unit length.
    """

    category: FloatArray
    kind: FloatArray
    urgency: FloatArray
    lead: FloatArray
    co: FloatArray
    territory: FloatArray
    verifiability: FloatArray
    xinfang: FloatArray
    missing: FloatArray
    embedding: FloatArray
    keywords: tuple[str, ...] = ()


class Predictor(Protocol):
    """Scores reports; implementations are thread-safe."""

    @property
    def category_labels(self) -> tuple[str, ...]:
        """Category codes in the order of ``Prediction.category``."""
        ...

    @property
    def department_labels(self) -> tuple[str, ...]:
        """Department codes in the order of ``Prediction.lead`` and ``Prediction.co``."""
        ...

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        """Score reports in one batch, in order."""
        ...

    def embed(self, texts: Sequence[str]) -> FloatArray:
        """Return unit-length embeddings, float32 (len(texts), E)."""
        ...


@dataclass(frozen=True, slots=True)
class DutyMatch:
    """A duty of a department that matches the report: the evidence for a route."""

    duty_id: str
    department: str
    text: str
    basis: str
    score: float


@dataclass(frozen=True, slots=True)
class CoDepartment:
    """A department that must help, and why (in Chinese, for the dispatcher)."""

    code: str
    probability: float
    reason: str


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Where a report goes: ranked leads, helpers, territory and the evidence.

    ``notes`` say in Chinese what joint scenario or dispute speaks for it; ``disputed`` are ids of duty disputes.
    """

    leads: tuple[ScoredLabel, ...]
    evidence: tuple[DutyMatch, ...]
    co_departments: tuple[CoDepartment, ...]
    territory_probability: float
    territory_level: str | None
    notes: tuple[str, ...] = field(default=())
    disputed: tuple[str, ...] = ()

    @property
    def lead(self) -> ScoredLabel:
        """The most probable lead."""
        return self.leads[0]
