"""Requests that come by event: the same body, the same rules and the same answer as over HTTP, once per event."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.errors import DomainError, InvalidInput, StaleWrite, Unavailable, Violation
from chalicelib.domain.telemetry import correlation_id_of
from chalicelib.routes.fields import ModuleName, Version
from chalicelib.routes.front_guard import require_readable
from chalicelib.routes.problems import problem_of
from chalicelib.routes.schemas.deployments import CreateDeployment
from chalicelib.routes.validation import Received, validated
from chalicelib.usecases.create_deployment import create_deployment
from chalicelib.usecases.deploy_published import deploy_published
from chalicelib.usecases.ports import DeadLetters, Ports

SOURCE = "hotswap.requests"

CALLER = Caller(name=f"event:{SOURCE}", roles=frozenset({Role.DEPLOYER}))
"""Who may put events of this source on the bus is for the bus's policy to say; here they are one Deployer."""

_FOR_NOW = (Unavailable, StaleWrite)


class ArtifactPublished(Received):
    """A version was registered and its bytes are uploaded."""

    module_name: ModuleName
    version: Version


def handle(event: Mapping[str, Any], *, ports: Ports, dead_letters: DeadLetters) -> dict[str, Any]:
    """Do what an event asks for; a refused one goes to the dead letters with its reason.

    An event that is delivered again has the same outcome: the first kind by its id, the second by rule and version.

    Raises:
        Unavailable, StaleWrite: something does not answer now; the event is delivered again.
    """
    identity = event.get("id")
    try:
        _check(event)
        return _KINDS[event["detail-type"]](event, ports)
    except _FOR_NOW:
        raise
    except DomainError as refused:
        _, reason = problem_of(refused, instance=f"event:{identity}", request_id=str(identity))
        dead_letters.put(event, reason=reason)
        return {"refused": reason["type"]}


def _requested(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    request = validated(CreateDeployment, event.get("detail")).request()
    caller = replace(CALLER, correlation_id=correlation_id_of(event["id"]))
    deployment = create_deployment(request, caller=caller, idempotency_key=f"event:{event['id']}", ports=ports)
    return {"executionId": deployment.id}


def _published(event: Mapping[str, Any], ports: Ports) -> dict[str, Any]:
    appeared = validated(ArtifactPublished, event.get("detail"))
    said_in = correlation_id_of(event["id"])
    started = deploy_published(appeared.module_name, appeared.version, correlation_id=said_in, ports=ports)
    return {"executionIds": [deployment.id for deployment in started]}


_KINDS: Final[Mapping[str, Callable[[Mapping[str, Any], Ports], dict[str, Any]]]] = MappingProxyType(
    {"DeploymentRequested": _requested, "ArtifactPublished": _published}
)


def _check(event: Mapping[str, Any]) -> None:
    identity = event.get("id")
    violations = []
    if event.get("source") != SOURCE:
        violations.append(Violation("source", f"must be {SOURCE}"))
    if event.get("detail-type") not in _KINDS:
        violations.append(Violation("detail-type", f"must be {' or '.join(_KINDS)}"))
    if not isinstance(identity, str) or not 1 <= len(identity) <= 100:
        violations.append(Violation("id", "must be text of 1 to 100 characters"))
    if violations:
        raise InvalidInput(*violations)
    # No front guard stands before the bus.
    require_readable(event.get("detail"))
