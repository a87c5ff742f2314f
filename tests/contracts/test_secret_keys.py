"""The key ring over the secret that a template made without a value, and its rotation on Secrets Manager."""

from __future__ import annotations

import pytest

from chalicelib.adapters.checkpoint_keys import PublishedKeys, SecretCheckpointKeys
from chalicelib.adapters.secret_keys import SecretKeys
from chalicelib.domain.errors import Unavailable
from infra.local.cloud import LocalCloud
from tests.fakes import FakeClock


def test_the_first_start_fills_the_empty_secret_and_the_next_one_reads_it(cloud: LocalCloud):
    client = cloud.client("secretsmanager")

    first = SecretKeys(client, "hotswap/signing-keys", FakeClock()).signing_key()
    second = SecretKeys(client, "hotswap/signing-keys", FakeClock()).signing_key()

    assert first[0] == second[0]


def test_a_secret_that_is_not_there_is_created(cloud: LocalCloud):
    client = cloud.client("secretsmanager")

    name, _ = SecretKeys(client, "hotswap/of-another-stage", FakeClock()).signing_key()

    assert name in client.get_secret_value(SecretId="hotswap/of-another-stage")["SecretString"]


def test_a_rotation_is_one_write_that_another_process_reads(cloud: LocalCloud):
    client, clock = cloud.client("secretsmanager"), FakeClock()
    here, there = (SecretKeys(client, "hotswap/rotated", clock) for _ in range(2))
    old, _ = there.signing_key()

    new = here.rotate()
    clock.advance(seconds=600)

    assert there.signing_key()[0] == here.signing_key()[0] == new
    assert set(there.verifying_keys()) == {old, new}


def test_of_two_rotations_at_once_one_happens(cloud: LocalCloud):
    client, clock = cloud.client("secretsmanager"), FakeClock()
    here, there = (SecretKeys(client, "hotswap/rotated-twice", clock) for _ in range(2))
    here.signing_key()
    read = there._read_or_make()
    first = here.rotate()
    there._read_or_make = iter([read, here._read_or_make()]).__next__  # type: ignore[method-assign]

    second = there.rotate()

    assert second == first
    assert len(here.verifying_keys()) == 2


def test_the_public_half_of_a_sealing_key_is_published_before_it_seals_and_never_taken_back(cloud: LocalCloud):
    client = cloud.client("secretsmanager")
    published = PublishedKeys(client, "hotswap/audit-public-keys")
    private = SecretKeys(client, "hotswap/audit-keys", FakeClock())
    signer = SecretCheckpointKeys(private, published)
    before = dict(published.public_keys())

    first = signer.sign(b"a")
    assert published.public_keys() == before | {first.key_id: first.public_key}
    private.rotate(at_once=True)
    second = signer.sign(b"b")

    assert second.key_id != first.key_id
    known = PublishedKeys(client, "hotswap/audit-public-keys").public_keys()
    assert {first.key_id: first.public_key, second.key_id: second.public_key}.items() <= known.items()
    assert "PRIVATE" not in client.get_secret_value(SecretId="hotswap/audit-public-keys")["SecretString"]


def test_of_two_keys_published_at_once_one_is_and_the_other_is_tried_again(cloud: LocalCloud):
    client = cloud.client("secretsmanager")
    here, there = (PublishedKeys(client, "hotswap/published-twice") for _ in range(2))
    here.publish("one", "AA==")
    read = there._read()
    here.publish("two", "BB==")
    there._read = lambda: read  # type: ignore[method-assign]

    with pytest.raises(Unavailable):
        there.publish("three", "CC==")

    assert set(here.public_keys()) == {"one", "two"}
