"""`hotswap.json`: each field by its rule, and one meaning only."""

from __future__ import annotations

import json

import pytest

from kernel.manifest import parse_manifest
from kernel.reasons import OrderError, Reason
from tests.kernel.test_artifact import reason_of

MANIFEST = {"name": "payment-processor", "version": "2.0.0", "command": ["python3", "main.py"]}

MANIFESTS: dict[str, tuple[object, str]] = {
    "an unknown field": (MANIFEST | {"ports": [80]}, "ports"),
    "no command": ({"name": "payment-processor", "version": "2.0.0"}, "command"),
    "an empty command": (MANIFEST | {"command": []}, "command"),
    "a command for a shell": (MANIFEST | {"command": "python3 main.py"}, "command"),
    "too many words": (MANIFEST | {"command": ["x"] * 33}, "command"),
    "a word that is a number": (MANIFEST | {"command": ["sleep", 5]}, "command"),
    "a name in capitals": (MANIFEST | {"name": "Payment"}, "name"),
    "a name too short": (MANIFEST | {"name": "ab"}, "name"),
    "a name with a line feed": (MANIFEST | {"name": "payment\n"}, "name"),
    "a version with two numbers": (MANIFEST | {"version": "2.0"}, "version"),
    "a version with a leading zero": (MANIFEST | {"version": "2.01.0"}, "version"),
    "a path without a slash": (MANIFEST | {"healthPath": "health"}, "healthPath"),
    "a path that breaks the request": (MANIFEST | {"smokePath": "/a b"}, "smokePath"),
    "too little time": (MANIFEST | {"startTimeoutMs": 99}, "startTimeoutMs"),
    "too much time": (MANIFEST | {"startTimeoutMs": 300_001}, "startTimeoutMs"),
    "half a millisecond": (MANIFEST | {"startTimeoutMs": 1000.5}, "startTimeoutMs"),
    "true is not a number": (MANIFEST | {"shutdownGraceMs": True}, "shutdownGraceMs"),
    "no time at all is fine, less is not": (MANIFEST | {"shutdownGraceMs": -1}, "shutdownGraceMs"),
    "a list": ([MANIFEST], "hotswap.json"),
}


@pytest.mark.parametrize(("body", "field"), MANIFESTS.values(), ids=MANIFESTS.keys())
def test_a_manifest_that_breaks_a_rule_is_refused_by_the_name_of_the_field(body: object, field: str) -> None:
    with pytest.raises(OrderError) as caught:
        parse_manifest(json.dumps(body).encode())

    assert caught.value.reason is Reason.ARTIFACT_MANIFEST_INVALID
    assert caught.value.detail.startswith(field)


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b'{"name": "aaa", "name": "bbb"}', b"[" * 100_000])
def test_what_two_readers_could_read_differently_is_no_manifest(text: bytes) -> None:
    assert reason_of(lambda: parse_manifest(text)) is Reason.ARTIFACT_MANIFEST_INVALID


def test_what_a_manifest_leaves_out_has_the_default_of_the_contract() -> None:
    manifest = parse_manifest(json.dumps(MANIFEST | {"healthPath": "/ready", "version": "2.0.0-rc.1+build.5"}).encode())

    assert (manifest.health_path, manifest.smoke_path) == ("/ready", "/ready")
    assert (manifest.start_timeout_ms, manifest.shutdown_grace_ms) == (10_000, 5_000)
