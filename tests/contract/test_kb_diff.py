"""``fenzhuan kb diff``: what changed, which sample reports go elsewhere, and because of which change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, content_hash
from models.bundle import Bundle
from models.contract import Prediction, Predictor, Report
from models.dummy import DummyPredictor
from serving.core import CoreBuilder
from serving.kb_commands import kb
from serving.kb_diff import SAMPLE
from tests.conftest import dummy_network

SECRET = "海棠里小区北门外那家面馆的抽油烟机对着我家窗户，天天呛人"
KEPT = ("CGJ", "STHJ", "GAJ")
MATTER = "管理低空物流无人机的航线和起降点，受理无人机配送扰民的反映"
DRONE = {"id": "r-drone", "text": "无人机配送的航线从我家楼顶过，起降点就在隔壁楼顶，天天扰民"}
SMOKE = {"id": "r-smoke", "text": SECRET, "received_at": "2026-05-11T09:00:00+08:00", "region": "430102"}
NEW_DUTY = f"""- id: STHJ-99
  text: {MATTER}。
  level: city
  categories: [QT03]
  basis: []
  basis_note: 依据部门“三定”职能
  incidents:
  - 无人机配送的航线从我家楼顶过
  - 起降点就在隔壁楼顶，天天扰民
"""
OTHER_DUTY = NEW_DUTY.partition("  incidents:")[0].replace(MATTER, "答复环保设施开放日的报名咨询") + """  incidents:
  - 带孩子去污水厂参观怎么报名
"""


class Undecided(DummyPredictor):
    """A network that has no opinion, so that duties and catalogue decide."""

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        def flat(size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
            return np.full(size, 1 / size, dtype=np.float32)

        return [replace(one, category=flat(len(one.category)), lead=flat(len(one.lead)), co=one.co * 0 + 0.01)
                for one in super().predict(reports)]


@pytest.fixture
def builder() -> CoreBuilder:
    def network(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
        return dummy_network(folder, knowledge_base)[0], Undecided(*labels)

    return CoreBuilder(network=network)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the shipped knowledge base with the duties of few departments, quick to embed."""
    copy = Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "old", ignore=shutil.ignore_patterns("*.npz")))
    for path in (copy / "duties").glob("*.yaml"):
        if path.stem not in KEPT:
            path.unlink()
    return copy


