"""How reports came and what became of them moves the false-report score of those that follow, through the service."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from knowledge_base.storage.database import open_database
from serving.circumstances import StoredCircumstances
from serving.settings import Settings

TEXT = ("望江小区3栋楼下的烧烤店每天晚上油烟很大，关着窗户都呛人，已向物业反映多次没有结果，"
        "请尽快派人核查处理并给我们一个答复。")


def post(client: TestClient, report_id: str, reporter: str, **more: Any) -> dict[str, Any]:
    sent = {"id": report_id, "text": TEXT, "received_at": "2026-01-05T10:00:00+08:00", "region": "430102",
            "reporter": {"ref": reporter, "anonymous": more.pop("anonymous", False)}}
    answer = client.post("/v1/reports", json=sent | more)
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()["false_report"]
    return found


def test_copies_from_many_reporters_are_named_and_never_high_without_outcomes(client: TestClient) -> None:
    answers = [post(client, f"copy-{number}", f"p-{number}") for number in range(14)]
    assert "burst_of_copies" not in answers[3]["reasons"]
    assert "burst_of_copies" in answers[-1]["reasons"]
    assert answers[-1]["score"] > answers[0]["score"]
    assert answers[-1]["reasons"][-1] == "insufficient_history"


def test_being_marked_anonymous_moves_nothing(client: TestClient) -> None:
    named = post(client, "a", "p")
    assert post(client, "b", "q", anonymous=True) == named


def test_outcomes_are_held_against_a_reporter_with_several_unfounded_reports(client: TestClient) -> None:
    def told(number: int) -> dict[str, Any]:
        return post(client, f"r-{number}", "same", text=f"{number}号路灯不亮", region="430102",
                    received_at=f"2026-0{1 + number}-05T10:00:00+08:00")

    assert "reporter_unfounded" not in told(0)["reasons"]
    for number in range(1, 4):
        told(number)
        client.post(f"/v1/reports/r-{number}/outcome", json={"finding": "unfounded"})
    assert "reporter_unfounded" in told(4)["reasons"]


def test_a_service_that_starts_again_remembers_and_has_learned(client: TestClient, settings: Settings) -> None:
    for number in range(80):
        post(client, f"o-{number}", f"p-{number}", text=f"听说{number}号院要拆",
             received_at=f"2026-01-{1 + number % 28:02d}T10:00:00+08:00")
        finding = "unfounded" if number % 4 else "verified"
        client.post(f"/v1/reports/o-{number}/outcome", json={"finding": finding})
    after = post(client, "later", "someone")
    assert "insufficient_history" not in after["reasons"]
    database = open_database(settings.database_path)
    again = StoredCircumstances(database)
    database.close()
    assert again.weights.outcomes == 80
    assert again.weights.unfounded == 60
    assert again.weights.bias > -3.0
