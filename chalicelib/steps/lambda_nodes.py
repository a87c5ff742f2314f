"""What the function `lambda_nodes` is told: an order of a wave or restore, a change of an alarm, or that a minute is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from chalicelib.domain.alias import AliasClaim
from chalicelib.domain.errors import DomainError
from chalicelib.observability import log_failure, telling
from chalicelib.usecases.alias_ports import AliasPorts
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.settle_alias import settle_alias

ALARM = "CloudWatch Alarm State Change"


def handle(event: Mapping[str, Any], *, aliases: AliasPorts, ports: Ports) -> dict[str, int]:
    """Look at every alias the event is about. One that is in trouble does not keep the others waiting.

    Raises:
        Unavailable, StaleWrite: an order could not be carried out; the same event is delivered again.
    """
    looked = 0
    troubles: list[DomainError] = []
    for claim in _concerned(event, ports.store.list(AliasClaim)):
        with telling(nodeId=claim.node_id, correlationId=event.get("correlationId", "")):
            try:
                settle_alias(claim.environment, claim.node_id, aliases=aliases, ports=ports)
                looked += 1
            except DomainError as trouble:
                log_failure("alias_not_looked_at", trouble)
                troubles.append(trouble)
    if troubles:
        raise troubles[0]
    return {"looked": looked}


def _concerned(event: Mapping[str, Any], claims: Iterable[AliasClaim]) -> list[AliasClaim]:
    if event.get("detail-type") == ALARM:
        return [claim for claim in claims if event["detail"]["alarmName"] in claim.alarms]
    if "moduleName" in event:
        order = (event["environment"], event["moduleName"])
        return [claim for claim in claims if (claim.environment, claim.module) == order]
    return list(claims)
