"""Nodes that do not answer: silent for three intervals, or past the wave's deadline, they have failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.node import Member, Node, NodeStatus, Outcome, PendingNode, still_owing
from chalicelib.domain.rollout import Phase, Rollout, deploy_position, pause, wave_deployed, with_failures
from chalicelib.domain.timeline import EventType, named
from chalicelib.usecases.ask_hook import with_smoke_asked
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Change, Ports, Remove, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment
from chalicelib.usecases.start_restore import restore_decision

MOST_AT_ONCE = 20
"""Nodes failed per transaction; DynamoDB takes a hundred writes in one."""

NODES_IN_A_PAGE = 600
"""A query gives 1 MB, a node's row has up to 1.7 KB."""


def fail_overdue_nodes(deployment_id: str, *, known: Deployment | None = None, ports: Ports) -> Deployment:
    """Count every silent or overdue node of the current wave as failed, and decide what follows. `known` is the deployment
    where the caller has just read it."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.DEPLOYING:
            return None
        rows = ports.store.list(PendingNode, deployment.id, deploy_position(rollout))
        members = ports.store.list(Member, deployment.id, rollout.environment)
        pending = still_owing(rows, members, upto=rollout.current.upto)
        overdue = ports.clock.machine_ms() >= (rollout.deadline_ms or 0)
        lost = (pending if overdue else _silent(pending, rollout, ports=ports))[:MOST_AT_ONCE]
        if pending and not lost:
            return None
        members, changes = _failed(lost, members, overdue=overdue, ports=ports)
        return answers_counted(
            deployment, rollout, members, everybody_answered=len(lost) == len(pending), also=changes, ports=ports
        )

    return change_deployment(deployment_id, decide, known=known, ports=ports)


def answers_counted(
    deployment: Deployment,
    rollout: Rollout,
    members: Sequence[Member],
    *,
    everybody_answered: bool,
    also: tuple[Change, ...] = (),
    ports: Ports,
) -> Decided | None:
    """What follows from the answers of a wave so far, None when nothing does.

    More failed nodes than the policy tolerates: a rollback; every answer in: the bake. Failures are counted in the
    membership, where answers are kept, so that none is lost with whoever was about to count it.
    """
    failed = [m for m in members if m.deployed is Outcome.FAILED and m.rank < rollout.touched_upto]
    here = sorted(
        (member for member in failed if member.position == deploy_position(rollout)),
        key=lambda member: (member.deployed_at_ms or 0, member.name),
    )
    if len(here) <= rollout.current.failed_nodes and not everybody_answered:
        return None
    entries: tuple[Entry, ...] = ()
    news = here[rollout.current.failed_nodes :]
    if news:
        reasons = sorted({member.deploy_reason for member in news})
        detail = named(nodes=sorted(member.name for member in news)) | {"reason": ", ".join(reasons)}
        entries = (
            Entry(type=EventType.NODE_FAILED, environment=rollout.environment, wave=rollout.wave, detail=detail),
        )
    counted = with_failures(rollout, len(here))
    failing = deployment.with_rollout(counted)
    policy = policy_of(rollout, ports=ports)
    tolerated = policy.analysis.max_failed_nodes
    if len(failed) > tolerated:
        why = f"{len(failed)} of {rollout.fleet} nodes failed to take {deployment.version}; {tolerated} are tolerated."
        failure = Failure(code="NODES_FAILED", message=why)
        return restore_decision(
            failing,
            Status.ROLLED_BACK,
            why=why,
            entries=entries,
            also=also,
            failure=failure,
            policy=policy,
            ports=ports,
        )
    if everybody_answered:
        decided = wave_answered(failing, counted, ports=ports)
        return replace(decided, entries=(*entries, *decided.entries), also=(*also, *decided.also))
    return Decided(after=failing, entries=entries, also=also)


def wave_answered(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> Decided:
    """Every node of the wave has answered: the bake begins, or the pause that somebody asked for meanwhile."""
    baking = wave_deployed(rollout, now_ms=ports.clock.policy_ms())
    detail = {"nodes": rollout.wave_nodes, "failed": rollout.current.failed_nodes}
    entry = Entry(
        type=EventType.WAVE_DEPLOYED,
        environment=rollout.environment,
        wave=rollout.wave,
        detail={**detail, "bakeUntil": baking.bake_until_ms},
    )
    decided = Decided(after=deployment.with_rollout(baking), entries=(entry,))
    if rollout.pause_asked:
        policy = policy_of(rollout, ports=ports)
        now = ports.clock.policy_ms()
        paused = pause(baking, why=rollout.pause_asked, until_ms=now + policy.pause_seconds * 1000, now_ms=now)
        told = Entry(
            type=EventType.PAUSED, environment=rollout.environment, wave=rollout.wave, detail={"why": paused.why}
        )
        decided = Decided(after=deployment.with_rollout(paused), entries=(entry, told))
    return decided if rollout.wave else with_smoke_asked(decided, rollout.environment, ports=ports)


def _failed(
    rows: Sequence[PendingNode], members: Sequence[Member], *, overdue: bool, ports: Ports
) -> tuple[tuple[Member, ...], tuple[Change, ...]]:
    """The membership with these nodes failed, and the writes that keep it."""
    owed = {row.node_id: row for row in rows}
    after: list[Member] = []
    changes: list[Change] = []
    for member in members:
        row = owed.get(member.node_id)
        if row is None:
            after.append(member)
            continue
        failed = replace(
            member,
            position=row.position,
            deployed=Outcome.FAILED,
            deploy_reason="NO_ANSWER" if overdue else "SILENT",
            deployed_at_ms=ports.clock.machine_ms(),
            revision=member.revision + 1,
        )
        after.append(failed)
        changes += [Remove(row), Replace(failed)]
    return tuple(after), tuple(changes)


def _silent(rows: Sequence[PendingNode], rollout: Rollout, *, ports: Ports) -> list[PendingNode]:
    """Those whose node has not been heard of for too long, or is no more."""
    now = ports.clock.machine_ms()
    found = _nodes(rows, rollout, ports=ports)

    def is_silent(node: Node | None) -> bool:
        return node is None or node.status is NodeStatus.REMOVED or node.is_silent(now)

    return [row for row in rows if is_silent(found.get(row.node_id))]


def _nodes(rows: Sequence[PendingNode], rollout: Rollout, *, ports: Ports) -> dict[str, Node]:
    """The nodes of these rows: a few one by one, many with the whole environment, which is a call for every 600."""
    environment = rollout.environment
    if len(rows) > 2 + rollout.fleet // NODES_IN_A_PAGE:
        return {node.id: node for node in ports.store.list(Node, environment)}
    nodes = (ports.store.get(Node, environment, row.node_id) for row in rows)
    return {node.id: node for node in nodes if node is not None}
