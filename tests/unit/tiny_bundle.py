"""A valid bundle around a tiny random network, made by the real export."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel

from models.bundle import FORMAT, file_sha256
from models.contract import FloatArray
from models.ngrams import ngrams_of
from training.encoder import PackedModel, build_tokenizer
from training.network import EMBEDDING_SIZE, ReportNetwork, head_sizes
from training.onnx_export import export_float, export_int8

CATEGORIES = ("CG05", "GY01", "HJ01", "HJ03", "LS01")
DEPARTMENTS = ("CGJ", "GSGS", "STHJ", "RSJ")
MAX_TOKENS = 24
TEXTS = ("小区楼下烧烤店油烟扰民", "工地半夜施工噪声很大", "幸福路的路灯坏了三天没有人修,晚上很黑",
         "老板拖欠工资两个月", "家里停水", "自来水又黄又浑,一股怪味,请派人来看看")
TITLES = ("油烟", "噪声扰民", "路灯不亮", "欠薪", "停水", "水质")


@dataclass(frozen=True, slots=True, eq=False)
class TinyModel:
    """The network, what it was exported to, and the parts of its input."""

    network: ReportNetwork
    tokenizer: Tokenizer
    ngrams: tuple[str, ...]
    idf: FloatArray
    float_onnx: Path
    bundle: Path


def _tokenizer() -> Tokenizer:
    letters = sorted({char for text in (*TEXTS, *TITLES, "。,0123456789abc") for char in text})
    pieces = ("<s>", "<pad>", "</s>", "<unk>", "▁", *letters, "油烟", "噪声", "路灯", "工资", "自来水")
    scores = np.linspace(-3.0, -8.0, len(pieces)).astype(np.float32)
    packed = PackedModel({}, 1e-12, pieces, scores, {}, memoryview(b""), {})
    return build_tokenizer(packed, list(range(len(pieces))))


def _network(vocabulary: int, ngrams: int) -> ReportNetwork:
    torch.manual_seed(3)
    config = BertConfig(vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=64, max_position_embeddings=64, type_vocab_size=1, pad_token_id=1,
                        initializer_range=0.15, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    config._attn_implementation = "eager"
    network = ReportNetwork(BertModel(config, add_pooling_layer=False),
                            head_sizes(len(CATEGORIES), len(DEPARTMENTS)), ngrams)
    with torch.no_grad():
        network.heads.weight.normal_(0.0, 1.0)
        network.wide.weight.normal_(0.0, 2.0)
        network.wide_bias.normal_(0.0, 0.5)
        network.encoder_share.uniform_(0.5, 1.5)
        network.wide_share.uniform_(0.5, 1.5)
    return network.eval()


def manifest_of(folder: Path, ngrams: tuple[str, ...], idf: FloatArray) -> dict[str, Any]:
    """Return the manifest of the bundle whose model and tokenizer lie in the folder."""
    return {"format": FORMAT, "version": "tiny", "labels": {"category": list(CATEGORIES), "lead": list(DEPARTMENTS)},
            "files": {name: file_sha256(folder / name) for name in ("model.onnx", "tokenizer.json")},
            "embedding_size": EMBEDDING_SIZE, "max_tokens": MAX_TOKENS, "temperatures": {"category": 1.5, "co": 2.0},
            "prediction_set_threshold": 0.9, "urgency_cuts": [1.5, 2.5, 3.5],
            "decision": {"error_budget": 0.05, "category": 0.6, "lead": 0.7},
            "ngrams": "\n".join(f"{ngram}\t{weight:.4f}\t{n % 7 / 7:.4f}"
                                for n, (ngram, weight) in enumerate(zip(ngrams, idf, strict=True))),
            "fitted": {"router": {"co_threshold": 0.4}}, "metrics": {}}


def write_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Write ``bundle.json``."""
    (folder / "bundle.json").write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")


def make_tiny_model(folder: Path) -> TinyModel:
    """Export a tiny random network to ``folder / "bundle"``, and as float32 beside it."""
    bundle = folder / "bundle"
    bundle.mkdir()
    tokenizer = _tokenizer()
    ngrams = tuple(sorted({ngram for text in TEXTS[:4] for ngram in ngrams_of(text)}))
    idf = np.round(np.random.default_rng(1).uniform(1.0, 3.0, len(ngrams)), 4).astype(np.float32)
    network = _network(tokenizer.get_vocab_size(), len(ngrams))
    export_float(network, folder / "float.onnx")
    export_int8(network, bundle / "model.onnx")
    tokenizer.save(str(bundle / "tokenizer.json"))
    write_manifest(bundle, manifest_of(bundle, ngrams, idf))
    return TinyModel(network, tokenizer, ngrams, idf, folder / "float.onnx", bundle)
