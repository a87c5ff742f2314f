"""After an outage of the control plane itself: silence that nobody could have heard through counts against no node."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import StaleWrite
from chalicelib.domain.node import Node
from chalicelib.usecases.ports import Ports, Replace


def forgive_silence(*, ports: Ports) -> int:
    """Begin to listen to every node anew; returns how many. A node that reports meanwhile has spoken for itself."""
    forgiven = 0
    for environment in Environment:
        for node in ports.store.list(Node, environment):
            heard = replace(node, last_heartbeat_ms=ports.clock.machine_ms(), revision=node.revision + 1)
            try:
                ports.store.commit(Replace(heard))
            except StaleWrite:
                continue
            forgiven += 1
    return forgiven
