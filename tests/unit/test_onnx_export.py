"""The exported network equals torch: exactly enough as float32, within a stated tolerance as int8."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.contract import FloatArray
from tests.unit.tiny_bundle import TinyModel
from training.onnx_export import INPUTS

FLOAT_TOLERANCE = 1e-4
INT8_COSINE = 0.98
INT8_LOGITS = 0.98  # correlation of all logits of a batch

Inputs = list[torch.Tensor]


def random_inputs(tiny: TinyModel, lengths: Sequence[int], ngrams: int, seed: int) -> Inputs:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.zeros(len(lengths), max(lengths), dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    tokens = torch.randint(4, tiny.tokenizer.get_vocab_size(), mask.shape, generator=generator) * mask + (1 - mask)
    ids = torch.randint(0, len(tiny.ngrams), (len(lengths), ngrams), generator=generator)
    return [tokens, mask, ids, torch.rand(len(lengths), ngrams, generator=generator)]


def run_torch(tiny: TinyModel, inputs: Inputs) -> dict[str, FloatArray]:
    with torch.no_grad():
        return {name: values.numpy() for name, values in tiny.network(*inputs).items()}


@pytest.fixture(scope="module")
def sessions(tiny: TinyModel) -> dict[str, ort.InferenceSession]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return {"float": ort.InferenceSession(str(tiny.float_onnx), options, providers=["CPUExecutionProvider"]),
            "int8": ort.InferenceSession(str(tiny.bundle / "model.onnx"), options,
                                         providers=["CPUExecutionProvider"])}


def run_onnx(session: ort.InferenceSession, inputs: Inputs) -> dict[str, FloatArray]:
    names = [output.name for output in session.get_outputs()]
    feeds = {name: values.numpy() for name, values in zip(INPUTS, inputs, strict=True)}
    return dict(zip(names, session.run(names, feeds), strict=True))


SHAPES = [([1], 1), ([5], 3), ([24, 3], 40), ([2, 2, 2, 2], 1), ([7, 24, 1, 16, 9, 24, 3], 12), ([60], 200)]


@pytest.mark.parametrize(("lengths", "ngrams"), SHAPES)
def test_float_equals_torch(tiny: TinyModel, sessions: dict[str, ort.InferenceSession], lengths: list[int],
                            ngrams: int) -> None:
    inputs = random_inputs(tiny, lengths, ngrams, seed=len(lengths))
    expected, found = run_torch(tiny, inputs), run_onnx(sessions["float"], inputs)
    assert found.keys() == expected.keys() == {*tiny.network.sizes, "embedding"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, atol=FLOAT_TOLERANCE, rtol=0, err_msg=name)


@pytest.mark.parametrize(("lengths", "ngrams"), SHAPES)
def test_int8_stays_near(tiny: TinyModel, sessions: dict[str, ort.InferenceSession], lengths: list[int],
                         ngrams: int) -> None:
    inputs = random_inputs(tiny, lengths, ngrams, seed=len(lengths))
    expected, found = run_torch(tiny, inputs), run_onnx(sessions["int8"], inputs)
    cosines = (expected["embedding"] * found["embedding"]).sum(axis=1)
    assert cosines.min() >= INT8_COSINE
    exact, rounded = (np.concatenate([values[name].ravel() for name in tiny.network.sizes])
                      for values in (expected, found))
    assert np.corrcoef(exact, rounded)[0, 1] >= INT8_LOGITS


def test_int8_is_int8(sessions: dict[str, ort.InferenceSession], tiny: TinyModel) -> None:
    inputs = random_inputs(tiny, [9, 4], 8, seed=1)
    exact, rounded = run_onnx(sessions["float"], inputs), run_onnx(sessions["int8"], inputs)
    assert np.abs(exact["embedding"] - rounded["embedding"]).max() > 1e-6


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_padding_changes_nothing(tiny: TinyModel, sessions: dict[str, ort.InferenceSession], kind: str) -> None:
    inputs = random_inputs(tiny, [6, 6], 5, seed=2)
    padded = [torch.cat([inputs[0], torch.full((2, 10), 1)], 1), torch.cat([inputs[1], torch.zeros(2, 10).long()], 1),
              torch.cat([inputs[2], torch.zeros(2, 7).long()], 1), torch.cat([inputs[3], torch.zeros(2, 7)], 1)]
    tolerance = FLOAT_TOLERANCE if kind == "float" else 0.25
    expected = run_onnx(sessions[kind], inputs)
    for name, values in run_onnx(sessions[kind], padded).items():
        np.testing.assert_allclose(values, expected[name], atol=tolerance, rtol=0, err_msg=name)


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_a_batch_answers_as_its_rows_alone(tiny: TinyModel, sessions: dict[str, ort.InferenceSession],
                                           kind: str) -> None:
    lengths = [6, 20, 13, 2]
    inputs = random_inputs(tiny, lengths, 5, seed=3)
    together = run_onnx(sessions[kind], inputs)
    tolerance = FLOAT_TOLERANCE if kind == "float" else 0.25
    for row, length in enumerate(lengths):
        alone = run_onnx(sessions[kind], [inputs[0][row:row + 1, :length], inputs[1][row:row + 1, :length],
                                          inputs[2][row:row + 1], inputs[3][row:row + 1]])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][row], values[0], atol=tolerance, rtol=0, err_msg=name)


def test_exporting_leaves_the_network_as_it_evaluates(tiny: TinyModel) -> None:
    assert not any(module.training for module in tiny.network.modules())


def test_masked_tokens_are_not_read(tiny: TinyModel, sessions: dict[str, ort.InferenceSession]) -> None:
    inputs = random_inputs(tiny, [4, 12], 5, seed=4)
    other = [inputs[0].clone(), *inputs[1:]]
    other[0][0, 4:] = 9
    unmasked = [other[0], torch.ones_like(inputs[1]), *inputs[2:]]
    expected = run_onnx(sessions["float"], inputs)
    np.testing.assert_allclose(run_onnx(sessions["float"], other)["category"], expected["category"],
                               atol=FLOAT_TOLERANCE)
    assert np.abs(run_onnx(sessions["float"], unmasked)["category"] - expected["category"]).max() > 0.01
