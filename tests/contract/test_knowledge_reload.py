"""Editing the knowledge base of a running service: what is broken is refused by line and field, what is new works."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from knowledge_base.checks import check
from knowledge_base.loading import DEFAULT_FOLDER, KnowledgeBase, content_hash, load_knowledge_base
from models.bundle import Bundle
from models.contract import Prediction, Predictor, Report
from models.dummy import DummyPredictor
from serving.app import create_app
from serving.core import Core, CoreBuilder
from serving.settings import Settings
from tests.conftest import LOOPBACK, dummy_network
from tests.contract.test_reports import FULL, problem

SCENARIOS, DISPUTES = "scenarios.yaml", "disputes.yaml"
REPORT = {"id": "drone-1", "text": "送外卖的无人机航线就从我们小区楼顶过，起降点设在6栋楼顶，怕无人机掉下来砸人，"
                                   "请调整航线。"}
NEW_DEPARTMENT = """department: DKFW
aliases: [低空办]
duties:
- id: DKFW-01
  text: 管理低空物流无人机的航线和起降点，受理无人机配送扰民、起降点选址和坠落隐患的反映。
  level: city
  categories: [QT03]
  basis: []
  basis_note: 依据部门“三定”职能
  incidents:
  - 送外卖的无人机天天从我家楼顶飞过
  - 无人机起降柜装在小区楼顶，担心掉下来砸人
  - 无人机配送航线能不能绕开学校