@pytest.fixture
def new(old: Path) -> Path:
    """Another copy, to be changed."""
    return Path(shutil.copytree(old, old.parent / "new"))


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Two reports."""
    path = tmp_path / "sample.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in (DRONE, SMOKE)), encoding="utf-8")
    return path


def run(builder: CoreBuilder | None, *arguments: object) -> Result:
    return CliRunner().invoke(kb, ["diff", *map(str, arguments)], obj=builder)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def answers(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    return {one["id"]: one for one in json.loads(result.stdout)["effect"]["answers"]}


def test_nothing_changed(builder: CoreBuilder, old: Path, new: Path, sample: Path) -> None:
    result = run(builder, old, new, "--sample", sample)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[1:] == ["没有改动"]


def test_a_new_duty_moves_the_report_on_it_and_is_the_reason(builder: CoreBuilder, old: Path, new: Path,
                                                             sample: Path) -> None:
    append(new / "duties" / "STHJ.yaml", NEW_DUTY)
    found = answers(run(builder, old, new, "--sample", sample, "--json"))
    moved = found["r-drone"]
    assert moved["rerouted"] is True
    assert moved["before"]["lead"] != "STHJ"
    assert moved["after"]["lead"] == "STHJ"
    assert {"part": "duty", "key": "STHJ-99", "why": "新增，现为主办依据"} in moved["causes"]
    text = run(builder, old, new, "--sample", sample).stdout
    assert "  + 职责 STHJ-99：管理低空物流无人机" in text
    assert "原因：职责 STHJ-99：新增，现为主办依据" in text
    assert "→ 生态环境部门（" in text


def test_a_removed_or_changed_duty_is_the_reason_too(builder: CoreBuilder, old: Path, new: Path,
                                                     sample: Path) -> None:
    append(old / "duties" / "STHJ.yaml", NEW_DUTY)
    found = answers(run(builder, old, new, "--sample", sample, "--json"))["r-drone"]
    assert {"part": "duty", "key": "STHJ-99", "why": "删除，原为主办依据"} in found["causes"]
    append(new / "duties" / "STHJ.yaml", OTHER_DUTY)
    found = answers(run(builder, old, new, "--sample", sample, "--json"))["r-drone"]
    assert {"part": "duty", "key": "STHJ-99", "why": "修改（内容、典型情形），原为主办依据"} in found["causes"]


def test_a_new_department_that_only_takes_confidence_is_named(builder: CoreBuilder, old: Path, new: Path,
                                                              sample: Path) -> None:
    append(new / "departments.tsv", "DKFW\t低空飞行服务中心\t无人机\n")
    text = NEW_DUTY.replace("STHJ-99", "DKFW-01")
    (new / "duties" / "DKFW.yaml").write_text(f"department: DKFW\nduties:\n{text}", encoding="utf-8")
    found = answers(run(builder, old, new, "--sample", sample, "--json"))["r-drone"]
    assert found["after"]["lead"] == "DKFW"
    whys = {(cause["part"], cause["key"]): cause["why"] for cause in found["causes"]}
    assert whys["department", "DKFW"] == "新增，现在承办"
    assert whys["duty", "DKFW-01"] == "新增，现为主办依据"


def test_a_catalogue_row_is_the_reason(old: Path, new: Path, sample: Path) -> None:
    class Smoke(Undecided):
        def predict(self, reports: Sequence[Report]) -> list[Prediction]:
            sure = np.zeros(len(self.category_labels), dtype=np.float32)
            sure[self.category_labels.index("HJ01")] = 1.0
            return [replace(one, category=sure) for one in super().predict(reports)]

    def network(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
        bundle = replace(dummy_network(folder, knowledge_base)[0], fitted={"router": {"lead": {"catalogue": 5.0}}})
        return bundle, Smoke(*labels)

    edit(new / "catalogue.tsv", "HJ01\tSTHJ\tCGJ,", "HJ01\tCGJ\tSTHJ,")
    found = answers(run(CoreBuilder(network=network), old, new, "--sample", sample, "--json"))
    assert (found["r-smoke"]["before"]["lead"], found["r-smoke"]["after"]["lead"]) == ("STHJ", "CGJ")
    assert found["r-smoke"]["causes"] == [
        {"part": "catalogue", "key": "HJ01", "why": "修改（主办、其他主办），是“生态环境·大气污染”的派单目录"}]


RULE = """division: "430100"
name: 长沙市
categories:
- category: HJ01
  lead: GAJ
  co: []
  why: 油烟由某部门查处
  source: 某规定
