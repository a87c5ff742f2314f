"""The key ring: made once, by whoever comes first; read again when keys changed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.adapters.signing_keys import READ_AGAIN_AFTER_MS, SecretSigningKeys
from chalicelib.domain.errors import Unavailable
from tests.fakes import FakeClock


class FakeSecrets:
    """Secrets Manager, as far as it is needed: one secret, first writer of a version wins."""

    def __init__(self, *, exists: bool = True, value: str | None = None) -> None:
        self.exists, self.value, self.versions = exists, value, set[str]()
        self.reads = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803  # AWS's spelling
        self.reads += 1
        if self.value is None:
            raise _error("ResourceNotFoundException")
        return {"SecretString": self.value}

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
        self.value = text
        self.versions.add(version)


def _error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "Secret")


def keys_over(client: Any, clock: FakeClock | None = None) -> SecretSigningKeys:
    return SecretSigningKeys(client, "hotswap/signing-keys", clock or FakeClock())


@pytest.mark.parametrize(("exists", "value"), [(False, None), (True, None), (True, "generated"), (True, "{}")])
def test_the_first_start_makes_a_key(exists: bool, value: str | None):
    secrets = FakeSecrets(exists=exists, value=value)

    ring = keys_over(secrets).ring()

    assert list(ring.keys) == [ring.current]
    assert json.loads(secrets.value or "")["current"] == ring.current


def test_the_next_start_finds_it():
    secrets = FakeSecrets()

    assert keys_over(secrets).ring().current == keys_over(secrets).ring().current


def test_the_ring_is_read_once():
    secrets = FakeSecrets()
    keys = keys_over(secrets)
    keys.ring()
    reads = secrets.reads

    keys.ring()

    assert secrets.reads == reads


def test_of_two_first_starts_both_use_the_key_of_the_one_that_wrote_first():
    secrets = FakeSecrets()
    late = FakeSecrets()
    late.put_secret_value = lambda **_: _raise_after(secrets, late)  # type: ignore[method-assign]
    keys_over(secrets).ring()

    ring = keys_over(late).ring()

    assert ring.current == json.loads(secrets.value or "")["current"]


def _raise_after(winner: FakeSecrets, late: FakeSecrets) -> None:
    late.value = winner.value
    raise _error("ResourceExistsException")


def test_an_unknown_key_makes_it_look_again_but_not_all_the_time():
    secrets, clock = FakeSecrets(), FakeClock()
    keys = keys_over(secrets, clock)
    keys.ring()
    secrets.value = None
    changed = FakeSecrets()
    new = keys_over(changed).ring()
    secrets.value = changed.value

    too_early = keys.ring_with(new.current)
    clock.advance(READ_AGAIN_AFTER_MS)
    found = keys.ring_with(new.current)

    assert new.current not in too_early.keys
    assert new.current in found.keys


def test_a_refusal_of_aws_is_not_taken_for_a_missing_secret():
    class Forbidden(FakeSecrets):
        def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
            raise _error("AccessDeniedException")

    with pytest.raises(ClientError):
        keys_over(Forbidden()).ring()


def test_secrets_that_do_not_answer_are_unavailable():
    class Silent(FakeSecrets):
        def get_secret_value(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
            raise EndpointConnectionError(endpoint_url="x")

    with pytest.raises(Unavailable):
        keys_over(Silent()).ring()
