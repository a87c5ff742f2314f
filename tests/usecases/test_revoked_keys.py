"""Which keys were revoked: read now and then, the newest ones."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.usecases.ports import Add
from chalicelib.usecases.revoked_keys import MOST_TOLD, RevokedKeys
from tests.builders import a_signing_key
from tests.fakes import fake_ports


def test_the_newest_revocations_are_told_and_no_key_that_counts() -> None:
    ports = fake_ports()
    ports.store.commit(Add(a_signing_key()))
    for number in range(MOST_TOLD + 5):
        key = replace(a_signing_key(), key_id=f"ed25519:{number:032x}", revoked_at_ms=1_000 + number)
        ports.store.commit(Add(key))

    told = RevokedKeys().ids(ports=ports)

    assert told == tuple(f"ed25519:{number:032x}" for number in range(5, MOST_TOLD + 5))
