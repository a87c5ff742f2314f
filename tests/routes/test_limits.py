"""Limits per route and caller, their headers, and what has none."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.routes import limits
from chalicelib.routes.limits import Limits
from tests.routes.conftest import Api, make_api

ONE = "/api/v1/deployments/01J00000000000000000099999"
BEAT = {"interval": 1, "sentAt": 1, "kernelVersion": "0.1.0", "modules": []}


@pytest.fixture
def api() -> Api:
    return make_api(limits=Limits(1))  # 1 %: reads 120, writes 30, polls 300, signing in 1, refusals 6 a minute


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(limits, "SIGN_IN", limits.RateLimit(name="sign-in", most=10_000))
    return make_api(limits=Limits(1))


def statuses(api: Api, times: int, method: str, path: str, user: str = "vic", body: Any = None) -> list[int]:
    return [api.call(method, path, body, user=user).status for _ in range(times)]


def test_an_answer_says_what_is_left(known: Api) -> None:
    answer = known.call("GET", "/api/v1/deployments", user="vic")

    assert [answer.header(f"RateLimit-{name}") for name in ("Limit", "Remaining", "Reset")] == ["120", "119", "1"]


def test_beyond_the_limit_it_is_429_with_retry_after_and_soon_fine_again(known: Api) -> None:
    assert statuses(known, 121, "GET", "/api/v1/deployments") == [200] * 120 + [429]

    answer = known.call("GET", "/api/v1/deployments", user="vic")
    assert (answer.json()["type"], answer.header("Retry-After"), answer.header("RateLimit-Remaining")) == (
        "/problems/too-many-requests",
        "1",
        "0",
    )
    known.clock.advance(seconds=1)
    assert known.call("GET", "/api/v1/deployments", user="vic").status == 200


def test_one_caller_at_the_limit_leaves_others_alone(known: Api) -> None:
    statuses(known, 121, "GET", "/api/v1/deployments")

    assert known.call("GET", "/api/v1/deployments", user="dana").status == 200


def test_who_has_read_much_can_still_write_and_poll(known: Api) -> None:
    statuses(known, 121, "GET", "/api/v1/deployments", user="dana")

    assert known.call("POST", "/api/v1/deployments", {}, user="dana").status == 400
    assert statuses(known, 200, "GET", ONE, user="dana") == [404] * 200


def test_writes_have_a_limit_of_their_own(known: Api) -> None:
    assert statuses(known, 31, "POST", "/api/v1/deployments", user="dana", body={}) == [400] * 30 + [429]


def test_signing_in_is_limited_by_address(api: Api) -> None:
    login = ("POST", "/api/v1/authentication/login", {"username": "nobody", "password": "wrong"})

    assert [api.call(*login).status for _ in range(2)] == [401, 429]
    assert api.call(*login, source_ip="203.0.113.9").status == 401


def test_who_comes_with_bad_tokens_again_and_again_is_told_to_stop(api: Api) -> None:
    headers = {"Authorization": "Bearer a|b|0|1"}

    found = [api.call("GET", "/api/v1/deployments", headers=headers).status for _ in range(8)]

    assert found == [401] * 6 + [429] * 2


def test_heartbeats_have_no_limit(known: Api) -> None:
    node, credential = known.has_node()
    headers = {"Authorization": f"Bearer {credential}"}
    path = f"/api/v1/nodes/{node}/heartbeat"

    answers = [known.call("POST", path, BEAT | {"interval": n}, headers=headers) for n in range(1, 200)]

    assert {answer.status for answer in answers} == {200}
    assert answers[0].header("RateLimit-Limit") is None


def test_behind_a_gateway_nothing_is_counted_here() -> None:
    api = make_api()

    answer = api.call("GET", "/api/v1/deployments", user="vic")

    assert answer.header("RateLimit-Limit") is None


def test_memory_is_bounded_however_many_callers_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_CALLERS", 10)
    counted = Limits(100)
    from chalicelib.domain.access import ANONYMOUS

    for number in range(100):
        counted.take(limits.PUBLIC, ANONYMOUS, f"198.51.100.{number}", now_ms=0)

    assert len(counted._full_at) == 10
