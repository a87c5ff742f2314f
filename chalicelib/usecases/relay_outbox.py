"""Tell the world what was committed: start executions, publish events. What fails stays in the outbox for the sweep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.errors import StaleWrite, Unavailable
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.usecases.ports import Ports, Remove


def execution_order(deployment: Deployment) -> dict[str, Any]:
    """What the outbox keeps of an execution that is to be started."""
    return {
        "name": deployment.execution_name,
        "deploymentId": deployment.id,
        "correlationId": deployment.correlation_id,
    }


def relay_outbox(messages: Sequence[OutboxMessage], *, ports: Ports) -> int:
    """Tell every message at least once and remove those that were taken; returns how many.

    Never fails the caller: the change is committed, and the sweep tells again what could not be told now.
    """
    try:
        tell(messages, ports=ports)
    except Unavailable:
        return 0
    return forget(messages, ports=ports)


def tell(messages: Sequence[OutboxMessage], *, ports: Ports) -> None:
    """Publish what is to be published, then start and call what is to be started and called; telling twice does no harm.

    Raises:
        Unavailable: something was not taken; the rest was told all the same.
    """
    troubles: list[Unavailable] = []
    bus = [message.payload for message in messages if message.topic == "bus"]
    if bus:
        try:
            ports.bus.publish(bus)
        except Unavailable as trouble:
            troubles.append(trouble)
    for message in messages:
        if message.topic == "execution":
            order = message.payload
            # What older code ordered belongs to nothing.
            ports.executions.start(order["name"], order["deploymentId"], order.get("correlationId", ""))
        orders = {"call": ports.calls, "aliases": ports.aliases}.get(message.topic)
        if orders is not None:
            try:
                orders.order(message.payload)
            except Unavailable as trouble:
                troubles.append(trouble)
    if troubles:
        raise troubles[0]


def forget(messages: Sequence[OutboxMessage], *, ports: Ports) -> int:
    """Remove messages that were told; returns how many were still there."""
    removed = 0
    for message in messages:
        try:
            ports.store.commit(Remove(message))
        except StaleWrite:
            continue
        removed += 1
    return removed
