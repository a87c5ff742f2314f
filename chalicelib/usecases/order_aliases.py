"""Order the function that may touch aliases to look at them: with the decision, so that it cannot be forgotten."""

from __future__ import annotations

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Rollout
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.usecases.ports import Ports

TOPIC = "aliases"
"""What messages of the outbox are told to `Ports.aliases`."""


def alias_order(
    environment: Environment, module: str, *, cause: str, correlation_id: str = "", ports: Ports
) -> OutboxMessage:
    """The order to bring the aliases of a module to what they should be; `cause` makes its id, once for each."""
    return OutboxMessage(
        id=f"{TOPIC}#{environment}#{module}#{cause}",
        topic=TOPIC,
        created_at_ms=ports.clock.machine_ms(),
        payload={"environment": str(environment), "moduleName": module, "correlationId": correlation_id},
    )


def ordered_look(deployment: Deployment, rollout: Rollout, position: str, *, ports: Ports) -> OutboxMessage:
    """The order that goes with a wave or a restore: once for each position."""
    return alias_order(
        rollout.environment,
        deployment.module,
        cause=f"{deployment.id}#{position}",
        correlation_id=deployment.correlation_id,
        ports=ports,
    )
