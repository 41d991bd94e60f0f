"""With the shipped network: a department that it never saw is found by its duties, and takes nothing of others'."""

from __future__ import annotations

import json
import shutil

import pytest

from knowledge_base.index import VECTORS_FILE
from knowledge_base.loading import DEFAULT_FOLDER
from models.bundle import DEFAULT_BUNDLE
from models.contract import Report
from serving.core import Core, CoreBuilder
from serving.kb_diff import SAMPLE
from serving.settings import Settings

DUTIES = """department: DKFW
aliases: [低空办, 低空飞行服务站]
duties:
- id: DKFW-01
  text: 管理低空物流无人机的航线和起降点，受理无人机配送航线扰民、起降点选址和坠落隐患的反映。
  level: city
  categories: [QT03]
  basis: []
  basis_note: 依据部门“三定”职能
  incidents:
  - 送外卖的无人机天天从我家楼顶飞过
  - 无人机起降柜装在小区楼顶，担心掉下来砸人
  - 无人机配送航线能不能绕开学校
  - 无人机半夜还在送货，嗡嗡响
- id: DKFW-02
  text: 办理低空飞行活动备案，答复无人机空域、限高和飞行时段的咨询。
  level: city
  categories: [QT03]
  basis: []
  basis_note: 依据部门“三定”职能
  incidents:
  - 我想飞无人机，要去哪里备案
  - 我家附近是不是禁飞区
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Core:
    """The shipped network over the shipped knowledge base."""
    if not (DEFAULT_BUNDLE / "model.onnx").is_file():
        pytest.skip("the model bundle is not in this checkout")
    return CoreBuilder().build(Settings(data_dir=tmp_path_factory.mktemp("before")))


@pytest.fixture(scope="module")
def after(before: Core, tmp_path_factory: pytest.TempPathFactory) -> Core:
    """The same network over a knowledge base with a new department, as a reload makes it."""
    folder = tmp_path_factory.mktemp("new") / "kb"
    shutil.copytree(DEFAULT_FOLDER, folder, ignore=shutil.ignore_patterns(VECTORS_FILE))
    with (folder / "departments.tsv").open("a", encoding="utf-8") as table:
        table.write("DKFW\t低空飞行服务中心\t低空物流、无人机航线与起降点\n")
    (folder / "duties" / "DKFW.yaml").write_text(DUTIES, encoding="utf-8")
    settings = Settings(data_dir=tmp_path_factory.mktemp("after"), knowledge_base=folder)
    return CoreBuilder().build(settings, before, "knowledge_base")


def leads(core: Core, reports: list[Report]) -> list[str]:
    predictions = core.predictor.predict(reports)
    return [core.router.route(report, one).lead.label for report, one in zip(reports, predictions, strict=True)]


@pytest.mark.parametrize("text", [
    "送外卖的无人机航线就从我们小区楼顶过，起降点设在6栋楼顶，担心无人机掉下来砸人，希望调整航线和起降点。",
    "无人机配送的起降点装在幼儿园旁边，一天几十趟无人机从孩子头顶飞过，请管理无人机航线的部门处理。",
    "我想在公园飞无人机，请问要去哪里备案，附近是不是禁飞区？",
])
def test_a_report_on_its_duty_goes_to_it(after: Core, text: str) -> None:
    report = Report(text, id="drone")
    routing = after.router.route(report, after.predictor.predict([report])[0])
    assert routing.lead.label == "DKFW"
    assert routing.evidence[0].duty_id.startswith("DKFW-")


def sample() -> list[Report]:
    rows = map(json.loads, SAMPLE.read_text(encoding="utf-8").splitlines())
    return [Report(row["text"], id=row["id"], title=row.get("title", ""), region=row.get("region")) for row in rows]


def test_other_reports_stay_where_they_were(before: Core, after: Core) -> None:
    reports = sample()
    assert leads(before, reports) == leads(after, reports)


def test_other_reports_lose_no_confidence(before: Core, after: Core) -> None:
    reports = sample()
    assert len(reports) >= 40
    for report, prediction in zip(reports, before.predictor.predict(reports), strict=True):
        one, other = (core.router.route(report, prediction).lead.probability for core in (before, after))
        assert other >= one - 0.01, report.id
