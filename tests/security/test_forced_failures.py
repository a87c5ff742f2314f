"""Forced exceptions (row U04): every call of every handler to the table, and to everything else, fails once; nobody
outside is told anything of the inside, and whoever reads the log finds all of it by the request's id."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.domain.access import Action
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.routes import events_in
from chalicelib.routes.endpoint import Spec, all_specs
from chalicelib.usecases.ports import Ports
from infra.local.gateway import HttpResponse
from tests.fakes import FakeStore
from tests.routes.conftest import Api, make_api, served
from tests.routes.test_access import EXAMPLES, name
from tests.routes.test_access_by_environment import BODIES
from tests.usecases.scene import a_scene

INSIDE = "psycopg://inside:5432/srv/app/store.py line 17"
"""What an exception might tell of our inside."""

TOUCHES_NOTHING = {"getApprovalPage", "getOpenapi", "getPage", "getPublicKeys"}
"""Routes without a call to a port that could fail here; which they are is checked below."""

FAILURES: list[Callable[[], Exception]] = [
    lambda: RuntimeError(INSIDE),
    lambda: KeyError(INSIDE),
    lambda: Unavailable("The table does not answer."),
]


class Failing:
    """A port whose calls are counted; the one with the number `at` raises."""

    def __init__(self, real: Any, counter: Iterator[int], fails: Callable[[int], None]) -> None:
        self._real, self._counter, self._fails = real, counter, fails

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._real, attribute)
        if not callable(found) or attribute.startswith("_"):
            return found

        def called(*given: Any, **named: Any) -> Any:
            self._fails(next(self._counter))
            return found(*given, **named)

        return called


def failing(ports: Ports, at: int, error: Callable[[], Exception]) -> tuple[Ports, list[int]]:
    """Ports of which the call number `at` raises, and the numbers that were called."""
    called: list[int] = []

    def numbers() -> Iterator[int]:
        number = 0
        while True:
            yield number
            number += 1

    def fails(number: int) -> None:
        called.append(number)
        if number == at:
            raise error()

    counter = numbers()
    wrapped = {
        part: Failing(getattr(ports, part), counter, fails)
        for part in ("store", "metrics", "executions", "artifacts", "bus", "calls", "signatures")
    }
    return dataclasses.replace(ports, **wrapped), called


def installation() -> Api:
    api = make_api()
    api.token("ada")
    api.has_deployment()
    return api


def ask(api: Api, spec: Spec) -> HttpResponse:
    path = spec.path.format(**(EXAMPLES | {"environment": "Development", "name": "payment-processor"}))
    headers = {"Authorization": f"Bearer {api.token('ada')}"} if isinstance(spec.access, Action) else {}
    if spec.access == "node":
        headers = {"Authorization": "Bearer hsn_0000000000000000000000000000000000000000000"}
    if spec.access == "callback":
        call_id = EXAMPLES["callId"]
        headers = {"Authorization": f"Bearer {api.edge.master_key().callback_token(call_id)}"}
    return api.http.request(spec.method, path, json=BODIES.get(spec.operation_id), headers=headers)


@pytest.mark.parametrize("spec", all_specs(), ids=name)
def test_u04_whatever_breaks_behind_a_route_its_caller_is_told_nothing_of_the_inside(
    spec: Spec, capsys: pytest.CaptureFixture[str]
) -> None:
    api = installation()
    real = api.edge
    reached = 0
    for at in range(40):
        error = FAILURES[at % len(FAILURES)]
        ports, called = failing(real.ports, at, error)
        served.edge = dataclasses.replace(real, ports=ports)
        capsys.readouterr()

        answer = ask(api, spec)

        if at not in called:
            break
        reached += 1
        told = answer.body.decode()
        assert answer.status < 500 or _is_a_plain_problem(answer), (at, answer.status, told)
        assert INSIDE not in told
        assert "Traceback" not in told
        if answer.status == 500:
            # The traceback is in the log, in one line of JSON, under the id the caller has.
            lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if INSIDE in line]
            assert [line["requestId"] for line in lines] == [answer.header("X-Request-Id")]
    assert (reached == 0) == (spec.operation_id in TOUCHES_NOTHING)


def _is_a_plain_problem(answer: HttpResponse) -> bool:
    body = answer.json()
    if "checks" in body:
        return True  # GET /health says of each part whether it is up, and no more
    known = {
        500: ("/problems/internal-error", "Something went wrong on our side."),
        503: ("/problems/unavailable", "The table does not answer."),
    }
    assert answer.header("X-Request-Id") == body["requestId"]
    return known.get(answer.status) == (body["type"], body["detail"]) and body["errors"] == []


@pytest.mark.parametrize("state", [Phase.BAKING, Phase.AWAITING_APPROVAL])
def test_u04_a_step_that_breaks_says_nothing_of_the_inside_to_who_asks_for_the_deployment(state: Phase) -> None:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=state is Phase.AWAITING_APPROVAL))
    deployment = scene.create()
    scene.run(deployment, until=lambda d: d.current is not None and d.current.phase is state)
    [run] = scene.driver.runs.values()

    # What Lambda says of an exception nobody expected, as Step Functions hands it to Catch.
    said = {"errorMessage": INSIDE, "errorType": "RuntimeError", "stackTrace": [f'File "{INSIDE}", line 1']}
    scene.driver._caught(run, "RuntimeError", json.dumps(said))
    ended = scene.run(deployment)

    assert ended.failure is not None
    assert ended.failure.message == "RuntimeError: a step of the state machine failed."
    assert INSIDE not in repr(scene.store._partitions)


def test_u04_an_event_that_breaks_leaves_no_inside_in_the_dead_letters() -> None:
    kept: list[Any] = []

    class Letters:
        def put(self, event: Any, *, reason: Any) -> None:
            kept.append((event, reason))

    api = installation()
    detail = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development"}
    event = {"id": "e1", "source": "hotswap.requests", "detail-type": "DeploymentRequested", "detail": detail}
    reached = 0
    for at in range(40):
        ports, called = failing(api.edge.ports, at, lambda: RuntimeError(INSIDE))
        try:
            events_in.handle({**event, "id": f"e{at}"}, ports=ports, dead_letters=Letters())
        except RuntimeError:
            reached += 1
        if at not in called:
            break
    # It is raised, so that the event is delivered again; what is kept of refused ones is our own words.
    assert reached > 0
    assert INSIDE not in repr(kept)
    assert isinstance(api.store, FakeStore)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            {"Error": "RuntimeError", "Cause": json.dumps({"errorMessage": INSIDE, "stackTrace": [INSIDE]})},
            "RuntimeError: a step of the state machine failed.",
        ),
        ({"Error": "States.Timeout", "Cause": ""}, "States.Timeout: a step of the state machine failed."),
        (
            {
                "Error": "Unavailable",
                "Cause": json.dumps({"errorMessage": "The table does not answer.", "stackTrace": [INSIDE]}),
            },
            "Unavailable: The table does not answer.",
        ),
        ({"Error": "Unavailable", "Cause": INSIDE}, "Unavailable: "),
        (None, ""),
    ],
)
def test_u04_what_is_told_of_a_failed_step(failure: Any, told: str) -> None:
    from chalicelib.steps.machine import _cause

    assert _cause(failure) == told
