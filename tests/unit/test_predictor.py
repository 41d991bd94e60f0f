"""The predictor answers as the network it was exported from, for any batch."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models.bundle import BundleError, file_sha256, load_bundle
from models.calibration import sigmoid, softmax
from models.contract import HEAD_SIZES, SIGMOID_HEADS, SOFTMAX_HEADS, Prediction, Report
from models.ngrams import weigh_ngrams
from models.predictor import OnnxPredictor
from models.tokens import READ_CHARACTERS, cut_tokens, report_text
from tests.unit.tiny_bundle import CATEGORIES, DEPARTMENTS, MAX_TOKENS, TEXTS, TITLES, TinyModel

HEADS = (*SOFTMAX_HEADS, *SIGMOID_HEADS, "embedding")
REPORTS = [Report(text=text, title=title) for text, title in zip(TEXTS, TITLES, strict=True)]
QUANTISED = 0.06  # largest change of a probability that int8 may cause in the tiny network
BATCHED = 0.04  # activations are quantised over the whole batch, so neighbours move an answer a little


@pytest.fixture(scope="module")
def predictor(tiny: TinyModel) -> OnnxPredictor:
    return OnnxPredictor(load_bundle(tiny.bundle))


def assert_close(one: Prediction, other: Prediction, tolerance: float) -> None:
    for head in HEADS:
        np.testing.assert_allclose(getattr(one, head), getattr(other, head), atol=tolerance, rtol=0, err_msg=head)


def test_shapes_types_and_sums(predictor: OnnxPredictor) -> None:
    sizes = {**HEAD_SIZES, "category": len(CATEGORIES), "lead": len(DEPARTMENTS), "co": len(DEPARTMENTS),
             "embedding": 256}
    for prediction in predictor.predict(REPORTS):
        for head in HEADS:
            values = getattr(prediction, head)
            assert values.shape == (sizes[head],)
            assert values.dtype == np.float32
        for head in SOFTMAX_HEADS:
            assert getattr(prediction, head).sum() == pytest.approx(1.0, abs=1e-5)
        for head in SIGMOID_HEADS:
            assert np.all((getattr(prediction, head) > 0) & (getattr(prediction, head) < 1))
        assert np.linalg.norm(prediction.embedding) == pytest.approx(1.0, abs=1e-5)
    assert (predictor.category_labels, predictor.department_labels) == (CATEGORIES, DEPARTMENTS)


def expected(tiny: TinyModel, report: Report) -> Prediction:
    """Score with torch, step by step as documented."""
    text = report_text(report.title, report.text)
    tokens = cut_tokens(tiny.tokenizer.encode(text).ids, MAX_TOKENS)
    ids, weights = weigh_ngrams(text, {ngram: i for i, ngram in enumerate(tiny.ngrams)}, tiny.idf)
    with torch.no_grad():
        out = tiny.network(torch.tensor([tokens]), torch.ones(1, len(tokens), dtype=torch.long),
                           torch.from_numpy(ids)[None], torch.from_numpy(weights)[None])
    temperatures = {"category": 1.5, "co": 2.0}
    scores = {head: softmax(out[head][0].numpy(), temperatures.get(head, 1.0)) for head in SOFTMAX_HEADS}
    scores |= {head: sigmoid(out[head][0].numpy(), temperatures.get(head, 1.0)) for head in SIGMOID_HEADS}
    return Prediction(**scores, keywords=(), embedding=out["embedding"][0].numpy())


def test_it_answers_as_torch(tiny: TinyModel, predictor: OnnxPredictor) -> None:
    for report in REPORTS:
        assert_close(predictor.predict([report])[0], expected(tiny, report), QUANTISED)


def test_reports_differ(predictor: OnnxPredictor) -> None:
    found = predictor.predict(REPORTS)
    for n, one in enumerate(found):
        for other in found[:n]:
            assert np.abs(one.category - other.category).max() > BATCHED


def test_a_batch_answers_as_its_rows_alone_and_in_order(predictor: OnnxPredictor) -> None:
    alone = [predictor.predict([report])[0] for report in REPORTS]
    for together, one in zip(predictor.predict(REPORTS), alone, strict=True):
        assert_close(together, one, BATCHED)
        assert together.keywords == one.keywords
    for together, one in zip(predictor.predict(REPORTS[::-1]), alone[::-1], strict=True):
        assert_close(together, one, BATCHED)


def test_the_same_batch_answers_the_same(predictor: OnnxPredictor) -> None:
    for one, again in zip(predictor.predict(REPORTS), predictor.predict(REPORTS), strict=True):
        assert_close(one, again, 0.0)


def test_threads_answer_as_one(predictor: OnnxPredictor) -> None:
    alone = [predictor.predict([report])[0] for report in REPORTS]
    with ThreadPoolExecutor(4) as pool:
        for one, again in zip(alone * 5, pool.map(lambda report: predictor.predict([report])[0], REPORTS * 5),
                              strict=True):
            assert_close(one, again, 0.0)


@pytest.mark.parametrize(("original", "changed"), [
    ("小区停水了,路灯也坏了", "小區停水了，路燈也壞了"), ("3栋停水abc", "３栋停水ａｂｃ"),
    ("路灯坏了", "\u200b路\ufeff灯坏了 \n")])
def test_forms_of_one_text_answer_the_same(predictor: OnnxPredictor, original: str, changed: str) -> None:
    one, other = (predictor.predict([Report(text=text)])[0] for text in (original, changed))
    assert_close(one, other, 0.0)


def test_a_title_that_opens_the_text_is_not_read_twice(predictor: OnnxPredictor) -> None:
    once = predictor.predict([Report(text=TEXTS[0])])[0]
    assert_close(predictor.predict([Report(text=TEXTS[0], title=TEXTS[0][:4])])[0], once, 0.0)
    assert np.abs(predictor.predict([Report(text=TEXTS[0], title="停水")])[0].category - once.category).max() > 0


def test_long_texts_are_cut(predictor: OnnxPredictor) -> None:
    long = "家里停水三天" * 4000
    one, other = (predictor.predict([Report(text=text)])[0] for text in (long, long[:READ_CHARACTERS]))
    assert_close(one, other, 0.0)
    end = predictor.predict([Report(text="停水" * 30 + "烧烤店油烟扰民")])[0]
    assert np.abs(end.embedding - predictor.predict([Report(text="停水" * 34)])[0].embedding).max() > 1e-3


@pytest.mark.parametrize("text", ["", "\u200b", "𠮷𠮷", "\x00", "🙂" * 50])
def test_odd_texts_are_answered(predictor: OnnxPredictor, text: str) -> None:
    prediction = predictor.predict([Report(text=text), REPORTS[0]])[0]
    assert np.isfinite(prediction.category).all()
    assert np.linalg.norm(prediction.embedding) == pytest.approx(1.0, abs=1e-5)


def test_nothing_in_nothing_out(predictor: OnnxPredictor) -> None:
    assert predictor.predict([]) == []
    assert predictor.embed([]).shape == (0, 256)


def test_embed_is_the_embedding_of_predict(predictor: OnnxPredictor) -> None:
    vectors = predictor.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 256)
    for vector, prediction in zip(vectors, predictor.predict([Report(text=text) for text in TEXTS]), strict=True):
        np.testing.assert_allclose(vector, prediction.embedding, atol=1e-6)


def test_keywords_are_words_of_the_report(predictor: OnnxPredictor) -> None:
    for report, prediction in zip(REPORTS[:4], predictor.predict(REPORTS[:4]), strict=True):
        assert prediction.keywords
        assert all(word in f"{report.title}。{report.text}" for word in prediction.keywords)


def test_temperatures_are_applied(tiny: TinyModel) -> None:
    bundle = load_bundle(tiny.bundle)
    plain = OnnxPredictor(replace(bundle, temperatures={})).predict(REPORTS[:1])[0]
    warm = OnnxPredictor(replace(bundle, temperatures={"lead": 4.0, "missing": 4.0})).predict(REPORTS[:1])[0]
    np.testing.assert_allclose(warm.lead, softmax(np.log(plain.lead), 4.0), atol=1e-5)
    assert np.all(np.abs(warm.missing - 0.5) < np.abs(plain.missing - 0.5))
    np.testing.assert_allclose(warm.category, plain.category, atol=0)


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_files_that_cannot_run_are_refused(tiny: TinyModel, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(tiny.bundle, tmp_path / "odd"))
    (folder / name).write_bytes(b"{}")
    manifest = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    manifest["files"][name] = file_sha256(folder / name)
    (folder / "bundle.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(BundleError, match="bundle 'odd' can't be run"):
        OnnxPredictor(load_bundle(folder))
