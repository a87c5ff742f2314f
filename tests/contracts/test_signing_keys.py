"""The key ring over the secret that a template made without a value."""

from __future__ import annotations

from chalicelib.adapters.signing_keys import SecretSigningKeys
from infra.local.cloud import LocalCloud
from tests.fakes import FakeClock


def test_the_first_start_fills_the_empty_secret_and_the_next_one_reads_it(cloud: LocalCloud):
    client = cloud.client("secretsmanager")

    first = SecretSigningKeys(client, "hotswap/signing-keys", FakeClock()).ring()
    second = SecretSigningKeys(client, "hotswap/signing-keys", FakeClock()).ring()

    assert first.current == second.current


def test_a_secret_that_is_not_there_is_created(cloud: LocalCloud):
    client = cloud.client("secretsmanager")

    ring = SecretSigningKeys(client, "hotswap/of-another-stage", FakeClock()).ring()

    assert ring.current in client.get_secret_value(SecretId="hotswap/of-another-stage")["SecretString"]
