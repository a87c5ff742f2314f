"""Make a function's alias a node: an administrator names it, and our function looks at it at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.access import Caller
from chalicelib.domain.alias import ALIAS_NAME, FUNCTION_NAME, FUNCTION_PREFIX, AliasClaim, AliasState
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyExists, Conflict, InvalidInput, StaleWrite, Violation
from chalicelib.domain.node import Node, NodeKind, node_id
from chalicelib.domain.node_history import Happening, What, noted
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.order_aliases import alias_order
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.relay_outbox import relay_outbox

BEAT_MS = 60_000
"""How often the clock has aliases looked at; three times without a look is silence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasRegistration:
    """Which alias of which function is to run which module, and the alarms that take a wave back at once."""

    name: str
    environment: Environment
    module: str
    function: str
    alias: str
    alarms: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


def register_alias(asked: AliasRegistration, *, caller: Caller, request_id: str = "", ports: Ports) -> Node:
    """The node. It takes part in rollouts once it was looked at, which is ordered with the same write.

    Raises:
        InvalidInput: names that Lambda or our own permissions do not allow.
        AlreadyExists: the alias is a node already, in whatever environment.
        Conflict: the module runs on kernel nodes there.
    """
    _require_names(asked)
    assignment = ports.store.get(Assignment, asked.environment, asked.module)
    if assignment is not None and not assignment.by_weight and (assignment.stable_digest or assignment.is_changing):
        raise Conflict(f"{asked.module} runs on kernel nodes in {asked.environment}; a module is on one or the other.")
    now = ports.clock.machine_ms()
    node = Node(
        id=node_id(asked.environment, ports.new_id()),
        environment=asked.environment,
        name=asked.name,
        kind=NodeKind.LAMBDA,
        address=f"{asked.function}:{asked.alias}",
        labels=dict(asked.labels),
        credential_hash="",
        enrolled_at_ms=now,
        last_heartbeat_ms=now,
        heartbeat_ms=BEAT_MS,
        alias=AliasState(function=asked.function, alias=asked.alias, module=asked.module, alarms=asked.alarms),
    )
    node, entries = noted(node, Happening(what=What.ENROLLED, at_ms=now), by=caller.name)
    claim = AliasClaim(
        function=asked.function,
        alias=asked.alias,
        environment=asked.environment,
        node_id=node.id,
        module=asked.module,
        alarms=asked.alarms,
    )
    deed = Deed(
        subject=f"node:{node.id}",
        actor=caller.name,
        action="NodeEnrolled",
        detail={
            "name": node.name,
            "environment": str(node.environment),
            "kind": str(node.kind),
            "function": asked.function,
            "alias": asked.alias,
            "moduleName": asked.module,
        },
        request_id=request_id,
    )
    order = alias_order(asked.environment, asked.module, cause=node.id, ports=ports)
    try:
        ports.store.commit(Add(claim), Add(node), *map(Add, entries), Add(order), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise AlreadyExists("alias", f"{asked.function}:{asked.alias}") from lost
    relay_outbox((order,), ports=ports)
    return node


def _require_names(asked: AliasRegistration) -> None:
    violations = []
    if not FUNCTION_NAME.fullmatch(asked.function):
        rule = f"must begin with {FUNCTION_PREFIX} and have at most 64 letters, digits, hyphens and underscores"
        violations.append(Violation("functionName", rule))
    if not ALIAS_NAME.fullmatch(asked.alias):
        violations.append(Violation("alias", "must be 1 to 128 letters, digits, hyphens, underscores; not only digits"))
    if violations:
        raise InvalidInput(*violations)
