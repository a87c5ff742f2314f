"""Attacks around hooks, webhooks, events and a user's Prometheus: rows W02, W07, W08, P04, A04, R06, U03."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import pytest

from chalicelib.adapters.prometheus import PrometheusMetrics, read_matrix
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.guessing import by_source
from chalicelib.domain.hook import LONGEST_MESSAGE
from chalicelib.domain.outbound import may_connect, shown_address
from chalicelib.domain.rate import counted_source
from chalicelib.domain.seal import MasterKey
from chalicelib.routes import events_in
from chalicelib.usecases.ports import QueryRefused
from tests.adapters.test_prometheus import a_question
from tests.fakes import FakeExecutions, fake_ports
from tests.routes.conftest import Api, make_api
from tests.security.test_outbound import listening

SECRET_URL = "https://hooks.example.com/services/T0/B0/very-secret?key=also-secret"
HOOKS, WEBHOOKS = "/api/v1/hooks", "/api/v1/webhooks"


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.mark.parametrize("address", ["fec0::1", "feff::1", "3fff::1", "5f00::1", "192.88.99.1"])
def test_w02_what_python_calls_global_and_is_not_is_refused(address: str) -> None:
    assert not may_connect(address)


def test_u03_only_who_may_change_a_receiver_sees_the_path_of_its_url(api: Api) -> None:
    webhook = api.ok("ada", "POST", WEBHOOKS, {"url": SECRET_URL, "eventTypes": ["*"]})["webhookId"]
    api.ok("ada", "PUT", HOOKS, {"test": {"url": SECRET_URL}})
    paths = (WEBHOOKS, f"{WEBHOOKS}/{webhook}", HOOKS)

    seen = {user: json.dumps([api.ok(user, "GET", path) for path in paths]) for user in ("ada", "dana", "amal", "vic")}

    assert {user: answer.count("very-secret") for user, answer in seen.items()} == {
        "ada": 3,
        "dana": 0,
        "amal": 0,
        "vic": 0,
    }
    assert shown_address(SECRET_URL) == "https://hooks.example.com/…"
    assert shown_address("https://hooks.example.com/") == "https://hooks.example.com/"


CALL = "01J00000000000000000000001.test.1"


@pytest.mark.parametrize(
    "token",
    [
        MasterKey(b"m" * 32).callback_token("01J00000000000000000000002.test.1"),
        MasterKey(b"m" * 32).callback_token("01J00000000000000000000001.test.2"),
        MasterKey(b"x" * 32).callback_token(CALL),
        MasterKey(b"m" * 32).secret("hooks", 1),
        MasterKey(b"m" * 32).secret(CALL, 1),
        "hsc_",
        "hsc_" + "A" * 43,
        "A" * 8_000,
    ],
)
def test_w07_no_other_token_answers_a_call(api: Api, token: str) -> None:
    before = api.snapshot()

    answer = api.call(
        "POST", f"{HOOKS}/calls/{CALL}", {"status": "Succeeded"}, headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status == 401
    assert api.snapshot() == before


def test_w07_a_users_token_answers_no_call_and_a_calls_token_is_no_users(api: Api) -> None:
    token = MasterKey(b"m" * 32).callback_token(CALL)

    assert api.call("POST", f"{HOOKS}/calls/{CALL}", {"status": "Succeeded"}, user="ada").status == 401
    assert api.call("GET", "/api/v1/deployments", headers={"Authorization": f"Bearer {token}"}).status == 401


class Letters:
    """What was refused."""

    def __init__(self) -> None:
        self.reasons: list[Any] = []

    def put(self, event: Any, *, reason: Any) -> None:
        self.reasons.append(reason["type"])


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


HOSTILE_DETAILS: dict[str, Any] = {
    "text that turns": {"description": "paid\u202edeyolped"},
    "a NUL": {"description": "a\0b"},
    "half of a pair": {"description": "\ud800"},
    "too deep": {"metadata": {"a": deep(40)}},
    "too wide": {"metadata": {f"k{n}": "v" for n in range(1_001)}},
    "an unknown field": {"requestedBy": "ada"},
    "another requester": {"requested_by": "ada"},
    "no object": None,
}


@pytest.mark.parametrize("kind", HOSTILE_DETAILS)
def test_p04_an_event_is_read_as_strictly_as_a_request(kind: str) -> None:
    letters, executions = Letters(), FakeExecutions()
    good = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "QA"}
    more = HOSTILE_DETAILS[kind]
    event = {
        "id": "1",
        "source": "hotswap.requests",
        "detail-type": "DeploymentRequested",
        "detail": None if more is None else good | more,
    }

    events_in.handle(event, ports=fake_ports(executions=executions), dead_letters=letters)

    assert letters.reasons in (["/problems/invalid-input"], ["/problems/too-deep"])
    assert not executions.started


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a04_an_address_of_a_network_of_ones_own_is_no_other_source(address: str, counted: str) -> None:
    assert counted_source(address) == counted
    assert by_source(address) == f"source:{counted}"


GRID = {"from_ms": 1_000_000, "to_ms": 1_030_000, "step_ms": 10_000}
HOSTILE_ANSWERS = {
    "nested for ever": b"[" * 200_000,
    "no object": b"[]",
    "nothing": b"",
    "null": b"null",
    "data that is none": b'{"status":"success","data":null}',
    "a series that is none": b'{"status":"success","data":{"resultType":"matrix","result":[null]}}',
    "a result that is none": b'{"status":"success","data":{"resultType":"matrix","result":7}}',
    "an instant beyond numbers": b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1e400,"1"]]}]}}',
    "an instant that is none": b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[NaN,"1"]]}]}}',
    "a sample that is none": b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1000,null]]}]}}',
    "half a sample": b'{"status":"success","data":{"resultType":"matrix","result":[{"values":[[1000]]}]}}',
    "another encoding": b"\xff\xfe{}",
    "a long error": b'{"status":"error","error":"' + b"e" * 900_000 + b'"}',
    "a strange error": b'{"status":"error","error":"a\\u0000\\u001b[31m\\u202eb"}',
    "a strange kind": b'{"status":"success","data":{"resultType":"' + b"\\u001b" * 9_000 + b'","result":[]}}',
}


@pytest.mark.parametrize("kind", HOSTILE_ANSWERS)
def test_w08_a_hostile_prometheus_breaks_no_verdict_and_its_words_stay_short(kind: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        read_matrix(HOSTILE_ANSWERS[kind], **GRID)

    assert len(str(refused.value)) <= LONGEST_MESSAGE + len("Prometheus: ")
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_w06_a_prometheus_that_drips_is_given_up_when_its_time_is_up(first: bytes) -> None:
    stop = threading.Event()

    def drip(s: socket.socket) -> None:
        s.sendall(first)
        while not stop.wait(0.05):
            s.sendall(b"x")

    with listening(drip) as listener, pytest.raises(Unavailable, match="no whole answer"):
        PrometheusMetrics(f"http://127.0.0.1:{listener.port}", timeout_s=0.3).samples(a_question())
    stop.set()
