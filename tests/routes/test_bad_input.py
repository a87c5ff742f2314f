"""What is refused before anything looks at it, and every field rule; nothing changes in any of these cases."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.routes.endpoint import Spec, all_specs
from tests.routes.conftest import Api
from tests.routes.test_access import filled, name

CREATE = "/api/v1/deployments"
GOOD = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Production"}
JSON = {"Content-Type": "application/json"}
WITH_BODY = [spec for spec in all_specs() if spec.body is not None and spec.access != "node"]


def deep(levels: int) -> bytes:
    return b'{"metadata":' * levels + b"1" + b"}" * levels


REFUSED_BODIES = {
    "not JSON": (b"{", "not-json"),
    "two values": (b"{}{}", "not-json"),
    "single quotes": (b"{'a': 1}", "not-json"),
    "NaN": (b'{"version": NaN}', "not-json"),
    "Infinity": (b'{"version": Infinity}', "not-json"),
    "minus Infinity": (b'{"version": -Infinity}', "not-json"),
    "a number beyond all floats": (b'{"version": 1e400}', "not-json"),
    "an integer of 10,000 digits": (b'{"version": ' + b"9" * 10_000 + b"}", "not-json"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not-json"),
    "UTF-16": ('{"version": "2.0.0"}'.encode("utf-16"), "not-json"),
    "Latin-1": ('{"description": "é"}'.encode("latin-1"), "not-json"),
    "a raw NUL": (b'{"description": "\0"}', "not-json"),
    "a key twice": (b'{"version": "1.0.0", "version": "2.0.0"}', "duplicate-key"),
    "a key twice, written differently": (b'{"version": "1.0.0", "\\u0076ersion": "2.0.0"}', "duplicate-key"),
    "a key twice, further in": (b'{"metadata": {"a": "1", "a": "2"}}', "duplicate-key"),
    "33 levels": (deep(33), "too-deep"),
    "100,000 lists": (b"[" * 100_000, "too-deep"),
    "100,000 objects": (deep(20_000), "too-deep"),
    "an escaped NUL": (b'{"description": "\\u0000"}', "invalid-input"),
    "half a surrogate pair": (b'{"description": "\\ud800"}', "invalid-input"),
    "half a surrogate pair in a key": (b'{"metadata": {"\\udfff": ""}}', "invalid-input"),
    "a list": (b"[]", "invalid-input"),
    "null": (b"null", "invalid-input"),
    "text": (b'"text"', "invalid-input"),
}


def refused(api: Api, answer: Any, status: int, kind: str, before: Any) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert (answer.status, body["status"], body["type"]) == (status, status, f"/problems/{kind}"), body
    assert answer.header("Content-Type") == "application/problem+json"
    assert api.snapshot() == before
    return body


@pytest.mark.parametrize("case", REFUSED_BODIES)
def test_a_body_that_cannot_be_read_is_400_and_changes_nothing(api: Api, case: str) -> None:
    content, kind = REFUSED_BODIES[case]
    api.token("dana")
    before = api.snapshot()

    answer = api.call("POST", CREATE, content=content, headers=JSON, user="dana")

    refused(api, answer, 400, kind, before)


@pytest.mark.parametrize("spec", WITH_BODY, ids=name)
def test_every_call_with_a_body_refuses_what_is_not_json_and_what_it_does_not_know(api: Api, spec: Spec) -> None:
    api.token("ada")
    before = api.snapshot()

    broken = api.call(spec.method, filled(spec), content=b"{", headers=JSON, user="ada")
    unknown = api.call(spec.method, filled(spec), {"isAdmin": True, "status": "Completed"}, user="ada")

    refused(api, broken, 400, "not-json", before)
    fields = [error["field"] for error in refused(api, unknown, 400, "invalid-input", before)["errors"]]
    assert {"isAdmin", "status"} <= set(fields)


@pytest.mark.parametrize("spec", WITH_BODY, ids=name)
def test_every_call_with_a_body_takes_json_only_and_at_most_its_size(api: Api, spec: Spec) -> None:
    api.token("ada")
    before = api.snapshot()

    xml = api.call(spec.method, filled(spec), content=b"<a/>", headers={"Content-Type": "text/xml"}, user="ada")
    untyped = api.call(spec.method, filled(spec), content=b"{}", user="ada")
    padded = b'{"a": "' + b"x" * spec.max_bytes + b'"}'
    large = api.call(spec.method, filled(spec), content=padded, headers=JSON, user="ada")

    refused(api, xml, 415, "unsupported-media-type", before)
    refused(api, untyped, 415, "unsupported-media-type", before)
    refused(api, large, 413, "too-large", before)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-16", "application/json, text/xml", "text/json"])
def test_other_media_types_are_415(api: Api, kind: str) -> None:
    answer = api.call("POST", CREATE, content=json.dumps(GOOD).encode(), headers={"Content-Type": kind}, user="dana")

    assert (answer.status, answer.json()["type"]) == (415, "/problems/unsupported-media-type")


def test_a_content_encoding_is_415(api: Api) -> None:
    answer = api.call("POST", CREATE, GOOD, headers={"Content-Encoding": "gzip"}, user="dana")

    assert answer.status == 415


def test_32_levels_are_read(api: Api) -> None:
    answer = api.call("POST", CREATE, content=deep(32), headers=JSON, user="dana")

    assert answer.json()["type"] == "/problems/invalid-input"


FIELD_RULES: dict[str, tuple[dict[str, Any], str]] = {
    "moduleName missing": ({"moduleName": ...}, "moduleName"),
    "moduleName null": ({"moduleName": None}, "moduleName"),
    "moduleName of 2": ({"moduleName": "ab"}, "moduleName"),
    "moduleName of 65": ({"moduleName": "a" * 65}, "moduleName"),
    "moduleName in capitals": ({"moduleName": "Payment"}, "moduleName"),
    "moduleName with a hyphen first": ({"moduleName": "-ab"}, "moduleName"),
    "moduleName with a hyphen last": ({"moduleName": "ab-"}, "moduleName"),
    "moduleName with a line end": ({"moduleName": "abc\n"}, "moduleName"),
    "moduleName with another alphabet": ({"moduleName": "раyment"}, "moduleName"),
    "moduleName number": ({"moduleName": 123}, "moduleName"),
    "version missing": ({"version": ...}, "version"),
    "version of two parts": ({"version": "1.0"}, "version"),
    "version of four parts": ({"version": "1.0.0.0"}, "version"),
    "version with a leading zero": ({"version": "01.0.0"}, "version"),
    "version with a v": ({"version": "v1.0.0"}, "version"),
    "version of 129": ({"version": "1.0.0-" + "a" * 123}, "version"),
    "version number": ({"version": 1.0}, "version"),
    "version to keep a regex busy": ({"version": "1.0.0-" + "0" * 50_000 + "!"}, "version"),
    "targetEnvironment missing": ({"targetEnvironment": ...}, "targetEnvironment"),
    "targetEnvironment unknown": ({"targetEnvironment": "Moon"}, "targetEnvironment"),
    "targetEnvironment as number": ({"targetEnvironment": 3}, "targetEnvironment"),
    "targetEnvironment as number in text": ({"targetEnvironment": "3"}, "targetEnvironment"),
    "targetEnvironment as list": ({"targetEnvironment": ["QA"]}, "targetEnvironment"),
    "requesterEmail no address": ({"requesterEmail": "dev"}, "requesterEmail"),
    "requesterEmail with a name": ({"requesterEmail": "Dev <dev@example.com>"}, "requesterEmail"),
    "requesterEmail too long": (
        {"requesterEmail": "a" * 60 + "@" + "b" * 63 + "." + "c" * 200 + ".com"},
        "requesterEmail",
    ),
    "requireApproval text": ({"requireApproval": "true"}, "requireApproval"),
    "requireApproval number": ({"requireApproval": 1}, "requireApproval"),
    "description too long": ({"description": "x" * 1_001}, "description"),
    "description null": ({"description": None}, "description"),
    "metadata list": ({"metadata": []}, "metadata"),
    "metadata of 51": ({"metadata": {str(n): "" for n in range(51)}}, "metadata"),
    "metadata key empty": ({"metadata": {"": "a"}}, "metadata."),
    "metadata key of 101": ({"metadata": {"k" * 101: "a"}}, "metadata." + "k" * 100),
    "metadata value of 501": ({"metadata": {"a": "x" * 501}}, "metadata.a"),
    "metadata value number": ({"metadata": {"a": 1}}, "metadata.a"),
    "metadata value nested": ({"metadata": {"a": {}}}, "metadata.a"),
    "hotfix without a reason": ({"hotfix": {"skip": ["QA"]}}, "hotfix.reason"),
    "hotfix with an empty reason": ({"hotfix": {"reason": "", "skip": ["QA"]}}, "hotfix.reason"),
    "hotfix over nothing": ({"hotfix": {"reason": "r", "skip": []}}, "hotfix.skip"),
    "hotfix over the target": ({"hotfix": {"reason": "r", "skip": ["Production"]}}, "hotfix.skip"),
    "hotfix over one twice": ({"hotfix": {"reason": "r", "skip": ["QA", "qa"]}}, "hotfix.skip"),
    "hotfix over a number": ({"hotfix": {"reason": "r", "skip": [1]}}, "hotfix.skip[0]"),
    "a status of its own": ({"status": "Completed"}, "status"),
    "an id of its own": ({"executionId": "01J00000000000000000000001"}, "executionId"),
    "a prototype": ({"__proto__": {}}, "__proto__"),
}


@pytest.mark.parametrize("case", FIELD_RULES)
def test_a_field_that_breaks_its_rule_is_named_and_nothing_changes(api: Api, case: str) -> None:
    changes, field = FIELD_RULES[case]
    body = {key: value for key, value in (GOOD | changes).items() if value is not ...}
    api.token("dana")
    before = api.snapshot()

    answer = api.call("POST", CREATE, body, user="dana")

    told = refused(api, answer, 400, "invalid-input", before)
    assert [error["field"] for error in told["errors"]] == [field]
    assert told["detail"] == f"{field}: {told['errors'][0]['rule']}"


def test_all_violations_come_in_one_answer(api: Api) -> None:
    body = {
        "moduleName": "X",
        "version": "one",
        "targetEnvironment": 1,
        "requesterEmail": "nobody",
        "requireApproval": "no",
        "description": "x" * 1_001,
        "metadata": {"a": "x" * 501},
        "hotfix": {"reason": "", "skip": []},
        "more": 1,
    }

    answer = api.call("POST", CREATE, body, user="dana", headers={"Idempotency-Key": "with space"})

    assert [error["field"] for error in answer.json()["errors"]] == [
        "Idempotency-Key",
        "moduleName",
        "version",
        "targetEnvironment",
        "requesterEmail",
        "requireApproval",
        "description",
        "metadata.a",
        "hotfix.reason",
        "hotfix.skip",
        "more",
    ]


def test_what_breaks_a_rule_in_the_path_comes_with_what_breaks_one_in_the_body(api: Api) -> None:
    answer = api.call("POST", "/api/v1/modules/UPPER/versions", {"version": "1"}, user="dana")

    assert [error["field"] for error in answer.json()["errors"]] == ["name", "version", "digest", "size"]


def test_many_unknown_fields_are_told_a_hundred_at_a_time(api: Api) -> None:
    answer = api.call("POST", CREATE, {f"k{n}": 1 for n in range(1_000)}, user="dana")

    assert (answer.status, len(answer.json()["errors"])) == (400, 100)


def test_an_object_of_a_hundred_thousand_fields_is_not_even_looked_into(api: Api) -> None:
    answer = api.call("POST", CREATE, {f"k{n}": 1 for n in range(50_000)}, user="dana")

    assert answer.json()["errors"] == [{"field": "", "rule": "an object may have at most 1000 fields"}]


@pytest.mark.parametrize("environment", ["production", "PRODUCTION", "Production"])
def test_an_environment_is_read_in_upper_and_lower_case(api: Api, environment: str) -> None:
    execution = api.has_deployment(targetEnvironment=environment)

    assert api.ok("vic", "GET", f"{CREATE}/{execution}")["targetEnvironment"] == "Production"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e9", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("status=Done", "status"),
        ("status=1", "status"),
        ("environment=Moon", "environment"),
        ("module=UPPER", "module"),
        ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("order=asc", "order"),
    ],
)
def test_a_query_that_breaks_a_rule_names_its_parameter(api: Api, query: str, field: str) -> None:
    answer = api.call("GET", f"{CREATE}?{query}", user="vic")

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


@pytest.mark.parametrize("query", ["waitSeconds=21", "waitSeconds=-1", "after=-1", "after=x", "after=1.0"])
def test_the_timeline_takes_whole_numbers_in_their_range(api: Api, query: str) -> None:
    answer = api.call("GET", f"{CREATE}/{api.has_deployment()}/events?{query}", user="vic")

    assert [error["field"] for error in answer.json()["errors"]] == [query.split("=")[0]]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/deployments/01J00000000000000000099999",
        "/api/v1/deployments/x",
        "/api/v1/deployments/..%2f..%2fetc%2fpasswd",
        "/api/v1/deployments/%00",
        "/api/v1/deployments/01J00000000000000000099999/events",
        "/api/v1/approvals/deployments/01J00000000000000000099999",
        "/api/v1/modules/nobody-knows/versions",
        "/api/v1/modules/nobody-knows/versions/1.0.0",
        "/api/v1/clusters/Moon",
        "/api/v1/clusters/3",
        "/api/v1/clusters/Moon/metrics",
        "/api/v1/clusters/Moon/policy",
        "/api/v1/clusters/Moon/nodes",
    ],
)
def test_what_does_not_exist_is_404(api: Api, path: str) -> None:
    answer = api.call("GET", path, user="ada")

    assert (answer.status, answer.json()["type"]) == (404, "/problems/not-found")
