"""Nodes over HTTP: enrolment, heartbeats in and out, and what operators say."""

from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from chalicelib.domain.environment import Environment
from chalicelib.domain.module import SigningKey
from chalicelib.domain.node import Node
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.ports import Add
from chalicelib.usecases.revoked_keys import READ_AGAIN_AFTER_MS
from tests.builders import an_assignment
from tests.routes.conftest import Api

DIGEST = "sha256:" + "d" * 64
BEAT: dict[str, Any] = {
    "interval": 42,
    "sentAt": 1_790_000_000_000,
    "kernelVersion": "0.1.0",
    "modules": [
        {
            "module": "payment-processor",
            "fence": 8,
            "active": DIGEST,
            "staged": [],
            "healthy": True,
            "ack": {
                "fence": 8,
                "digest": DIGEST,
                "action": "activate",
                "outcome": "failed",
                "reason": "HEALTH_CHECK_FAILED",
                "detail": "no 200 from /health within 10000 ms",
            },
        }
    ],
    "windows": [
        {
            "module": "payment-processor",
            "digest": DIGEST,
            "startedAt": 1_789_999_999_000,
            "endedAt": 1_790_000_000_000,
            "requests": 120,
            "errors": 1,
            "latency": {"192": 80, "193": 40},
            "cpuMs": 130,
            "memoryBytes": 41_000_000,
            "crashes": 0,
        }
    ],
}


def beat(api: Api, node: str, credential: str, **changes: Any) -> Any:
    headers = {"Authorization": f"Bearer {credential}"}
    return api.call("POST", f"/api/v1/nodes/{node}/heartbeat", {**copy.deepcopy(BEAT), **changes}, headers=headers)


def test_a_node_enrols_once_and_pins_the_keys_that_are_not_revoked(api: Api) -> None:
    kept = {"publicKey": base64.b64encode(bytes(32)).decode(), "owner": "release"}
    gone = {"publicKey": base64.b64encode(b"\1" * 32).decode(), "owner": "release"}
    key = api.ok("ada", "POST", "/api/v1/signing-keys", kept)["keyId"]
    lost = api.ok("ada", "POST", "/api/v1/signing-keys", gone)["keyId"]
    api.ok("ada", "POST", f"/api/v1/signing-keys/{lost}/revoke")
    token = api.ok("ada", "POST", "/api/v1/clusters/production/nodes/enrol-tokens", {})["token"]
    body = {"token": token, "name": "production-01", "address": "http://127.0.0.1:8101", "kind": "kernel"}

    answer = api.call("POST", "/api/v1/nodes/enrol", {**body, "labels": {"zone": "a"}})
    again = api.call("POST", "/api/v1/nodes/enrol", body)

    told = answer.json()
    assert answer.status == 201
    assert (told["environment"], told["heartbeatMs"]) == ("Production", 1_000)
    assert told["nodeId"].startswith("p-")
    assert told["trustRoots"] == [{"keyId": key, "publicKey": kept["publicKey"], "validFrom": None, "validUntil": None}]
    assert (again.status, again.json()["type"]) == (401, "/problems/not-authenticated")


def test_an_enrol_token_is_over_after_its_time(api: Api) -> None:
    token = api.ok("ada", "POST", "/api/v1/clusters/QA/nodes/enrol-tokens", {"livesSeconds": 60})["token"]
    api.clock.advance(seconds=60)

    assert api.call("POST", "/api/v1/nodes/enrol", {"token": token, "name": "n"}).status == 401