"""


def test_a_local_rule_is_the_reason_where_it_holds(old: Path, new: Path, tmp_path: Path) -> None:
    class Smoke(Undecided):
        def predict(self, reports: Sequence[Report]) -> list[Prediction]:
            sure = np.zeros(len(self.category_labels), dtype=np.float32)
            sure[self.category_labels.index("HJ01")] = 1.0
            return [replace(one, category=sure) for one in super().predict(reports)]

    def network(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
        return dummy_network(folder, knowledge_base)[0], Smoke(*labels)

    (new / "localities").mkdir(exist_ok=True)
    (new / "localities" / "430100.yaml").write_text(RULE, encoding="utf-8")
    elsewhere = SMOKE | {"id": "r-elsewhere", "region": "120101"}
    (tmp_path / "smoke.jsonl").write_text("\n".join(map(json.dumps, (SMOKE, elsewhere))), encoding="utf-8")
    found = answers(run(CoreBuilder(network=network), old, new, "--sample", tmp_path / "smoke.jsonl", "--json"))
    assert list(found) == ["r-smoke"]
    assert found["r-smoke"]["after"]["lead"] == "GAJ"
    assert found["r-smoke"]["causes"] == [
        {"part": "localities/430100", "key": "categories HJ01", "why": "新增，是当地的规定"}]


def test_a_scenario_is_the_reason_where_it_applies(builder: CoreBuilder, old: Path, new: Path, sample: Path) -> None:
    with (new / "scenarios.yaml").open("a", encoding="utf-8") as stream:
        stream.write("""- id: drone-delivery
  title: 无人机配送扰民
  categories: [HJ03, QT03, GA03, HJ01]
  words:
  - any: [无人机配送]
  - any: [起降点]
  incidents: [无人机配送的起降点在楼顶, 无人机配送起降点太近, 起降点的无人机配送扰民]
  lead: GJJ
  co:
  - {department: GAJ, why: 核查飞行备案}
  territory: none
  why: 本地由其牵头
