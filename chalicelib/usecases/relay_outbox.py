"""Tell the world what was committed: start executions, publish events. What fails stays in the outbox for the sweep."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.errors import StaleWrite, Unavailable
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.usecases.ports import Ports, Remove


def relay_outbox(messages: Sequence[OutboxMessage], *, ports: Ports) -> int:
    """Tell every message at least once and remove those that were taken; returns how many.

    Never fails the caller: the change is committed, and the sweep tells again what could not be told now.
    """
    told = 0
    try:
        for message in messages:
            if message.topic == "execution":
                ports.executions.start(message.payload["name"], message.payload["deploymentId"])
        bus = [message for message in messages if message.topic == "bus"]
        if bus:
            ports.bus.publish([message.payload for message in bus])
        for message in messages:
            told += _removed(message, ports=ports)
    except Unavailable:
        return told
    return told


def _removed(message: OutboxMessage, *, ports: Ports) -> int:
    try:
        ports.store.commit(Remove(message))
    except StaleWrite:
        return 0
    return 1
