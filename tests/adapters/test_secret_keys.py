"""The key ring: made once, by whoever comes first; read again when keys changed; rotated with an overlap."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.secret_keys import (
    LOOKED_AGAIN_AFTER_MS,
    READ_AGAIN_AFTER_MS,
    SIGNS_AFTER_MS,
    VERIFIES_ON_MS,
    SecretKeys,
)
from chalicelib.domain.errors import Unavailable
from tests import canaries
from tests.fakes import FakeClock


class FakeSecrets:
    """Secrets Manager, as far as it is needed: one secret, first writer of a version wins."""

    def __init__(self, *, exists: bool = True, value: str | None = None) -> None:
        self.exists, self.value, self.versions = exists, value, set[str]()
        self.version, self.reads = "", 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803  # AWS's spelling
        self.reads += 1
        if self.value is None:
            raise _error("ResourceNotFoundException")
        return {"SecretString": self.value, "VersionId": self.version}

    def put_secret_value(self, *, SecretId: str, SecretString: str, ClientRequestToken: str) -> None:  # noqa: N803
        if not self.exists:
            raise _error("ResourceNotFoundException")
        if ClientRequestToken in self.versions:
            raise _error("ResourceExistsException")
        self._write(SecretString, ClientRequestToken)

    def create_secret(self, *, Name: str, SecretString: str, ClientRequestToken: str) -> None:  # noqa: N803
        if self.exists:
            raise _error("ResourceExistsException")
        self.exists = True
        self._write(SecretString, ClientRequestToken)

    def _write(self, text: str, version: str) -> None:
        assert 32 <= len(version) <= 64
        canaries.learn("hotswap/keys", text)
        self.value, self.version = text, version
        self.versions.add(version)


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Secret")


def keys_over(client: Any, clock: FakeClock | None = None) -> SecretKeys:
    return SecretKeys(client, "hotswap/signing-keys", clock or FakeClock())


@pytest.mark.parametrize(("exists", "value"), [(False, None), (True, None), (True, "generated"), (True, "{}")])
def test_the_first_start_makes_a_key(exists: bool, value: str | None):
    secrets = FakeSecrets(exists=exists, value=value)

    name, _ = keys_over(secrets).signing_key()

    assert list(json.loads(secrets.value or "")["keys"]) == [name]


def test_the_next_start_finds_it():
    secrets = FakeSecrets()

    assert keys_over(secrets).signing_key()[0] == keys_over(secrets).signing_key()[0]


def test_the_secret_is_read_every_five_minutes_and_not_with_every_token():
    secrets, clock = FakeSecrets(), FakeClock()
    keys = keys_over(secrets, clock)
    keys.signing_key()
    reads = secrets.reads

    for _ in range(3):
        keys.signing_key()
    assert secrets.reads == reads
    clock.advance(READ_AGAIN_AFTER_MS)
    keys.signing_key()

    assert secrets.reads == reads + 1


def test_of_two_first_starts_both_use_the_key_of_the_one_that_wrote_first():
    secrets, late = FakeSecrets(), FakeSecrets()
    first, _ = keys_over(secrets).signing_key()

    def refused(**_: Any) -> None:
        late.value = secrets.value
        raise _error("ResourceExistsException")

    late.put_secret_value = refused  # type: ignore[method-assign]

    assert keys_over(late).signing_key()[0] == first


def test_an_unknown_key_makes_it_look_again_but_not_all_the_time():
    secrets, clock = FakeSecrets(), FakeClock()
    keys, elsewhere = keys_over(secrets, clock), keys_over(secrets, clock)
    keys.signing_key()
    new = elsewhere.rotate()

    assert keys.verifying_key(new) is None
    clock.advance(LOOKED_AGAIN_AFTER_MS)
    assert keys.verifying_key(new) is not None
    reads = secrets.reads
    for _ in range(3):
        assert keys.verifying_key("nobody's") is None
    assert secrets.reads == reads


def test_a_new_key_is_published_before_it_signs_and_the_old_one_verifies_until_its_last_token_is_over():
    clock = FakeClock()
    keys = keys_over(FakeSecrets(), clock)
    old, _ = keys.signing_key()

    new = keys.rotate()

    assert set(keys.verifying_keys()) == {old, new}
    assert keys.signing_key()[0] == old
    clock.advance(SIGNS_AFTER_MS)
    assert keys.signing_key()[0] == new
    clock.advance(VERIFIES_ON_MS - 1)
    assert keys.verifying_key(old) is not None
    clock.advance(1)
    assert keys.verifying_key(old) is None
    assert set(keys.verifying_keys()) == {new}


def test_a_clock_that_is_put_back_to_before_the_first_key_locks_nobody_out():
    clock = FakeClock()
    keys = keys_over(FakeSecrets(), clock)
    old, _ = keys.signing_key()
    new = keys.rotate()

    clock.advance(ms=-3_600_000)

    assert keys.signing_key()[0] == old != new


def test_the_rotation_after_that_takes_the_old_key_out_of_the_secret():
    secrets, clock = FakeSecrets(), FakeClock()
    keys = keys_over(secrets, clock)
    old, _ = keys.signing_key()
    keys.rotate()
    clock.advance(SIGNS_AFTER_MS + VERIFIES_ON_MS)

    keys.rotate()

    assert old not in json.loads(secrets.value or "")["keys"]


def test_a_rotation_at_once_leaves_no_old_key():
    keys = keys_over(FakeSecrets())
    old, _ = keys.signing_key()

    new = keys.rotate(at_once=True)

    assert (keys.signing_key()[0], keys.verifying_key(old)) == (new, None)


def test_keys_that_are_known_stay_good_while_secrets_manager_does_not_answer():
    secrets, clock = FakeSecrets(), FakeClock()
    keys = keys_over(secrets, clock)
    name, _ = keys.signing_key()

    def silent(**_: Any) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="x")

    secrets.get_secret_value = silent  # type: ignore[method-assign]
    clock.advance(READ_AGAIN_AFTER_MS)

    assert keys.signing_key()[0] == name
    with pytest.raises(Unavailable):
        keys.rotate()


def test_a_refusal_of_aws_is_not_taken_for_a_missing_secret():
    class Forbidden(FakeSecrets):
        def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
            raise _error("AccessDeniedException")

    with pytest.raises(ClientError):
        keys_over(Forbidden()).signing_key()


def test_secrets_that_do_not_answer_are_unavailable():
    class Silent(FakeSecrets):
        def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
            raise EndpointConnectionError(endpoint_url="x")

    with pytest.raises(Unavailable):
        keys_over(Silent()).signing_key()
