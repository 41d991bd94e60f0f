"""From the trained network to one int8 ONNX file: export, fuse, quantise."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers import optimizer
from torch import Tensor, nn

from training.network import ReportNetwork

OPSET = 18
INPUTS = ("input_ids", "attention_mask", "ngram_ids", "ngram_weights")


class _Flat(nn.Module):
    """The network with its outputs as a tuple, for the exporter."""

    def __init__(self, network: ReportNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, attention_mask: Tensor, ngram_ids: Tensor,
                ngram_weights: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(input_ids, attention_mask, ngram_ids, ngram_weights)
        return tuple(outputs.values())


def example_inputs(network: ReportNetwork) -> tuple[Tensor, ...]:
    """Return small inputs of the right shapes: 2 reports, 6 tokens, 5 n-grams."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(4, network.encoder.config.vocab_size, (2, 6), generator=generator)
    ngrams = torch.randint(0, network.wide.num_embeddings, (2, 5), generator=generator)
    return tokens, torch.ones_like(tokens), ngrams, torch.rand(2, 5, generator=generator)


def export_float(network: ReportNetwork, path: Path) -> None:
    """Write the network as float32 ONNX; batch and both lengths are free."""
    names = [*network.sizes, "embedding"]
    axes = {"input_ids": {0: "batch", 1: "tokens"}, "attention_mask": {0: "batch", 1: "tokens"},
            "ngram_ids": {0: "batch", 1: "ngrams"}, "ngram_weights": {0: "batch", 1: "ngrams"}}
    torch.onnx.export(_Flat(network.float().cpu()).eval(), example_inputs(network), str(path), dynamo=False,
                      input_names=list(INPUTS), output_names=names, opset_version=OPSET,
                      dynamic_axes={**axes, **{name: {0: "batch"} for name in names}})


def fuse(source: Path, target: Path, heads: int, hidden: int) -> None:
    """Fuse attention, layer norm and GELU into ONNX Runtime's transformer operators."""
    logging.getLogger("onnxruntime.transformers").setLevel(logging.ERROR)
    model = optimizer.optimize_model(str(source), model_type="bert", num_heads=heads, hidden_size=hidden, opt_level=0)
    model.save_model_to_file(str(target))


def quantise(source: Path, target: Path) -> None:
    """Write weights as int8 per channel; activations are quantised at run time."""
    quantize_dynamic(source, target, op_types_to_quantize=["MatMul", "Attention", "Gather"], per_channel=True,
                     weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})


def export_int8(network: ReportNetwork, target: Path) -> None:
    """Write the served model."""
    config = network.encoder.config
    with tempfile.TemporaryDirectory() as folder:
        plain, fused = Path(folder) / "float.onnx", Path(folder) / "fused.onnx"
        export_float(network, plain)
        fuse(plain, fused, config.num_attention_heads, config.hidden_size)
        quantise(fused, target)