def test_neither_token_nor_credential_is_stored(api: Api) -> None:
    _, credential = api.has_node()

    assert credential not in str(api.snapshot())
    assert "hse_" not in str(api.snapshot())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"address": "ftp://x"}, "address"),
        ({"address": "http://a b"}, "address"),
        ({"kind": "server"}, "kind"),
        ({"labels": {"": "x"}}, "labels."),
        ({"labels": {str(n): "" for n in range(21)}}, "labels"),
        ({"environment": "QA"}, "environment"),
    ],
)
def test_an_enrolment_that_breaks_a_rule_leaves_the_token_unused(api: Api, change: dict[str, Any], field: str) -> None:
    token = api.ok("ada", "POST", "/api/v1/clusters/QA/nodes/enrol-tokens", {})["token"]
    body = {"token": token, "name": "qa-01"}

    refused = api.call("POST", "/api/v1/nodes/enrol", {**body, **change})

    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert api.call("POST", "/api/v1/nodes/enrol", body).status == 201


def test_a_heartbeat_is_kept_and_measured_once(api: Api) -> None:
    node, credential = api.has_node("Production")

    first = beat(api, node, credential)
    second = beat(api, node, credential)

    assert (first.status, first.json()) == (200, {"interval": 42, "nextHeartbeatMs": 60_000, "modules": []})
    assert second.status == 200
    stored = api.store.get(Node, Environment.PRODUCTION, node)
    assert stored is not None
    assert (stored.interval, stored.modules[0].active) == (42, DIGEST)
    measured = api.ok("vic", "GET", "/api/v1/clusters/Production/metrics?module=payment-processor")
    assert [point["requests"] for point in measured["points"]] == [120]


def test_the_answer_is_the_whole_desired_state_with_a_link_to_what_is_missing(api: Api) -> None:
    node, credential = api.has_node("Production")
    version = api.has_version("1.0.0")
    wanted = an_assignment(stable_digest=version["digest"], stable_version="1.0.0", fence=3)
    api.store.commit(Add(wanted))

    missing = beat(api, node, credential).json()["modules"]
    module = {"module": "payment-processor", "fence": 3, "active": version["digest"], "healthy": True}
    there = beat(api, node, credential, interval=43, modules=[module], windows=[]).json()["modules"]
    # What the table was told a beat ago is not read again; the answer stays whole.
    later = beat(api, node, credential, interval=44, modules=[module], windows=[]).json()["modules"]

    artifact = {"digest": version["digest"], "version": "1.0.0", "size": 48_213, "signature": "", "keyId": ""}
    assert missing == [
        {
            "module": "payment-processor",
            "fence": 3,
            "active": {**artifact, "downloadUrl": f"https://artifacts.test/{version['digest']}"},
            "staged": [],
        }
    ]
    assert there[0]["active"] == later[0]["active"] == artifact


def test_a_module_that_is_to_run_nothing_is_told_so(api: Api) -> None:
    node, credential = api.has_node("Production")
    api.store.commit(Add(an_assignment(stable_digest=None, stable_version=None, fence=4)))

    answer = beat(api, node, credential).json()["modules"]

    assert answer == [{"module": "payment-processor", "fence": 4, "active": None, "staged": []}]


WINDOW = BEAT["windows"][0]
MODULE = BEAT["modules"][0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"interval": 0}, "interval"),
        ({"interval": 1.5}, "interval"),
        ({"modules": [MODULE] * 65}, "modules"),
        ({"windows": [WINDOW] * 257}, "windows"),
        ({"modules": [{**MODULE, "active": "sha256:x"}]}, "modules[0].active"),
        ({"modules": [{**MODULE, "ack": {**MODULE["ack"], "outcome": "maybe"}}]}, "modules[0].ack.outcome"),
        ({"modules": [{**MODULE, "healthy": "yes"}]}, "modules[0].healthy"),
        ({"windows": [{**WINDOW, "requests": -1}]}, "windows[0].requests"),
        ({"windows": [{**WINDOW, "errors": 121}]}, "windows[0].errors"),
        ({"windows": [{**WINDOW, "endedAt": 1}]}, "windows[0].endedAt"),
        ({"windows": [{**WINDOW, "latency": {"192": 1}}]}, "windows[0].latency"),
        ({"windows": [{**WINDOW, "latency": {"512": 120}}]}, "windows[0].latency"),
        ({"windows": [{**WINDOW, "latency": {"1": 120.0}}]}, "windows[0].latency.1"),
        ({"windows": [{**WINDOW, "counts": {"a b": 1}}]}, "windows[0].own"),
        ({"windows": [{**WINDOW, "counts": {"declined": -1}}]}, "windows[0].counts"),
        ({"windows": [{**WINDOW, "levels": {"depth": 1.5}}]}, "windows[0].levels.depth"),
        ({"windows": [{**WINDOW, "counts": {"a": 1}, "levels": {"a": 1}}]}, "windows[0].levels"),
        ({"uptime": 1}, "uptime"),
    ],
)
def test_a_report_that_cannot_be_true_is_400_and_nothing_is_kept(api: Api, change: dict[str, Any], field: str) -> None:
    node, credential = api.has_node("Production")
    before = api.snapshot()

    answer = beat(api, node, credential, **change)

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, [field])
    assert api.snapshot() == before


