"""GET /v1/taxonomy translates among the three taxonomies, each way."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from models.contract import XINFANG_LABELS
from tests.contract.test_reports import FULL, problem


@pytest.fixture
def taxonomy(client: TestClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/v1/taxonomy").json()
    return answer


def test_the_three_taxonomies_are_answered_whole(taxonomy: dict[str, Any]) -> None:
    assert len(taxonomy["categories"]) == 119
    assert [sum(len(one["code"]) == digits for one in taxonomy["db44t2479"]) for digits in (2, 4, 6)] == [14, 99, 515]
    assert [one["label"] for one in taxonomy["xinfang"]] == list(XINFANG_LABELS)
    for one in taxonomy["categories"]:
        best = one["other_taxonomies"]
        assert one["db44t2479"][0] == best["db44t2479"] == one["db44t2479_level3"][0][:4]
        assert best["xinfang"] in (one["xinfang"][0], None)


def test_a_client_can_translate_both_ways(taxonomy: dict[str, Any]) -> None:
    ours = {one["code"]: one for one in taxonomy["categories"]}
    standard = {one["code"]: one for one in taxonomy["db44t2479"]}
    labels = {one["label"]: one for one in taxonomy["xinfang"]}
    assert {(code, other) for code, one in ours.items() for other in (*one["db44t2479"], *one["db44t2479_level3"])} == \
        {(code, other) for other, one in standard.items() if len(other) > 2 for code in one["categories"]}
    assert {(code, label) for code, one in ours.items() for label in one["xinfang"]} == \
        {(code, label) for label, one in labels.items() for code in one["categories"]}
    assert {(other, label) for other, one in standard.items() if len(other) == 4 for label in one["xinfang"]} == \
        {(other, label) for label, one in labels.items() for other in one["db44t2479"]}


@pytest.mark.parametrize(("code", "taxonomy_name", "path", "first"), [
    ("HJ03", "unified", ["生态环境", "噪声与振动"], ("HJ03", "0402", "040201", "环境保护")),
    ("04", "db44t2479", ["自然资源与环境保护"], ("YJ04", "0401", "040101", "环境保护")),
    ("0402", "db44t2479", ["自然资源与环境保护", "污染防治"], ("HJ02", "0402", "040201", "环境保护")),
    ("040201", "db44t2479", ["自然资源与环境保护", "污染防治", "噪声污染"], ("HJ03", "0402", "040201", "环境保护")),
    ("010600", "db44t2479", ["科教文体", "新闻出版"], ("WL03", "0106", "010600", "教育文体")),
    ("环境保护", "xinfang", ["环境保护"], ("HJ01", "0402", "040104", "环境保护")),
])
def test_one_code_is_looked_up(client: TestClient, code: str, taxonomy_name: str, path: list[str],
                               first: tuple[str, ...]) -> None:
    answer = client.get(f"/v1/taxonomy/{quote(code)}").json()
    assert (answer["taxonomy"], answer["code"], answer["path"]) == (taxonomy_name, code, path)
    lists = ("categories", "db44t2479", "db44t2479_level3", "xinfang")
    assert set(answer) == {"version", "taxonomy", "code", "path", *lists}
    assert first[0] in answer["categories"]
    assert tuple(answer[name][0] for name in lists[1:]) == first[1:]


@pytest.mark.parametrize("code", ["0499", "HJ99", "环境", "0402%20", "x" * 2_000])
def test_a_code_of_no_taxonomy_is_not_found(client: TestClient, code: str) -> None:
    problem(client.get(f"/v1/taxonomy/{quote(code, safe='%')}"), 404, "not_found")


def test_an_answer_names_codes_that_can_be_looked_up(client: TestClient, taxonomy: dict[str, Any]) -> None:
    others = client.post("/v1/predict", json=FULL).json()["category"]["other_taxonomies"]
    for code in others.values():
        assert client.get(f"/v1/taxonomy/{quote(code)}").json()["version"] == taxonomy["version"]
