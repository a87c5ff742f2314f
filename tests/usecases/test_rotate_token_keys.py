"""Keys are rotated when they are a month old, and by an operator; both are audited first."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.errors import Unavailable
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.rotate_token_keys import ROTATED_EVERY_MS, rotate_token_keys, rotate_when_due
from tests.fakes import FakeClock, FakeStore, fake_ports


@dataclass
class FakeRing:
    """Keeps when it was rotated, and how."""

    clock: FakeClock
    since_ms: int
    rotations: list[bool] = field(default_factory=list)

    def newest_since_ms(self) -> int:
        return self.since_ms

    def rotate(self, *, at_once: bool = False) -> str:
        self.rotations.append(at_once)
        self.since_ms = self.clock.machine_ms()
        return f"key-{len(self.rotations)}"


def test_a_key_is_rotated_when_it_is_a_month_old_and_once() -> None:
    clock = FakeClock()
    ports, ring = fake_ports(clock=clock), FakeRing(clock, clock.machine_ms())

    clock.advance(ROTATED_EVERY_MS - 1)
    assert not rotate_when_due(keys=ring, ports=ports)
    clock.advance(1)
    assert rotate_when_due(keys=ring, ports=ports)
    assert not rotate_when_due(keys=ring, ports=ports)

    [record] = ports.store.list(AuditRecord, "token-keys")
    assert (record.actor, record.action, record.detail) == ("hotswap", "TokenKeysRotated", {"atOnce": False})


def test_an_operator_rotates_at_once_when_a_key_may_be_stolen() -> None:
    clock = FakeClock()
    ports, ring = fake_ports(clock=clock), FakeRing(clock, clock.machine_ms())

    assert rotate_token_keys(at_once=True, actor="operator:kim", keys=ring, ports=ports) == "key-1"
    assert ring.rotations == [True]


def test_what_cannot_be_audited_is_not_done() -> None:
    clock = FakeClock()
    ports, ring = fake_ports(clock=clock), FakeRing(clock, 0)
    assert isinstance(ports.store, FakeStore)
    ports.store.fail_next(Unavailable("The table does not answer."))

    with pytest.raises(Unavailable):
        rotate_when_due(keys=ring, ports=ports)
    assert ring.rotations == []