def test_a_report_above_512_kib_is_413(api: Api) -> None:
    node, credential = api.has_node("Production")

    assert beat(api, node, credential, kernelVersion="x" * 600_000).status == 413


def test_an_operator_cordons_uncordons_drains_and_removes(api: Api) -> None:
    node, credential = api.has_node("QA", "qa-01")

    def say(word: str, method: str = "POST") -> tuple[int, str]:
        path = f"/api/v1/nodes/{node}" + (f"/{word}" if word else "")
        answer = api.call(method, path, {"reason": "maintenance"}, user="ada")
        return answer.status, answer.json().get("status", "")

    assert [say("cordon"), say("cordon"), say("uncordon"), say("drain"), say("", "DELETE")] == [
        (200, "Cordoned"),
        (200, "Cordoned"),
        (200, "Active"),
        (200, "Draining"),
        (200, "Removed"),
    ]
    assert (say("", "DELETE"), say("cordon")[0]) == ((200, "Removed"), 409)
    assert beat(api, node, credential).status == 401
    assert api.ok("vic", "GET", "/api/v1/clusters/QA/nodes")["nodes"] == []
    actions = [record.action for record in api.store.list(AuditRecord, f"node:{node}")]
    assert actions == ["NodeEnrolled", "NodeCordoned", "NodeActive", "NodeDraining", "NodeRemoved"]


def test_a_node_that_is_not_heard_of_is_silent(api: Api) -> None:
    node, credential = api.has_node("QA", "qa-01")
    beat(api, node, credential, windows=[])

    def state() -> str:
        return str(api.ok("vic", "GET", "/api/v1/clusters/QA/nodes")["nodes"][0]["state"])

    heard = state()
    api.clock.advance(seconds=181)
    api._tokens.clear()

    assert (heard, state()) == ("Healthy", "Silent")


def test_a_revocation_reaches_nodes_that_pinned_the_key_with_their_heartbeats(api: Api) -> None:
    key = {"publicKey": base64.b64encode(bytes(32)).decode(), "owner": "release"}
    key_id = api.ok("ada", "POST", "/api/v1/signing-keys", key)["keyId"]
    node, credential = api.has_node()
    assert "revokedKeys" not in beat(api, node, credential).json()

    api.ok("ada", "POST", f"/api/v1/signing-keys/{key_id}/revoke")
    api.clock.advance(READ_AGAIN_AFTER_MS)

    assert beat(api, node, credential, interval=43).json()["revokedKeys"] == [key_id]


def test_heartbeats_read_the_revoked_keys_at_most_twice_a_minute(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    node, credential = api.has_node()
    read: list[type] = []
    listed = api.store.list

    def counted(kind: Any, *prefix: str, **given: Any) -> Any:
        read.append(kind)
        return listed(kind, *prefix, **given)

    monkeypatch.setattr(api.store, "list", counted)
    for interval in range(42, 102):
        beat(api, node, credential, interval=interval)
        api.clock.advance(seconds=1)

    assert read.count(SigningKey) == 2
