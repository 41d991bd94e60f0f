"""Better evidence for a department never lowers its probability, whatever the non-negative weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_base.router import CO_FEATURES, LEAD_FEATURES, RouteFeatures
from models.contract import FloatArray
from tests.unit.small_knowledge import CATEGORIES, KNOWN, SMALL, make_index, predict
from tests.unit.small_knowledge import make_router as small_router

DEPARTMENTS = len(SMALL.department_codes)
ROUNDING = 1e-6
TEXTS = st.sampled_from(["楼下烧烤店油烟往家里灌", "家里停水两天了", "避雷针断了", "", "无关的话"])
WEIGHTS = st.fixed_dictionaries({name: st.floats(0, 5) for name in LEAD_FEATURES})
CO_WEIGHTS = st.fixed_dictionaries({name: st.floats(-3, 3) if name in ("lead", "constant") else st.floats(0, 5)
                                    for name in CO_FEATURES})


def simplex(size: int) -> st.SearchStrategy[FloatArray]:
    return st.lists(st.floats(1e-6, 1), min_size=size, max_size=size).map(
        lambda values: np.asarray(np.array(values) / sum(values), dtype=np.float32))


def raised(features: RouteFeatures, department: int, column: int, by: float) -> RouteFeatures:
    lead = features.lead.copy()
    lead[department, column] += by
    return replace(features, lead=lead)


@settings(deadline=None, max_examples=150)
@given(WEIGHTS, simplex(len(KNOWN)), simplex(len(CATEGORIES)), TEXTS, st.integers(0, DEPARTMENTS - 1),
       st.integers(0, len(LEAD_FEATURES) - 1), st.floats(0, 3))
def test_a_stronger_feature_never_lowers_its_department(weights: dict[str, float], lead: FloatArray,
                                                        category: FloatArray, text: str, department: int, column: int,
                                                        by: float) -> None:
    router = small_router({"lead": weights})
    features = router.features(predict(text, lead=lead, category=category), text)
    before, after = (router.lead_probabilities(one) for one in (features, raised(features, department, column, by)))
    assert after[department] >= before[department] - ROUNDING
    others = np.arange(DEPARTMENTS) != department
    assert np.all(after[others] <= before[others] + ROUNDING)
    assert abs(after.sum() - 1) < 1e-5


@settings(deadline=None, max_examples=150)
@given(WEIGHTS, simplex(len(KNOWN)), TEXTS, st.integers(0, len(KNOWN) - 1), st.floats(0, 1))
def test_a_surer_head_never_lowers_its_department(weights: dict[str, float], lead: FloatArray, text: str,
                                                  department: int, share: float) -> None:
    """Mass moves from all other departments to one, so the head still sums to one."""
    surer = np.asarray(lead * (1 - share), dtype=np.float32)
    surer[department] += share
    router = small_router({"lead": weights})
    before, after = (router.lead_probabilities(router.features(predict(text, lead=head), text))
                     for head in (lead, surer))
    assert after[department] >= before[department] - ROUNDING


@settings(deadline=None, max_examples=100)
@given(WEIGHTS, simplex(len(KNOWN)), st.integers(0, DEPARTMENTS - 1), st.data())
def test_a_nearer_duty_never_lowers_its_department(weights: dict[str, float], lead: FloatArray, department: int,
                                                   data: st.DataObject) -> None:
    """One duty's similarities are raised behind the index, the others stay."""
    router = small_router({"lead": weights})
    index = make_index()
    rows = [row for row, code in enumerate(index.departments) if code == SMALL.department_codes[department]]
    row = data.draw(st.sampled_from(rows))
    prediction = predict("停水", lead=lead)
    dense, lexical = index.similarities(prediction.embedding, "停水")
    nearer = [values.copy() for values in (dense, lexical)]
    for values in nearer:
        values[row] += data.draw(st.floats(0, 1))
    probabilities = []
    for found in ((dense, lexical), nearer):
        router._index = _Fixed(*found)  # type: ignore[assignment]
        probabilities.append(router.lead_probabilities(router.features(prediction, "停水")))
    assert probabilities[1][department] >= probabilities[0][department] - ROUNDING


class _Fixed:
    """An index with given similarities."""

    def __init__(self, dense: FloatArray, lexical: FloatArray) -> None:
        self.found = dense, lexical

    def similarities(self, _embedding: FloatArray, _text: str) -> tuple[FloatArray, FloatArray]:
        return self.found


@settings(deadline=None, max_examples=100)
@given(CO_WEIGHTS, st.lists(st.floats(0.01, 0.9), min_size=3, max_size=3), st.integers(0, 2), st.floats(0, 1))
def test_a_surer_co_head_never_lowers_its_department(weights: dict[str, float], co: list[float], department: int,
                                                     share: float) -> None:
    router = small_router({"co": weights})
    surer = list(co)
    surer[department] += share * (1 - surer[department])
    heads = [np.array(values, dtype=np.float32) for values in (co, surer)]
    before, after = (router.co_probabilities(router.features(predict("停水", co=head), "停水")) for head in heads)
    assert after[department] >= before[department] - ROUNDING
    others = np.arange(DEPARTMENTS) != department
    np.testing.assert_allclose(after[others], before[others], atol=ROUNDING)
