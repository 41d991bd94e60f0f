"""A knowledge base of four departments, three of which the network knows, for tests of routing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from knowledge_base.catalogue import CatalogueEntry
from knowledge_base.crosswalk import Crosswalk
from knowledge_base.departments import Department, Duty, LegalBasis
from knowledge_base.index import DutyIndex, embed_duties
from knowledge_base.loading import KnowledgeBase
from knowledge_base.router import Router
from knowledge_base.taxonomy import Category, Taxonomy
from models.contract import HEAD_SIZES, FloatArray, Prediction
from models.dummy import DummyPredictor

CATEGORIES = ("HJ01", "GY01", "CG05")
KNOWN = ("CGJ", "STHJ", "GSGS")
NEW = "DLQX"


def _duty(number: str, text: str, *incidents: str) -> Duty:
    return Duty(number, text, "county", (), (LegalBasis("某法", "第一条"),), "", incidents, ())


DEPARTMENTS = (
    Department("CGJ", "城管", "城管", duties=(_duty("CGJ-01", "查处餐饮油烟扰民", "楼下烧烤店油烟往家里灌"),
                                          _duty("CGJ-02", "维护路灯井盖", "路灯坏了没人修"))),
    Department("STHJ", "环境", "环境", duties=(_duty("STHJ-01", "监管工业废气排放", "化工厂半夜偷排刺鼻废气"),)),
    Department("GSGS", "供水", "供水", duties=(_duty("GSGS-01", "保障供水水压水质", "家里停水两天了"),)),
    Department(NEW, "气象", "气象", duties=(_duty("DLQX-01", "管理防雷装置检测", "加油站避雷针断了没人检测"),)))

SMALL = KnowledgeBase(
    Taxonomy((Category("HJ01", "生态环境", "大气污染", "油烟"), Category("GY01", "公用事业", "供水", "停水"),
              Category("CG05", "城市管理与市政", "市政设施", "路灯"))),
    DEPARTMENTS,
    {"HJ01": CatalogueEntry("HJ01", "STHJ", ("CGJ",), ("GSGS",), ""),
     "GY01": CatalogueEntry("GY01", "GSGS", (), (), ""),
     "CG05": CatalogueEntry("CG05", "CGJ", (), (), "")},
    Crosswalk({}, {}, {}), (), "sha256:small")

EMBEDDER = DummyPredictor(CATEGORIES, KNOWN)


def without(code: str) -> KnowledgeBase:
    """Return the small knowledge base with one department's duties taken away."""
    return replace(SMALL, departments=tuple(replace(one, duties=()) if one.code == code else one
                                            for one in DEPARTMENTS))


def make_index(knowledge_base: KnowledgeBase = SMALL) -> DutyIndex:
    """Return the index over its duties."""
    return DutyIndex(knowledge_base, embed_duties(knowledge_base, EMBEDDER, {}))


def make_router(fitted: dict[str, Any] | None = None, knowledge_base: KnowledgeBase = SMALL) -> Router:
    """Return a router whose network knows all departments but the new one."""
    return Router(knowledge_base, CATEGORIES, KNOWN, make_index(knowledge_base), fitted or {})


def flat(size: int) -> FloatArray:
    """Return equal probabilities, float32 (size,)."""
    return np.full(size, 1 / size, dtype=np.float32)


def predict(text: str, **heads: FloatArray) -> Prediction:
    """Return what an undecided network says of a text, with some heads given."""
    sizes = {**HEAD_SIZES, "category": len(CATEGORIES), "lead": len(KNOWN)}
    names = ("category", "kind", "urgency", "lead", "territory", "verifiability", "xinfang", "missing")
    scores = {name: flat(sizes[name]) for name in names} | {"co": np.full(len(KNOWN), 0.05, dtype=np.float32)}
    return Prediction(**(scores | heads), keywords=(), embedding=EMBEDDER.embed([text])[0])
