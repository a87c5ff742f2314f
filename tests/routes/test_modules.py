"""Modules, versions and signing keys over HTTP."""

from __future__ import annotations

import base64

import pytest

from chalicelib.usecases.add_signing_key import key_id_of
from tests.routes.conftest import Api

VERSIONS = "/api/v1/modules/payment-processor/versions"
KEYS = "/api/v1/signing-keys"
DIGEST = "sha256:" + "b" * 64
BODY = {"version": "2.0.0", "digest": DIGEST, "size": 48_213}
PUBLIC = base64.b64encode(bytes(32)).decode()


def test_registering_gives_an_upload_link_and_a_place(api: Api) -> None:
    answer = api.call("POST", VERSIONS, BODY, user="dana")

    assert (answer.status, answer.header("Location")) == (201, f"{VERSIONS}/2.0.0")
    assert DIGEST in answer.json()["uploadUrl"]
    assert (answer.json()["status"], answer.json()["registeredBy"]) == ("Registered", "dana")


def test_the_same_registration_again_is_200_with_a_new_link(api: Api) -> None:
    first = api.call("POST", VERSIONS, BODY, user="dana").json()

    second = api.call("POST", VERSIONS, BODY, user="ada")

    assert (second.status, second.json()) == (200, first)


@pytest.mark.parametrize(
    "change",
    [
        {"digest": "sha256:" + "c" * 64},
        {"size": 1},
        {"signature": base64.b64encode(bytes(64)).decode(), "keyId": "ed25519:" + "0" * 32},
    ],
)
def test_another_artifact_for_a_registered_version_is_409(api: Api, change: dict[str, object]) -> None:
    api.call("POST", VERSIONS, BODY, user="dana")
    before = api.snapshot()

    answer = api.call("POST", VERSIONS, {**BODY, **change}, user="dana")

    assert (answer.status, answer.json()["type"]) == (409, "/problems/already-exists")
    assert api.snapshot() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"digest": "md5:1"}, "digest"),
        ({"digest": DIGEST.upper()}, "digest"),
        ({"digest": DIGEST + "\n"}, "digest"),
        ({"size": 0}, "size"),
        ({"size": 50 * 1024 * 1024 + 1}, "size"),
        ({"size": 1.0}, "size"),
        ({"size": True}, "size"),
        ({"size": "1"}, "size"),
        ({"size": 2**70}, "size"),
        ({"signature": "!"}, "signature"),
        ({"signature": base64.b64encode(bytes(63)).decode()}, "signature"),
        ({"signature": base64.b64encode(bytes(64)).decode() + "\n"}, "signature"),
        ({"keyId": "ed25519:XYZ"}, "keyId"),
        ({"version": "2"}, "version"),
    ],
)
def test_a_registration_that_breaks_a_rule_is_400(api: Api, change: dict[str, object], field: str) -> None:
    answer = api.call("POST", VERSIONS, {**BODY, **change}, user="dana")

    assert (answer.status, [error["field"] for error in answer.json()["errors"]]) == (400, [field])


def test_versions_and_modules_are_listed(api: Api) -> None:
    for version in ("1.0.0", "2.0.0"):
        api.has_version(version)
    api.has_version(module="another-module")

    versions = api.ok("vic", "GET", VERSIONS)["versions"]
    modules = api.ok("vic", "GET", "/api/v1/modules")["modules"]

    assert [each["version"] for each in versions] == ["1.0.0", "2.0.0"]
    assert [each["moduleName"] for each in modules] == ["another-module", "payment-processor"]
    assert api.ok("vic", "GET", f"{VERSIONS}/2.0.0")["version"] == "2.0.0"


def test_a_version_with_a_build_part_has_a_place_of_its_own(api: Api) -> None:
    api.has_version("1.0.0-rc.1+build.5")

    assert api.ok("vic", "GET", f"{VERSIONS}/1.0.0-rc.1%2Bbuild.5")["version"] == "1.0.0-rc.1+build.5"


def test_a_quarantined_version_says_why_and_stays_so(api: Api) -> None:
    api.has_version()

    first = api.ok("ada", "POST", f"{VERSIONS}/2.0.0/quarantine", {"reason": "CVE-2026-1"})
    second = api.ok("ada", "POST", f"{VERSIONS}/2.0.0/quarantine", {"reason": "other"})

    assert (first["status"], first["reason"]) == ("Quarantined", "CVE-2026-1")
    assert second == first
    assert api.call("POST", f"{VERSIONS}/9.9.9/quarantine", {"reason": "r"}, user="ada").status == 404
    assert api.call("POST", f"{VERSIONS}/2.0.0/quarantine", {}, user="ada").status == 400


def test_a_signing_key_is_added_once_and_revoked_for_good(api: Api) -> None:
    body = {"publicKey": PUBLIC, "owner": "release team"}

    first = api.call("POST", KEYS, body, user="ada")
    again = api.call("POST", KEYS, body, user="ada")
    key = first.json()["keyId"]
    revoked = api.ok("ada", "POST", f"{KEYS}/{key.replace(':', '%3A')}/revoke", {"reason": "leaked"})

    assert (first.status, again.status, key) == (201, 200, key_id_of(PUBLIC))
    assert revoked["revokedAt"] == "2026-09-21T14:13:20.000Z"
    assert [each["keyId"] for each in api.ok("vic", "GET", KEYS)["keys"]] == [key]
    assert api.call("POST", KEYS, body, user="ada").status == 409


@pytest.mark.parametrize("public", ["", "AAAA", PUBLIC[:-1], PUBLIC + "=", 7])
def test_a_public_key_is_32_bytes_in_base64(api: Api, public: object) -> None:
    answer = api.call("POST", KEYS, {"publicKey": public, "owner": "x"}, user="ada")

    assert [error["field"] for error in answer.json()["errors"]] == ["publicKey"]


def test_a_version_comes_out_of_quarantine_again(api: Api) -> None:
    api.has_version()
    api.ok("ada", "POST", f"{VERSIONS}/2.0.0/quarantine", {"reason": "CVE-2026-1"})
    path = f"{VERSIONS}/2.0.0/quarantine/release"

    assert api.call("POST", path, {"reason": "r"}, user="dana").status == 403
    assert api.call("POST", path, {}, user="ada").status == 400
    assert api.call("POST", f"{VERSIONS}/9.9.9/quarantine/release", {"reason": "r"}, user="ada").status == 404
    released = api.ok("ada", "POST", path, {"reason": "a false alarm"})

    assert (released["status"], released["reason"]) == ("Registered", "")
    assert api.ok("ada", "POST", path, {"reason": "again"}) == released
