"""Heartbeat: take in what a node says, count it towards the wave that is on, and answer what it should run."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.assignment import Assignment, Desired, Look, desired_of
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotAuthenticated, StaleWrite
from chalicelib.domain.metering import Measured, Meters, OpenStep, metered
from chalicelib.domain.node import Member, ModuleReport, Node, NodeStatus, environment_of
from chalicelib.domain.node_history import (
    Happening,
    NodeChange,
    What,
    difference,
    drift_between,
    health_between,
    is_drained,
    noted,
)
from chalicelib.domain.telemetry import lag_of
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.usecases.acknowledge import Acknowledged, acknowledged, after_acknowledgement
from chalicelib.usecases.policies import current_policy
from chalicelib.usecases.ports import SERIES_STEP_MS, Add, Address, Ports, Replace
from chalicelib.usecases.recording import MAX_TRIES
from chalicelib.usecases.relay_outbox import relay_outbox

ACTIVE_HEARTBEAT_MS = 1_000
"""How often nodes report while something changes in their environment, where the installation says nothing else."""

MOST_ANSWERS = 40
"""Modules one report may settle: each takes two of the hundred writes of a transaction. The next report does the rest."""

NOTHING = Desired(active=None)

POLICY_EVERY_MS = 30_000
"""A changed idle interval reaches every node after at most this long and one interval more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """What a node sends; see docs/contracts/node-protocol.md."""

    interval: int
    kernel_version: str
    modules: tuple[ModuleReport, ...]
    windows: tuple[Measured, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The editions a node should have of one module."""

    module: str
    fence: int
    desired: Desired
    correlation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAnswer:
    """What a node of an environment is told."""

    environment: Environment
    interval: int
    next_heartbeat_ms: int
    wanted: tuple[Wanted, ...]


def report_heartbeat(
    node_id: str, credential_hash: str, heartbeat: Heartbeat, *, active_ms: int = ACTIVE_HEARTBEAT_MS, ports: Ports
) -> HeartbeatAnswer:
    """The node's report, counted once per interval number, and what the node should run; every `active_ms` from now on
    while something changes.

    Raises:
        NotAuthenticated: the credential is not this node's, or the node was removed.
    """

    def read() -> Node:
        return _with_pace(_authenticated(node_id, credential_hash, ports=ports), ports=ports)

    return take_report(read, heartbeat, active_ms=active_ms, ports=ports)


def take_report(
    read: Callable[[], Node],
    heartbeat: Heartbeat,
    *,
    active_ms: int = ACTIVE_HEARTBEAT_MS,
    beat_ms: int | None = None,
    amend: Callable[[Node], Node] | None = None,
    ports: Ports,
) -> HeartbeatAnswer:
    """What follows from a report, whoever brings it: it is kept with the answers it gives, and somebody looks for harm.

    `read` gives the node as it is stored now. While something changes the next report is due in `active_ms`. `beat_ms` is
    when to expect the next report, where that is not ours to say; `amend` what else is kept of the node with it.
    """
    node = read()
    assignments = ports.store.list(Assignment, node.environment)
    moving = [assignment for assignment in assignments if assignment.is_changing]
    members, looks = _of_those_moving(moving, node, ports=ports)
    told = beat_ms or (active_ms if moving else node.idle_heartbeat_ms)
    done = _keep_report(node, read, amend, heartbeat, assignments, members, told, ports=ports)
    for acknowledgement in done:
        after_acknowledgement(acknowledgement, ports=ports)
    if moving:
        from chalicelib.usecases.look_for_harm import look_for_harm  # the judge, which idle nodes never need

        look_for_harm([(assignment, looks[assignment.module]) for assignment in moving], ports=ports)
    if done:
        # The decision may have moved a cut-off; whoever brought it about is told at once.
        settled = [answer.module for answer in done]
        found = ports.store.get_many(*((Assignment, (node.environment, module)) for module in settled))
        moved = dict(zip(settled, found, strict=True))
        assignments = tuple(moved.get(each.module) or each for each in assignments)
    now = ports.clock.policy_ms()
    # A node has room for so many modules: those that it has nothing of, should have nothing of and takes no part in are not
    # its business.
    known = {report.module for report in heartbeat.modules} | {name for name, member in members.items() if member}
    wanted = [
        Wanted(module=each.module, fence=each.fence, desired=desired, correlation_id=each.correlation_id)
        for each in assignments
        if each.fence
        and (desired := desired_of(each, node, members.get(each.module), now_ms=now)) is not None
        and (each.module in known or desired != NOTHING)
    ]
    return HeartbeatAnswer(
        environment=node.environment, interval=heartbeat.interval, next_heartbeat_ms=told, wanted=tuple(wanted)
    )


def _with_pace(node: Node, *, ports: Ports) -> Node:
    """The node with how often it reports while nothing changes; the policy is asked for it now and then only."""
    now = ports.clock.machine_ms()
    if node.idle_heartbeat_ms and now - node.policy_read_at_ms < POLICY_EVERY_MS:
        return node
    idle = current_policy(node.environment, ports=ports).idle_heartbeat_ms
    return replace(node, idle_heartbeat_ms=idle, policy_read_at_ms=now)


def _authenticated(node_id: str, credential_hash: str, *, ports: Ports) -> Node:
    environment = environment_of(node_id)
    node = None if environment is None else ports.store.get(Node, environment, node_id)
    known = "" if node is None else node.credential_hash
    if not hmac.compare_digest(known, credential_hash) or node is None or node.status is NodeStatus.REMOVED:
        raise NotAuthenticated("This is not the credential of that node.")
    return node


def _of_those_moving(
    moving: Sequence[Assignment], node: Node, *, ports: Ports
) -> tuple[dict[str, Member | None], dict[str, Look | None]]:
    """Of each module that is being changed: the node's part in it, and when somebody looks for harm next."""
    modules = [each.module for each in moving]
    parts: list[Address] = [(Member, (each.deployment_id or "", node.environment, node.id)) for each in moving]
    due: list[Address] = [(Look, (each.environment, each.module)) for each in moving]
    found = ports.store.get_many(*parts, *due)
    return (
        dict(zip(modules, found[: len(parts)], strict=True)),
        dict(zip(modules, found[len(parts) :], strict=True)),
    )


def _metered(
    node: Node, heartbeat: Heartbeat, assignments: Sequence[Assignment]
) -> tuple[Meters, tuple[OpenStep, ...]]:
    """The node's sums with this report in them; a report that was counted before adds nothing."""
    if heartbeat.interval <= node.interval:
        return node.meters, ()
    return metered(
        node.meters,
        heartbeat.windows,
        bakes={assignment.module: assignment.bake for assignment in assignments if assignment.bake},
        steps_ms={assignment.module: assignment.series_step_ms for assignment in assignments},
        step_ms=SERIES_STEP_MS,
    )


def _keep_report(
    node: Node,
    read: Callable[[], Node],
    amend: Callable[[Node], Node] | None,
    heartbeat: Heartbeat,
    assignments: Sequence[Assignment],
    members: dict[str, Member | None],
    told_ms: int,
    *,
    ports: Ports,
) -> list[Acknowledged]:
    """Write the node's row together with every answer its report gives, or neither."""
    moving = [assignment for assignment in assignments if assignment.is_changing]
    for attempt in range(MAX_TRIES):
        meters, over = _metered(node, heartbeat, assignments)
        for step in over:
            # Before the row forgets them; keeping a step again changes nothing.
            ports.metrics.keep(environment=node.environment, node_id=node.id, step=step)
        said = replace(
            node,
            last_heartbeat_ms=ports.clock.machine_ms(),
            heartbeat_ms=told_ms,
            interval=max(node.interval, heartbeat.interval),
            kernel_version=heartbeat.kernel_version,
            meters=meters,
            modules=heartbeat.modules if heartbeat.interval >= node.interval else node.modules,
            revision=node.revision + 1,
        )
        said = said if amend is None else amend(said)
        reported, entries = _with_history(node, said, assignments, members, ports=ports)
        notices = [notice for entry in entries if (notice := _notice(reported, entry)) is not None]
        done = [
            found
            for assignment in moving
            if (found := acknowledged(assignment, members.get(assignment.module), reported, ports=ports)) is not None
        ][:MOST_ANSWERS]
        try:
            ports.store.commit(
                Replace(reported),
                *(change for found in done for change in found.changes),
                *(Replace(entry) if entry.revision else Add(entry) for entry in entries),
                *(Add(notice) for notice in notices),
            )
        except StaleWrite:
            if attempt == MAX_TRIES - 1:
                raise
            node = read()
            members |= _of_those_moving(moving, node, ports=ports)[0]
            continue
        _show(node, done, ports=ports)
        if notices:
            relay_outbox(notices, ports=ports)
        return done
    raise AssertionError("unreachable")


def _show(before: Node, done: Sequence[Acknowledged], *, ports: Ports) -> None:
    """What the report that was just written settled, and how late it came."""
    for answer in done:
        ports.telemetry.happened(
            "NodeAnswered",
            executionId=answer.deployment_id,
            correlationId=answer.correlation_id,
            nodeId=before.id,
            nodeName=before.name,
            moduleName=answer.module,
            position=answer.position,
            outcome=str(answer.outcome),
        )
    ports.telemetry.measured(*lag_of(before, now_ms=ports.clock.machine_ms()))


def _with_history(
    before: Node,
    said: Node,
    assignments: Sequence[Assignment],
    members: dict[str, Member | None],
    *,
    ports: Ports,
) -> tuple[Node, tuple[NodeChange, ...]]:
    """The node with what its report changes in its history, and the entries; none on the quiet path."""
    now = ports.clock.policy_ms()
    differing = {
        each.module: words
        for each in assignments
        if (words := difference(each, said, members.get(each.module), now_ms=now))
    }
    drifts, happened = drift_between(before.drifts, differing, now_ms=said.last_heartbeat_ms)
    after = replace(said, drifts=drifts)
    happened = (*health_between(before, said), *happened)
    if is_drained(said) and not any(members.values()):
        after = replace(after, status=NodeStatus.DRAINED)
        happened = (*happened, Happening(what=NodeStatus.DRAINED, at_ms=said.last_heartbeat_ms))
    return noted(after, *happened)


def _notice(node: Node, entry: NodeChange) -> OutboxMessage | None:
    """What the bus is told of a change: drift and healing."""
    if entry.what not in (What.DRIFTED, What.HEALED):
        return None
    detail = {
        "nodeId": node.id,
        "name": node.name,
        "environment": str(node.environment),
        "at": entry.at_ms,
        "reason": entry.reason,
    }
    identity = f"{node.id}#{entry.seq:08d}"
    payload = {"id": identity, "detailType": f"Node{entry.what}", "detail": detail}
    return OutboxMessage(id=identity, topic="bus", created_at_ms=entry.at_ms, payload=payload)
