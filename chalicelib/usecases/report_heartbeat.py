"""Heartbeat: take in what a node says, count it towards the wave that is on, and answer what it should run."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chalicelib.domain.assignment import Assignment, Desired, desired_for
from chalicelib.domain.errors import NotAuthenticated, StaleWrite
from chalicelib.domain.metering import Measured, Meters, OpenStep, metered
from chalicelib.domain.module import ModuleVersion
from chalicelib.domain.node import Member, ModuleReport, Node, NodeStatus, environment_of
from chalicelib.usecases.acknowledge import Acknowledged, acknowledged, after_acknowledgement
from chalicelib.usecases.look_for_harm import look_for_harm
from chalicelib.usecases.policies import current_policy
from chalicelib.usecases.ports import SERIES_STEP_MS, Ports, Replace
from chalicelib.usecases.recording import MAX_TRIES

ACTIVE_HEARTBEAT_MS = 1_000
"""How often nodes report while something changes in their environment."""

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
    """What a node should run of one module; `versions` has every digest named in `desired`."""

    module: str
    fence: int
    desired: Desired
    versions: tuple[ModuleVersion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatAnswer:
    """What a node is told."""

    interval: int
    next_heartbeat_ms: int
    wanted: tuple[Wanted, ...]


def report_heartbeat(node_id: str, credential_hash: str, heartbeat: Heartbeat, *, ports: Ports) -> HeartbeatAnswer:
    """The node's report, counted once per interval number, and what the node should run.

    Raises:
        NotAuthenticated: the credential is not this node's, or the node was removed.
    """
    node = _authenticated(node_id, credential_hash, ports=ports)
    assignments = ports.store.list(Assignment, node.environment)
    moving = [assignment for assignment in assignments if assignment.is_changing]
    members = {assignment.module: _member(assignment, node, ports=ports) for assignment in moving}
    node = _with_pace(node, ports=ports)
    told = ACTIVE_HEARTBEAT_MS if moving else node.idle_heartbeat_ms
    done = _keep_report(node, credential_hash, heartbeat, assignments, members, told, ports=ports)
    for acknowledgement in done:
        after_acknowledgement(acknowledgement, ports=ports)
    for assignment in moving:
        look_for_harm(assignment, ports=ports)
    if done:
        # The decision may have moved a cut-off; whoever brought it about is told at once.
        assignments = ports.store.list(Assignment, node.environment)
    now = ports.clock.policy_ms()
    wanted = tuple(_wanted(a, node, members.get(a.module), now, ports=ports) for a in assignments)
    return HeartbeatAnswer(
        interval=heartbeat.interval,
        next_heartbeat_ms=told,
        wanted=tuple(w for w in wanted if w.fence),
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


def _member(assignment: Assignment, node: Node, *, ports: Ports) -> Member | None:
    return ports.store.get(Member, assignment.deployment_id or "", node.environment, node.id)


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
    credential_hash: str,
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
        reported = replace(
            node,
            last_heartbeat_ms=ports.clock.machine_ms(),
            heartbeat_ms=told_ms,
            interval=max(node.interval, heartbeat.interval),
            kernel_version=heartbeat.kernel_version,
            meters=meters,
            modules=heartbeat.modules if heartbeat.interval >= node.interval else node.modules,
            revision=node.revision + 1,
        )
        done = [
            found
            for assignment in moving
            if (found := acknowledged(assignment, members.get(assignment.module), reported, ports=ports)) is not None
        ]
        try:
            ports.store.commit(Replace(reported), *(change for found in done for change in found.changes))
            return done
        except StaleWrite:
            if attempt == MAX_TRIES - 1:
                raise
            node = _with_pace(_authenticated(node.id, credential_hash, ports=ports), ports=ports)
            for assignment in moving:
                members[assignment.module] = _member(assignment, node, ports=ports)
    raise AssertionError("unreachable")


def _wanted(assignment: Assignment, node: Node, member: Member | None, now_ms: int, *, ports: Ports) -> Wanted:
    desired = desired_for(assignment, member, now_ms=now_ms)
    report = node.report(assignment.module)
    named = (*((desired.active,) if desired.active else ()), *desired.staged)
    held = {report.active, *report.staged}
    versions = [ports.store.list(ModuleVersion, assignment.module)] if any(d not in held for d in named) else []
    found = tuple(version for several in versions for version in several if version.digest in named)
    return Wanted(module=assignment.module, fence=assignment.fence, desired=desired, versions=found)
