"""Nodes that do not answer: silent for three intervals, or past the wave's deadline, they have failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.node import Member, Node, Outcome, PendingNode, still_owing
from chalicelib.domain.policy import Policy
from chalicelib.domain.rollout import Phase, Rollout, deploy_position, failed_nodes, node_failed, wave_deployed
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Change, Ports, Remove, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment
from chalicelib.usecases.start_restore import restore_decision

MOST_AT_ONCE = 20
"""Nodes failed per transaction; DynamoDB takes a hundred writes in one."""


def fail_overdue_nodes(deployment_id: str, *, ports: Ports) -> Deployment:
    """Count every silent or overdue node of the current wave as failed, and decide what follows."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.DEPLOYING:
            return None
        rows = ports.store.list(PendingNode, deployment.id, deploy_position(rollout))
        members = ports.store.list(Member, deployment.id, rollout.environment) if rows else ()
        pending = still_owing(rows, members, upto=rollout.current.upto)
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        if not pending:
            return wave_answered(deployment, rollout, ports=ports)
        overdue = ports.clock.machine_ms() >= (rollout.deadline_ms or 0)
        lost = [row for row in pending if overdue or _is_silent(row, rollout, ports=ports)][:MOST_AT_ONCE]
        if not lost:
            return None
        changes, entries = _failed(rollout, lost, members, overdue=overdue, ports=ports)
        had_failed = {member.node_id for member in members if member.deployed is Outcome.FAILED}
        for row in lost:
            rollout = rollout if row.node_id in had_failed else node_failed(rollout)
        return after_failures(
            deployment,
            rollout,
            everybody_answered=len(lost) == len(pending),
            entries=entries,
            also=changes,
            policy=policy,
            ports=ports,
        )

    return change_deployment(deployment_id, decide, ports=ports)


def after_failures(
    deployment: Deployment,
    rollout: Rollout,
    *,
    everybody_answered: bool,
    entries: tuple[Entry, ...],
    also: tuple[Change, ...],
    policy: Policy,
    ports: Ports,
) -> Decided:
    """What follows from failed nodes: a rollback when there are more than the policy tolerates, else the wave goes on."""
    lost = failed_nodes(rollout)
    tolerated = policy.analysis.max_failed_nodes
    failing = deployment.with_rollout(rollout)
    if lost > tolerated:
        why = f"{lost} of {rollout.fleet} nodes failed to take {deployment.version}; {tolerated} are tolerated."
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
        decided = wave_answered(failing, rollout, ports=ports)
        return replace(decided, entries=(*entries, *decided.entries), also=(*also, *decided.also))
    return Decided(after=failing, entries=entries, also=also)


def wave_answered(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> Decided:
    """Every node of the wave has answered: the bake begins."""
    baking = wave_deployed(rollout, now_ms=ports.clock.policy_ms())
    detail = {"nodes": rollout.current.upto - rollout.current.first, "failed": rollout.current.failed_nodes}
    entry = Entry(
        type=EventType.WAVE_DEPLOYED,
        environment=rollout.environment,
        wave=rollout.wave,
        detail={**detail, "bakeUntil": baking.bake_until_ms},
    )
    return Decided(after=deployment.with_rollout(baking), entries=(entry,))


def _failed(
    rollout: Rollout, rows: Sequence[PendingNode], members: Sequence[Member], *, overdue: bool, ports: Ports
) -> tuple[tuple[Change, ...], tuple[Entry, ...]]:
    reason = "NO_ANSWER" if overdue else "SILENT"
    known = {member.node_id: member for member in members}
    changes: list[Change] = []
    names: list[str] = []
    for row in rows:
        member = known[row.node_id]
        names.append(member.name)
        failed = replace(
            member,
            position=row.position,
            deployed=Outcome.FAILED,
            deploy_reason=reason,
            deployed_at_ms=ports.clock.machine_ms(),
            revision=member.revision + 1,
        )
        changes += [Remove(row), Replace(failed)]
    detail = {"nodes": sorted(names), "reason": reason}
    entry = Entry(type=EventType.NODE_FAILED, environment=rollout.environment, wave=rollout.wave, detail=detail)
    return tuple(changes), (entry,)


def _is_silent(row: PendingNode, rollout: Rollout, *, ports: Ports) -> bool:
    node = ports.store.get(Node, rollout.environment, row.node_id)
    return node is None or node.is_silent(ports.clock.machine_ms())
