"""What was committed is told at least once, and never fails whoever committed it."""

from __future__ import annotations

from chalicelib.domain.timeline import OutboxMessage
from chalicelib.usecases.ports import Add
from chalicelib.usecases.relay_outbox import relay_outbox
from tests.builders import a_message
from tests.fakes import FakeBus, FakeExecutions, fake_ports

START = a_message(id="start", topic="execution", payload={"name": "d-1", "deploymentId": "d-1"})
TELL = a_message(id="tell")


def test_messages_are_told_and_removed() -> None:
    ports = fake_ports()
    ports.store.commit(Add(START), Add(TELL))

    told = relay_outbox((START, TELL), ports=ports)

    assert told == 2
    assert ports.executions.started == {"d-1": "d-1"}  # type: ignore[attr-defined]
    assert ports.bus.published == [TELL.payload]  # type: ignore[attr-defined]
    assert ports.store.get(OutboxMessage, "tell") is None


def test_nothing_to_tell_is_nothing_told() -> None:
    ports = fake_ports()

    assert relay_outbox((), ports=ports) == 0
    assert ports.bus.published == []  # type: ignore[attr-defined]


def test_what_somebody_else_removed_meanwhile_is_no_trouble() -> None:
    ports = fake_ports()

    assert relay_outbox((TELL,), ports=ports) == 0


def test_a_bus_that_does_not_answer_leaves_the_messages_where_they_are() -> None:
    ports = fake_ports(bus=FakeBus(unavailable=True))
    ports.store.commit(Add(START), Add(TELL))

    assert relay_outbox((START, TELL), ports=ports) == 0

    assert ports.store.get(OutboxMessage, "tell") == TELL
    assert ports.store.get(OutboxMessage, "start") == START


def test_a_machine_that_does_not_answer_leaves_the_order_where_it_is() -> None:
    ports = fake_ports(executions=FakeExecutions(unavailable=True))
    ports.store.commit(Add(START))

    assert relay_outbox((START,), ports=ports) == 0

    assert ports.store.get(OutboxMessage, "start") == START
