"""``fenzhuan kb``: check, build, search."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from knowledge_base.index import VECTORS_FILE, read_vectors
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, content_hash
from models.bundle import Bundle
from models.contract import FloatArray, Predictor
from models.dummy import DummyPredictor
from serving.core import CoreBuilder
from serving.kb_commands import kb
from tests.conftest import dummy_network

KEPT = ("SCJG", "CGJ", "STHJ")


class Counting(DummyPredictor):
    """Counts what it embeds."""

    embedded = 0

    def embed(self, texts: Sequence[str]) -> FloatArray:
        self.embedded += len(texts)
        return super().embed(texts)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped knowledge base with the duties of few departments."""
    copy = tmp_path / "kb"
    shutil.copytree(DEFAULT_FOLDER, copy, ignore=shutil.ignore_patterns("*.npz"))
    for path in (copy / "duties").glob("*.yaml"):
        if path.stem not in KEPT:
            path.unlink()
    return copy


@pytest.fixture
def counting(knowledge_base: KnowledgeBase) -> Counting:
    return Counting(knowledge_base.taxonomy.codes, knowledge_base.department_codes)


@pytest.fixture
def builder(counting: Counting) -> CoreBuilder:
    def network(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        return dummy_network(folder, knowledge_base)[0], counting

    return CoreBuilder(network=network)


def run(builder: CoreBuilder | None, *arguments: object) -> Result:
    return CliRunner().invoke(kb, list(map(str, arguments)), obj=builder)


def test_shipped_knowledge_base_passes() -> None:
    result = run(None, "check")
    assert result.exit_code == 0, result.stdout
    assert "119 categories" in result.stdout
    assert content_hash(DEFAULT_FOLDER) in result.stdout


def test_problems_are_listed_and_exit_1(folder: Path) -> None:
    result = run(None, "check", "--knowledge-base", folder)
    assert result.exit_code == 1
    listed = [line.split("\t") for line in result.stdout.splitlines()]
    assert ["few_duties", "JYJ"] in [line[:2] for line in listed]
    assert f"{len(listed)} problems" in result.stderr


def test_broken_file_is_named_with_its_line(folder: Path) -> None:
    with (folder / "catalogue.tsv").open("a", encoding="utf-8") as stream:
        stream.write("HJ01\n")
    result = run(None, "check", "--knowledge-base", folder)
    assert result.exit_code == 1
    assert "catalogue.tsv, line 121" in result.stderr


def laws(folder: Path, article: str) -> Path:
    folder.mkdir()
    (folder / "laws_articles.jsonl").write_text(article, encoding="utf-8")
    (folder / "samr_rules_articles.jsonl").write_text("", encoding="utf-8")
    return folder


def test_citations_are_compared_with_the_laws(tmp_path: Path) -> None:
    article = json.dumps({"law": "信访工作条例", "article_zh": "第一条", "text": "……"}, ensure_ascii=False)
    result = run(None, "check", "--laws", laws(tmp_path / "laws", article))
    assert result.exit_code == 1
    assert result.stdout.splitlines()[0].startswith("unknown_article\t")


def test_laws_in_another_form(tmp_path: Path) -> None:
    result = run(None, "check", "--laws", laws(tmp_path / "laws", '{"name": "信访工作条例"}'))
    assert (result.exit_code, "not in its form" in result.stderr) == (1, True)
    (tmp_path / "empty").mkdir()
    result = run(None, "check", "--laws", tmp_path / "empty")
    assert (result.exit_code, "cannot read" in result.stderr) == (1, True)


def test_build_embeds_what_is_new_only(builder: CoreBuilder, counting: Counting, folder: Path) -> None:
    assert run(builder, "build", "--knowledge-base", folder).exit_code == 0
    vectors = read_vectors(folder / VECTORS_FILE, "0" * 64)
    assert counting.embedded == len(vectors) > 100
    before = (folder / VECTORS_FILE).read_bytes()
    assert run(builder, "build", "--knowledge-base", folder).exit_code == 0
    assert counting.embedded == len(vectors)
    assert (folder / VECTORS_FILE).read_bytes() == before
    path = folder / "duties" / "CGJ.yaml"
    text = path.read_text(encoding="utf-8")
    duty = next(line for line in text.splitlines() if line.lstrip("- ").startswith("text: ") and len(line) < 100)
    path.write_text(text.replace(duty, duty.rstrip("。'\"") + "及其他" + duty[len(duty.rstrip("。'\"")):], 1),
                    encoding="utf-8")
    assert run(builder, "build", "--knowledge-base", folder).exit_code == 0
    assert counting.embedded == len(vectors) + 1
    assert len(read_vectors(folder / VECTORS_FILE, "0" * 64)) == len(vectors), "the old text is still kept"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", b"garbage"])
def test_damaged_vectors_are_built_anew(builder: CoreBuilder, folder: Path, content: bytes) -> None:
    (folder / VECTORS_FILE).write_bytes(content)
    assert run(builder, "build", "--knowledge-base", folder).exit_code == 0
    assert len(read_vectors(folder / VECTORS_FILE, "0" * 64)) > 100


def test_search_ranks_by_both_similarities(builder: CoreBuilder, counting: Counting, folder: Path,
                                           knowledge_base: KnowledgeBase) -> None:
    run(builder, "build", "--knowledge-base", folder)
    department = knowledge_base.department("CGJ")
    words = department.duties[2].text
    result = run(builder, "search", words, "--json", "--top", "4", "--knowledge-base", folder)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(found) == 4
    assert found[0]["duty_id"] == department.duties[2].id
    assert found[0]["department_name"] == department.name
    assert found[0]["basis"] == department.duties[2].citation
    assert found[0]["dense"] == pytest.approx(1.0, abs=2e-3)
    scores = [one["score"] for one in found]
    assert scores == sorted(scores, reverse=True)
    assert np.allclose(scores, [one["dense"] + one["lexical"] for one in found], atol=1e-3)
    assert result.stderr == ""


def test_search_names_the_incidents_that_match(builder: CoreBuilder, folder: Path,
                                                knowledge_base: KnowledgeBase) -> None:
    run(builder, "build", "--knowledge-base", folder)
    duty = knowledge_base.department("CGJ").duties[2]
    result = run(builder, "search", duty.incidents[1], "--json", "--top", "1", "--knowledge-base", folder)
    found = json.loads(result.stdout)
    assert found["duty_id"] == duty.id
    assert found["incidents"][0] == {"text": duty.incidents[1], "dense": pytest.approx(1.0, abs=2e-3)}
    assert all(one["text"] in duty.incidents for one in found["incidents"])


def test_search_within_a_department(builder: CoreBuilder, folder: Path) -> None:
    run(builder, "build", "--knowledge-base", folder)
    result = run(builder, "search", "烧烤店油烟", "--json", "--department", "STHJ", "--knowledge-base", folder)
    assert {json.loads(line)["department"] for line in result.stdout.splitlines()} == {"STHJ"}
    result = run(builder, "search", "烧烤店油烟", "--department", "NONE", "--knowledge-base", folder)
    assert (result.exit_code, "NONE" in result.stderr) == (2, True)


def test_search_for_readers_and_without_kept_vectors(builder: CoreBuilder, folder: Path) -> None:
    result = run(builder, "search", "烧烤店油烟", "--top", "1", "--knowledge-base", folder)
    assert "fenzhuan kb build" in result.stderr
    heads = [line.split("：")[0].strip() for line in result.stdout.splitlines()]
    assert heads[1:4] == ["职责", "依据", "情形"]
    assert not (folder / VECTORS_FILE).exists()


@pytest.mark.parametrize("arguments", [("search",), ("search", " "), ("search", "油烟", "--top", "0"), ("nonsense",),
                                       ("check", "--laws", "nowhere")])
def test_wrong_usage_exits_2(builder: CoreBuilder, arguments: tuple[str, ...]) -> None:
    assert run(builder, *arguments).exit_code == 2


def test_missing_bundle_and_knowledge_base_are_named(tmp_path: Path, builder: CoreBuilder) -> None:
    result = run(None, "build", "--bundle", tmp_path)
    assert (result.exit_code, "bundle.json" in result.stderr) == (1, True)
    result = run(builder, "search", "油烟", "--knowledge-base", tmp_path)
    assert (result.exit_code, "taxonomy.tsv" in result.stderr) == (1, True)


def test_folder_that_cannot_be_written(builder: CoreBuilder, folder: Path) -> None:
    (folder / "duty_vectors.partial.npz").mkdir()
    result = run(builder, "build", "--knowledge-base", folder)
    assert (result.exit_code, "cannot write" in result.stderr) == (1, True)
