"""After an outage of the control plane nodes are listened to anew."""

from __future__ import annotations

from chalicelib.domain.node import Node
from chalicelib.usecases.forgive_silence import forgive_silence
from chalicelib.usecases.ports import Add
from tests.builders import a_node
from tests.fakes import FakeClock, fake_ports


def test_silence_during_an_outage_counts_against_no_node():
    node = a_node()
    clock = FakeClock(machine_ms=node.last_heartbeat_ms)
    ports = fake_ports(clock=clock)
    ports.store.commit(Add(node))
    clock.advance(seconds=600)
    assert node.is_silent(clock.machine_ms())

    assert forgive_silence(ports=ports) == 1

    stored = ports.store.get(Node, node.environment, node.id)
    assert stored is not None
    assert not stored.is_silent(clock.machine_ms())


def test_a_node_that_stays_silent_counts_again_after_its_time():
    node = a_node()
    clock = FakeClock(machine_ms=node.last_heartbeat_ms)
    ports = fake_ports(clock=clock)
    ports.store.commit(Add(node))
    forgive_silence(ports=ports)

    clock.advance(ms=3 * node.heartbeat_ms + 10_001)

    stored = ports.store.get(Node, node.environment, node.id)
    assert stored is not None
    assert stored.is_silent(clock.machine_ms())
