"""The wide part's features equal scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import mutual_info_score

from models.ngrams import NGRAM_SIZES, WIDE_CHARACTERS, ngrams_of, weigh_ngrams
from training.ngrams import choose_ngrams, inverse_document_frequency, mutual_information, salience_of

TEXTS = ["停水停水三天", "小区停水", "路灯坏了", "路灯不亮路灯", "水费太高", "停水通知", "路灯停电", "水费水费"]
CLASSES = [0, 0, 1, 1, 2, 0, 1, 2]


def test_every_ngram_with_repetitions() -> None:
    assert sorted(ngrams_of("停停水")) == sorted(["停", "停", "水", "停停", "停水", "停停水"])
    assert list(ngrams_of("")) == []


def test_weights_are_scikit_learns() -> None:
    names = choose_ngrams(TEXTS, CLASSES, 1_000, minimum=1)
    reference = TfidfVectorizer(analyzer="char", ngram_range=(min(NGRAM_SIZES), max(NGRAM_SIZES)), lowercase=False,
                                vocabulary=names, sublinear_tf=True).fit(TEXTS)
    idf = inverse_document_frequency(TEXTS, names)
    np.testing.assert_allclose(idf, reference.idf_, rtol=1e-6)
    index = {name: i for i, name in enumerate(names)}
    for text in [*TEXTS, "停水的路灯和水费"]:
        row = np.zeros(len(names))
        ids, weights = weigh_ngrams(text, index, idf)
        row[ids] = weights
        np.testing.assert_allclose(row, reference.transform([text]).toarray()[0], atol=1e-6)
        assert weights.dtype == np.float32


@pytest.mark.parametrize("text", ["", "xyz"])
def test_nothing_known_weighs_nothing(text: str) -> None:
    ids, weights = weigh_ngrams(text, {"停": 0}, np.ones(1, dtype=np.float32))
    assert ids.shape == weights.shape == (0,)


def test_only_the_beginning_is_read() -> None:
    ids, _ = weigh_ngrams("停" * WIDE_CHARACTERS + "水", {"停": 0, "水": 1}, np.ones(2, dtype=np.float32))
    assert ids.tolist() == [0]


def test_information_is_scikit_learns() -> None:
    random = np.random.default_rng(4)
    present, labels = random.random((6, 300)) < 0.3, random.integers(0, 4, 300)
    present[0] = labels == 2
    joint = np.stack([np.bincount(labels[row], minlength=4) for row in present]).astype(float)
    expected = [mutual_info_score(row, labels) for row in present]
    np.testing.assert_allclose(mutual_information(joint, np.bincount(labels, minlength=4).astype(float)), expected,
                               atol=1e-9)
    assert int(np.argmax(expected)) == 0


def test_the_telling_ngrams_are_chosen() -> None:
    texts = [f"停水甲{n}" if n % 2 else f"路灯甲{n}" for n in range(20)]
    chosen = choose_ngrams(texts, [n % 2 for n in range(20)], 4)
    assert set(chosen) <= {"停", "水", "停水", "水甲", "停水甲", "路", "灯", "路灯", "灯甲", "路灯甲"}
    assert chosen == sorted(chosen)
    assert "甲" not in chosen


def test_rare_ngrams_and_unlabelled_texts_are_left_out() -> None:
    texts = ["停水", "停水", "停水", "路灯", "路灯", "垃圾", "垃圾", "垃圾"]
    chosen = choose_ngrams(texts, [0, 0, 0, 1, 1, -1, -1, -1], 100)
    assert "路灯" not in chosen
    assert "停水" in chosen
    salience = salience_of(["停水", "停水", "甲", "乙"], [0, 0, 1, -1], ["停水", "乙"])
    assert salience[0] > salience[1]
