"""Requests that come by event: the same body, the same rules and the same answer as over HTTP, once per event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.errors import DomainError, InvalidInput, StaleWrite, Unavailable, Violation
from chalicelib.routes.problems import problem_of
from chalicelib.routes.schemas.deployments import CreateDeployment
from chalicelib.routes.validation import validated
from chalicelib.usecases.create_deployment import create_deployment
from chalicelib.usecases.ports import DeadLetters, Ports

SOURCE = "hotswap.requests"
DETAIL_TYPE = "DeploymentRequested"

CALLER = Caller(name=f"event:{SOURCE}", roles=frozenset({Role.DEPLOYER}))
"""Who may put events of this source on the bus is for the bus's policy to say; here they are one Deployer."""

_FOR_NOW = (Unavailable, StaleWrite)


def handle(event: Mapping[str, Any], *, ports: Ports, dead_letters: DeadLetters) -> dict[str, Any]:
    """Start the deployment an event asks for; a refused one goes to the dead letters with its reason.

    The event's id is the idempotency key, so an event that is delivered again gives the same deployment.

    Raises:
        Unavailable, StaleWrite: something does not answer now; the event is delivered again.
    """
    identity = event.get("id")
    try:
        deployment = create_deployment(
            _body(event).request(), caller=CALLER, idempotency_key=f"event:{identity}", ports=ports
        )
    except _FOR_NOW:
        raise
    except DomainError as refused:
        _, reason = problem_of(refused, instance=f"event:{identity}", request_id=str(identity))
        dead_letters.put(event, reason=reason)
        return {"refused": reason["type"]}
    return {"executionId": deployment.id}


def _body(event: Mapping[str, Any]) -> CreateDeployment:
    identity = event.get("id")
    violations = []
    if event.get("source") != SOURCE:
        violations.append(Violation("source", f"must be {SOURCE}"))
    if event.get("detail-type") != DETAIL_TYPE:
        violations.append(Violation("detail-type", f"must be {DETAIL_TYPE}"))
    if not isinstance(identity, str) or not 1 <= len(identity) <= 100:
        violations.append(Violation("id", "must be text of 1 to 100 characters"))
    if violations:
        raise InvalidInput(*violations)
    return validated(CreateDeployment, event.get("detail"))