""")

    def network(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
        fitted = {"router": {"lead": {"catalogue": 0.3, "scenario": 9.0}}}
        predictor = builder.network(folder, knowledge_base)[1]
        return replace(dummy_network(folder, knowledge_base)[0], fitted=fitted), Likely(predictor, labels[0])

    class Likely:
        """The network without an opinion, but for the category."""

        def __init__(self, inner: Predictor, categories: tuple[str, ...]) -> None:
            self._inner, self._categories = inner, categories
            self.category_labels, self.department_labels = inner.category_labels, inner.department_labels
            self.embed = inner.embed

        def predict(self, reports: Sequence[Report]) -> list[Prediction]:
            sure = np.zeros(len(self._categories), dtype=np.float32)
            sure[self._categories.index("HJ03")] = 1.0
            return [replace(one, category=sure) for one in self._inner.predict(reports)]

    found = answers(run(CoreBuilder(network=network), old, new, "--sample", sample, "--json"))
    assert found["r-drone"]["after"]["lead"] == "GJJ"
    assert {"part": "scenario", "key": "drone-delivery", "why": "新增，现据此派单"} in found["r-drone"]["causes"]
    assert "r-smoke" not in found


def test_deadlines_that_change_are_counted_apart(builder: CoreBuilder, old: Path, new: Path, sample: Path) -> None:
    rules = (new / "deadlines.yaml").read_text(encoding="utf-8").replace("days: 15\n", "days: 14\n")
    (new / "deadlines.yaml").write_text(rules, encoding="utf-8")
    result = run(builder, old, new, "--sample", sample)
    found = answers(run(builder, old, new, "--sample", sample, "--json"))
    assert "改派 0 件" in result.stdout
    assert f"期限有变 {len(found)} 件" in result.stdout
    assert all(one["rerouted"] is False and one["before"]["deadlines"] != one["after"]["deadlines"]
               for one in found.values())
    assert "r-drone" not in result.stdout


def test_texts_are_not_shown(builder: CoreBuilder, old: Path, new: Path, sample: Path) -> None:
    append(new / "duties" / "STHJ.yaml", NEW_DUTY)
    for options in ((), ("--json",)):
        result = run(builder, old, new, "--sample", sample, *options)
        assert "r-drone" in result.stdout
        assert SECRET[:6] not in result.output
        assert DRONE["text"][:8] not in result.output.replace("无人机配送的航线从我家楼顶过", "")
    result = run(builder, old, new, "--sample", sample, "--words")
    assert (result.exit_code, SECRET[:4] in result.output) == (2, False)


def test_first_words_of_the_own_sample_on_request(builder: CoreBuilder, old: Path, new: Path) -> None:
    edit(new / "catalogue.tsv", "HJ01\tSTHJ\tCGJ,", "HJ01\tCGJ\tSTHJ,")
    append(new / "duties" / "STHJ.yaml", NEW_DUTY)
    texts = {row["id"]: row["text"] for row in map(json.loads, SAMPLE.read_text(encoding="utf-8").splitlines())}
    plain = answers(run(builder, old, new, "--json"))
    shown = answers(run(builder, old, new, "--json", "--words"))
    assert shown
    assert all("words" not in one for one in plain.values())
    assert all(texts[name].startswith(one["words"]) and len(one["words"]) <= 16 for name, one in shown.items())


def test_changes_only_routes_nothing(old: Path, new: Path) -> None:
    edit(new / "catalogue.tsv", "HJ01\tSTHJ\tCGJ,", "HJ01\tCGJ\tSTHJ,")

    def network(_folder: Path, _knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
        raise RuntimeError("no bundle is needed")

    result = run(CoreBuilder(network=network), old, new, "--changes-only", "--json")
    found = json.loads(result.stdout)
    assert (found["old"], found["new"]) == (content_hash(old), content_hash(new))
    assert found["counts"] == {"added": 0, "removed": 0, "changed": 1}
    assert found["changes"][0]["fields"][0] == {"field": "lead", "before": "STHJ", "after": "CGJ"}
    assert found["effect"] == {"reports": 0, "rerouted": 0, "answers": []}


@pytest.mark.parametrize("form", ["zip", "gztar", "tar"])
def test_an_archive_stands_for_its_folder(builder: CoreBuilder, old: Path, new: Path, form: str) -> None:
    edit(new / "catalogue.tsv", "HJ01\tSTHJ\tCGJ,", "HJ01\tCGJ\tSTHJ,")
    archive = shutil.make_archive(str(old.parent / "kept"), form, old.parent, "old")
    result = run(builder, archive, new, "--changes-only", "--json")
    assert json.loads(result.stdout)["old"] == content_hash(old)


def test_new_is_the_one_in_force_unless_given(old: Path, new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = json.loads(run(None, DEFAULT_FOLDER, "--changes-only", "--json").stdout)
    assert shipped["old"] == shipped["new"] == content_hash(DEFAULT_FOLDER)
    edit(new / "catalogue.tsv", "HJ01\tSTHJ\tCGJ,", "HJ01\tCGJ\tSTHJ,")
    monkeypatch.setenv("FENZHUAN_KNOWLEDGE_BASE", str(new))
    assert json.loads(run(None, old, "--changes-only", "--json").stdout)["new"] == content_hash(new)


def test_bad_versions_and_samples_are_named(builder: CoreBuilder, old: Path, new: Path, tmp_path: Path) -> None:
    edit(new / "catalogue.tsv", "HJ01\tSTHJ\tCGJ,", "HJ01\tCGJ\tSTHJ,")
    (tmp_path / "bad.jsonl").write_text('{"id": "r1", "text": "路灯不亮"}\n{"text": ""}\n', encoding="utf-8")
    result = run(builder, old, new, "--sample", tmp_path / "bad.jsonl")
    assert (result.exit_code, "bad.jsonl, line 2" in result.stderr) == (1, True)
    (tmp_path / "note.zip").write_text("no archive", encoding="utf-8")
    result = run(builder, tmp_path / "note.zip", new)
    assert (result.exit_code, "no archive that can be unpacked" in result.stderr) == (1, True)
    (tmp_path / "empty").mkdir()
    empty = shutil.make_archive(str(tmp_path / "empty"), "zip", tmp_path / "empty")
    result = run(builder, empty, new)
    assert (result.exit_code, "holds no knowledge base" in result.stderr) == (1, True)
    edit(old / "catalogue.tsv", "HJ01\tSTHJ", "HJ01\tNOBODY")
    result = run(builder, old, new)
    assert (result.exit_code, "catalogue.tsv, line" in result.stderr) == (1, True)
    assert run(builder, tmp_path / "nowhere", new).exit_code == 2
