"""The line over HTTP."""

from __future__ import annotations

from chalicelib.domain.environment import Environment
from chalicelib.domain.turn import Turn
from chalicelib.usecases.ports import Add
from tests.routes.conftest import Api

LINE = "/api/v1/line"


def test_a_stopped_line_says_who_stopped_it_why_and_since_when(api: Api) -> None:
    api.ok("amal", "POST", f"{LINE}/stop", {"reason": "payments fail"})

    found = api.ok("vic", "GET", LINE)

    assert (found["state"], found["stoppedBy"], found["stoppedBecause"]) == ("stopped", "amal", "payments fail")
    assert found["stoppedAt"].startswith("2026-")
    assert api.call("GET", "/health").json()["line"] == "stopped"
    assert api.ok("ada", "POST", f"{LINE}/resume")["state"] == "running"
    assert api.call("GET", "/health").json()["line"] == "running"


def test_stopping_needs_a_reason(api: Api) -> None:
    api.token("ada")
    before = api.snapshot()

    answer = api.call("POST", f"{LINE}/stop", {"reason": ""}, user="ada")

    assert answer.status == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["reason"]
    assert api.snapshot() == before


def test_a_limit_is_set_and_taken_away(api: Api) -> None:
    assert api.ok("ada", "PUT", f"{LINE}/limit", {"mostRunning": 3})["mostRunning"] == 3
    assert api.ok("ada", "PUT", f"{LINE}/limit", {"mostRunning": None})["mostRunning"] is None
    assert api.call("PUT", f"{LINE}/limit", {"mostRunning": 0}, user="ada").status == 400


def test_a_full_queue_is_429_and_says_who_holds_the_turn_and_when_to_come_back(api: Api) -> None:
    waiting = tuple(f"deployment-{number}" for number in range(10))
    turn = Turn(environment=Environment.DEVELOPMENT, module="payment-processor", holder="the-holder", queue=waiting)
    api.store.commit(Add(turn))
    api.has_version()
    before = api.snapshot()

    body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development"}
    answer = api.call("POST", "/api/v1/deployments", body, user="dana")

    assert (answer.status, answer.json()["type"]) == (429, "/problems/queue-full")
    assert (answer.json()["holder"], answer.json()["limit"]) == ("the-holder", 10)
    assert answer.header("Retry-After") == "30"
    assert api.snapshot() == before