"""
Service = tuple[TestClient, Path]
Break = Callable[[Path], None]


class Undecided(DummyPredictor):
    """A network without an opinion on lead and category: duties and catalogue decide."""

    def predict(self, reports: Sequence[Report]) -> list[Prediction]:
        return [replace(one, lead=np.full_like(one.lead, 1 / len(one.lead)),
                        category=np.full_like(one.category, 1 / len(one.category)))
                for one in super().predict(reports)]


def undecided_network(folder: Path, knowledge_base: KnowledgeBase) -> tuple[Bundle, Predictor]:
    labels = knowledge_base.taxonomy.codes, knowledge_base.department_codes
    return dummy_network(folder, knowledge_base)[0], Undecided(*labels)


@pytest.fixture(scope="module")
def undecided() -> CoreBuilder:
    """A builder with a network that has no opinion."""
    return CoreBuilder(network=undecided_network)


@pytest.fixture(scope="module")
def first(undecided: CoreBuilder, tmp_path_factory: pytest.TempPathFactory) -> Core:
    """The core over the shipped knowledge base; built once."""
    return undecided.build(Settings(data_dir=tmp_path_factory.mktemp("core")))


@pytest.fixture
def service(settings: Settings, tmp_path: Path, undecided: CoreBuilder, first: Core) -> Iterator[Service]:
    """A client of a service with a knowledge base of its own to change."""
    folder = Path(shutil.copytree(DEFAULT_FOLDER, tmp_path / "kb"))
    for path in folder.rglob("*"):
        path.chmod(0o755)
    with TestClient(create_app(replace(settings, knowledge_base=folder), undecided, first=first),
                    base_url=LOOPBACK) as client:
        yield client, folder


def replacing(old: str, new: str) -> Break:
    def change(path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def truncated(path: Path) -> None:
    """Leave what a copy that broke off leaves: the first half, up to the middle of a line."""
    content = path.read_bytes()
    cut = content.index(b"\n", len(content) // 2) - 4
    path.write_bytes(content[:cut])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def other_encoding(path: Path) -> None:
    path.write_bytes(path.read_text(encoding="utf-8").encode("gb18030"))


def binary(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200] + b"\x00\x01\x02\n")


def refused(service: Service, name: str) -> tuple[str, int, str]:
    """Reload, check that the old version stays in force everywhere, and return file, line and field of the fault."""
    client, _ = service
    before = client.get("/v1/taxonomy").json()
    document = problem(client.post("/v1/admin/reload", json={"part": "knowledge_base"}), 422, "invalid_knowledge_base")
    file, line, field = document["errors"][0]["field"].split(":", 2)
    assert file == Path(name).name
    assert f"{file}, line {line}, field {field!r}" in document["detail"]
    assert client.get("/v1/taxonomy").json() == before
    assert client.get("/readyz").json()["parts"]["knowledge_base"] == before["version"]
    assert client.post("/v1/predict", json=FULL).json()["versions"]["knowledge_base"] == before["version"]
    return file, int(line), field


def shipped(name: str) -> bool:
    return (DEFAULT_FOLDER / name).is_file()


FILES = [name for name in ("taxonomy.tsv", "departments.tsv", "catalogue.tsv", "db44t2479.tsv", "crosswalk_db44.tsv",
                           "crosswalk_xinfang.tsv", "deadlines.yaml", "duties/CGJ.yaml", SCENARIOS, DISPUTES)
         if shipped(name)]


DAMAGES = [(name, harm) for name in FILES for harm in (truncated, emptied, other_encoding, binary)
           if harm is not other_encoding or not (DEFAULT_FOLDER / name).read_bytes().isascii()]


@pytest.mark.parametrize(("name", "harm"), DAMAGES)
def test_a_damaged_file_of_any_kind_is_refused_by_name(service: Service, name: str, harm: Break) -> None:
    path = service[1] / name
    lines = path.read_text(encoding="utf-8").count("\n")
    harm(path)
    _, line, field = refused(service, name)
    assert field
    if harm is truncated:
        assert lines // 3 < line <= lines
    shutil.copyfile(DEFAULT_FOLDER / name, path)
    answer = service[0].post("/v1/admin/reload", json={"part": "knowledge_base"})
    assert answer.json()["versions"]["knowledge_base"] == content_hash(DEFAULT_FOLDER)


@pytest.mark.parametrize(("name", "harm", "field"), [
    ("departments.tsv", replacing("CGJ\t城市管理综合执法部门", "CGJ\t"), "name"),
    ("taxonomy.tsv", replacing("HJ03\t生态环境", "HJ02\t生态环境"), "code"),
    ("catalogue.tsv", replacing("HJ03\tGAJ", "HJ03\tNOBODY"), "lead"),
    ("crosswalk_db44.tsv", replacing("HJ03\t0402", "HJ03\t0499"), "db44t2479"),
    ("crosswalk_xinfang.tsv", replacing("HJ03\t环境保护", "HJ03\t环境"), "xinfang"),
    ("deadlines.yaml", replacing("unit: working_day", "unit: fortnight"), "unit"),
    ("deadlines.yaml", replacing("hours: 24", "days: 1"), "hours"),
    ("duties/CGJ.yaml", replacing("  level: county", "  level: planet"), "level"),
    ("duties/CGJ.yaml", replacing("  incidents:", "  incident:"), "incident"),
])
def test_a_broken_field_is_refused_with_its_line(service: Service, name: str, harm: Break, field: str) -> None:
    path = service[1] / name
    before = path.read_text(encoding="utf-8").splitlines()
    harm(path)
    after = path.read_text(encoding="utf-8").splitlines()
    changed = next(number for number, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new)
    _, line, found = refused(service, name)
    assert found == field
    assert 0 <= changed - line <= 4, "the line is that of the field, or of the record that lacks it"


@pytest.mark.parametrize("name", ["taxonomy.tsv", "catalogue.tsv", "deadlines.yaml"])
def test_a_missing_file_is_refused_by_name(service: Service, name: str) -> None:
    (service[1] / name).unlink()
    assert refused(service, name) == (name, 0, "file")


def test_a_vanished_folder_is_refused(service: Service) -> None:
    service[1].rename(service[1].with_name("gone"))
    assert refused(service, "taxonomy.tsv") == ("taxonomy.tsv", 0, "file")


def test_a_folder_in_the_place_of_a_file_is_refused(service: Service) -> None:
    path = service[1] / "duties" / "CGJ.yaml"
    path.unlink()
    path.mkdir()
    assert refused(service, "duties/CGJ.yaml")[2] == "file"


def test_a_department_without_a_file_of_duties_is_taken_and_the_check_names_it(service: Service) -> None:
    client, folder = service
    (folder / "duties" / "GJJ.yaml").unlink()
    answer = client.post("/v1/admin/reload", json={"part": "knowledge_base"})
    assert answer.status_code == 200
    department = client.get("/v1/departments/GJJ").json()
    assert (department["duties"], department["version"]) == ([], answer.json()["versions"]["knowledge_base"])
    assert client.post("/v1/predict", json=FULL).status_code == 200
    assert ("few_duties", "GJJ") in {(one.code, one.where) for one in check(load_knowledge_base(folder))}


def test_faults_of_several_files_are_all_named(service: Service) -> None:
    client, folder = service
    replacing("HJ03\tGAJ", "HJ03\tNOBODY")(folder / "catalogue.tsv")
    other_encoding(folder / "duties" / "STHJ.yaml")
    document = problem(client.post("/v1/admin/reload"), 422, "invalid_knowledge_base")
    assert [one["field"].split(":")[0] for one in document["errors"]] == ["STHJ.yaml", "catalogue.tsv"]


def test_the_content_hash_is_in_every_answer(service: Service) -> None:
    client, folder = service
    replacing("维护", "养护")(folder / "catalogue.tsv")
    version = client.post("/v1/admin/reload", json={"part": "knowledge_base"}).json()["versions"]["knowledge_base"]
    assert version == content_hash(folder) != content_hash(DEFAULT_FOLDER)
    for path in ("/v1/taxonomy", "/v1/departments", "/v1/departments/CGJ"):
        assert client.get(path).json()["version"] == version
    batch = client.post("/v1/reports:batch", content=json.dumps(FULL | {"id": "batch-1"}, ensure_ascii=False))
    answers: list[dict[str, Any]] = [client.post("/v1/predict", json=FULL).json(),
                                     client.post("/v1/reports", json=FULL).json(), json.loads(batch.text)]
    assert [answer["versions"]["knowledge_base"] for answer in answers] == [version] * 3
    assert client.get("/readyz").json()["parts"]["knowledge_base"] == version


def test_a_department_that_the_network_never_saw_is_found_after_a_reload(service: Service) -> None:
    client, folder = service
    before = client.post("/v1/predict", json=REPORT).json()
    assert before["lead_department"]["code"] != "DKFW"
    assert client.get("/v1/departments/DKFW").status_code == 404
    with (folder / "departments.tsv").open("a", encoding="utf-8") as table:
        table.write("DKFW\t低空飞行服务中心\t低空物流、无人机航线与起降点\n")
    (folder / "duties" / "DKFW.yaml").write_text(NEW_DEPARTMENT, encoding="utf-8")
    assert client.post("/v1/predict", json=REPORT).json()["lead_department"] == before["lead_department"]
    assert client.post("/v1/admin/reload", json={"part": "knowledge_base"}).status_code == 200
    lead = client.post("/v1/reports", json=REPORT).json()["lead_department"]
    assert (lead["code"], lead["name"]) == ("DKFW", "低空飞行服务中心")
    assert lead["evidence"][0]["duty_id"] == "DKFW-01"
    other = client.post("/v1/predict", json=FULL).json()
    assert other["lead_department"]["code"] != "DKFW"


def test_a_new_duty_is_found_after_a_reload(service: Service) -> None:
    client, folder = service
    duty = NEW_DEPARTMENT.partition("duties:\n")[2].replace("DKFW-01", "JTYS-99")
    with (folder / "duties" / "JTYS.yaml").open("a", encoding="utf-8") as stream:
        stream.write(duty)
    assert client.post("/v1/admin/reload", json={"part": "knowledge_base"}).status_code == 200
    lead = client.post("/v1/predict", json=REPORT).json()["lead_department"]
    assert (lead["code"], lead["evidence"][0]["duty_id"]) == ("JTYS", "JTYS-99")
