"""One caller asks more than everybody else together. Row R03."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.routes.limits import WRITE, Limits
from tests.routes.conftest import Api, make_api

PERCENT = 1
MOST = WRITE.most * PERCENT // 100
DEPLOYMENTS = "/api/v1/deployments"


@pytest.fixture
def api() -> Api:
    api = make_api()
    for module in ("payment-processor", "order-service"):
        api.has_version(module=module)
    api.token("ada")
    object.__setattr__(api.edge, "limits", Limits(PERCENT))
    return api


def ask(api: Api, user: str, number: int, module: str = "payment-processor") -> Any:
    body = {"moduleName": module, "version": "2.0.0", "targetEnvironment": "Development"}
    return api.call("POST", DEPLOYMENTS, body, user=user, headers={"Idempotency-Key": f"{user}-{number}"})


def test_r03_a_burst_is_cut_at_the_limit_and_costs_no_other_caller_and_no_other_kind_of_call(api: Api) -> None:
    burst = [ask(api, "dana", number) for number in range(3 * MOST)]

    limited = [answer.json()["type"] == "/problems/too-many-requests" for answer in burst if answer.status == 429]
    assert limited.count(True) == 2 * MOST
    assert ask(api, "ada", 1, "order-service").status == 202
    assert api.call("GET", DEPLOYMENTS, user="dana").status == 200


def test_r03_who_is_cut_is_told_when_to_come_back_and_then_may(api: Api) -> None:
    for number in range(2 * MOST):
        ask(api, "dana", number)

    cut = ask(api, "dana", 1_000, "order-service")
    headers = {name.lower(): value for name, value in cut.headers}
    api.clock.advance(seconds=int(headers["retry-after"]))

    assert (cut.status, headers["ratelimit-limit"], headers["ratelimit-remaining"]) == (429, str(MOST), "0")
    assert ask(api, "dana", 1_000, "order-service").status == 202


def test_r03_refused_calls_of_a_burst_leave_no_record_each(api: Api) -> None:
    for number in range(MOST):
        ask(api, "dana", number)
    kept = sum(len(items) for items in api.store._partitions.values())

    for number in range(MOST, 5 * MOST):
        assert ask(api, "dana", number).status == 429

    assert sum(len(items) for items in api.store._partitions.values()) - kept <= 20
