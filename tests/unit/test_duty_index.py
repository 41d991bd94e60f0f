"""Duties are found by meaning and by words, as brute force finds them; embeddings are kept between starts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from knowledge_base.index import (
    VECTORS_FILE,
    DutyIndex,
    duty_passages,
    embed_duties,
    open_duty_index,
    read_vectors,
    write_vectors,
)
from knowledge_base.loading import KnowledgeBase
from models.contract import FloatArray
from models.dummy import DummyPredictor
from models.text import normalise
from tests.unit.small_knowledge import CATEGORIES, EMBEDDER, KNOWN, SMALL, make_index, without

QUERIES = ("楼下烧烤店油烟太大", "化工廠排放廢氣", "停水", "避雷针", "🙂", "")


STORED = 2.0**-11  # by Cauchy-Schwarz a cosine of unit vectors moves by no more when one is kept as float16


class CountingPredictor(DummyPredictor):
    """Remembers what it embedded."""

    def __init__(self) -> None:
        super().__init__(CATEGORIES, KNOWN)
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.embedded += texts
        return super().embed(texts)


@pytest.mark.parametrize("query", QUERIES)
def test_dense_similarity_is_the_best_passage(query: str) -> None:
    vector = EMBEDDER.embed([query])[0]
    expected = [max(float(EMBEDDER.embed([passage])[0] @ vector) for passage in duty_passages(duty))
                for _, duty in SMALL.duties]
    dense, _ = make_index().similarities(vector, query)
    np.testing.assert_allclose(dense, expected, atol=STORED)


def test_the_nearest_passages_of_many_are_found(knowledge_base: KnowledgeBase) -> None:
    index = DutyIndex(knowledge_base, vectors := embed_duties(knowledge_base, EMBEDDER, {}))
    assert len(index) == len(knowledge_base.duties) == len(index.departments)
    vector = EMBEDDER.embed(["楼下烧烤店油烟扰民"])[0]
    dense, _ = index.similarities(vector, "")
    matrix = np.stack(list(vectors.values()))
    assert dense.max() == pytest.approx(float((matrix @ vector).max()), abs=1e-5)
    nearest = np.sort(matrix @ vector)[::-1]
    assert dense.min() == pytest.approx(float(nearest[399]), abs=1e-5)  # no duty falls below the 400th passage


def test_lexical_similarity_is_scikit_learns() -> None:
    documents = [normalise("。".join(duty_passages(duty))).text for _, duty in SMALL.duties]
    reference = TfidfVectorizer(analyzer="char", ngram_range=(2, 3), lowercase=False, binary=True).fit(documents)
    index = make_index()
    for query in QUERIES[:4]:
        rows = reference.transform([*documents, normalise(query).text]).toarray()
        _, lexical = index.similarities(EMBEDDER.embed([query])[0], query)
        np.testing.assert_allclose(lexical, rows[:-1] @ rows[-1], atol=1e-5)
        assert lexical.max() > 0
    for query in QUERIES[4:]:
        assert not index.similarities(EMBEDDER.embed(["停水"])[0], query)[1].any()


def test_hits_carry_their_duty() -> None:
    index = make_index()
    dense, lexical = index.similarities(EMBEDDER.embed(["路灯坏了没人修"])[0], "路灯坏了没人修")
    hit = index.hits(dense, lexical, [int(dense.argmax())])[0]
    assert (hit.department.code, hit.duty.id) == ("CGJ", "CGJ-02")
    assert hit.dense == pytest.approx(1.0, abs=STORED)
    assert 0 < hit.lexical <= 1


def test_no_duties_at_all() -> None:
    bare = SMALL
    for code in (department.code for department in SMALL.departments):
        bare = KnowledgeBase(bare.taxonomy, tuple(
            one if one.code != code else type(one)(one.code, one.name, one.scope) for one in bare.departments),
            bare.catalogue, bare.crosswalk, (), "sha256:bare")
    index = make_index(bare)
    dense, lexical = index.similarities(EMBEDDER.embed(["停水"])[0], "停水")
    assert (len(index), dense.shape, lexical.shape) == (0, (0,), (0,))


def test_vectors_come_back(tmp_path: Path) -> None:
    vectors = embed_duties(SMALL, EMBEDDER, {})
    write_vectors(tmp_path / VECTORS_FILE, "model-a", vectors)
    stored = read_vectors(tmp_path / VECTORS_FILE, "model-a")
    assert stored.keys() == vectors.keys()
    for key, vector in vectors.items():
        np.testing.assert_allclose(stored[key], vector, atol=1e-3)
        assert stored[key].dtype == np.float32
    assert read_vectors(tmp_path / VECTORS_FILE, "model-b") == {}
    assert [path.name for path in tmp_path.iterdir()] == [VECTORS_FILE]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "text", "array", "other"])
def test_unusable_files_hold_nothing(tmp_path: Path, damage: str) -> None:
    path = tmp_path / VECTORS_FILE
    write_vectors(path, "model", embed_duties(SMALL, EMBEDDER, {}))
    content = bytearray(path.read_bytes())
    flipped = content.copy()
    flipped[len(content) // 2] ^= 0xFF
    if damage == "missing":
        path.unlink()
    elif damage == "array":
        with path.open("wb") as stream:
            np.save(stream, np.zeros(3))
    elif damage == "other":
        np.savez(path, model=np.array("model"), keys=np.array(["a", "b"]), vectors=np.zeros((1, 4)))
    else:
        path.write_bytes({"empty": b"", "cut": bytes(content[:len(content) // 2]), "flipped": bytes(flipped),
                          "text": b"not an archive"}[damage])
    assert read_vectors(path, "model") == {}


def test_only_new_passages_are_embedded(tmp_path: Path) -> None:
    cache, first, second, third = tmp_path / VECTORS_FILE, CountingPredictor(), CountingPredictor(), CountingPredictor()
    open_duty_index(without("DLQX"), first, "model", [cache], cache)
    assert len(first.embedded) == len(set(first.embedded)) == 8
    index = open_duty_index(SMALL, second, "model", [cache], cache)
    assert sorted(second.embedded) == sorted(duty_passages(SMALL.department("DLQX").duties[0]))
    again = open_duty_index(SMALL, third, "model", [cache])
    assert third.embedded == []
    vector = EMBEDDER.embed(["停水"])[0]
    np.testing.assert_allclose(index.similarities(vector, "停水")[0], again.similarities(vector, "停水")[0], atol=1e-3)
    open_duty_index(SMALL, third, "another model", [cache])
    assert len(third.embedded) == 10


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    assert len(open_duty_index(SMALL, EMBEDDER, "model", [], tmp_path / "no" / "folder" / VECTORS_FILE)) == 5
