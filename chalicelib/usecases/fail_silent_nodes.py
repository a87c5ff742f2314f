"""Nodes that do not answer: silent for three intervals, or past the wave's deadline, they have failed."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.node import Member, Node, Outcome, PendingNode
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
        position = deploy_position(rollout)
        pending = ports.store.list(PendingNode, deployment.id, position)
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        if not pending:
            return wave_answered(deployment, rollout, ports=ports)
        overdue = ports.clock.machine_ms() >= (rollout.deadline_ms or 0)
        lost = [row for row in pending if overdue or _is_silent(row, rollout, ports=ports)][:MOST_AT_ONCE]
        if not lost:
            return None
        changes, entries = _failed(deployment, rollout, lost, overdue=overdue, ports=ports)
        for _ in lost:
            rollout = node_failed(rollout)
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
    deployment: Deployment, rollout: Rollout, rows: list[PendingNode], *, overdue: bool, ports: Ports
) -> tuple[tuple[Change, ...], tuple[Entry, ...]]:
    reason = "NO_ANSWER" if overdue else "SILENT"
    changes: list[Change] = []
    names: list[str] = []
    for row in rows:
        changes.append(Remove(row))
        member = ports.store.get(Member, deployment.id, rollout.environment, row.node_id)
        if member is None:
            continue
        names.append(member.name)
        changes.append(
            Replace(
                replace(
                    member,
                    position=row.position,
                    deployed=Outcome.FAILED,
                    deploy_reason=reason,
                    deployed_at_ms=ports.clock.machine_ms(),
                    revision=member.revision + 1,
                )
            )
        )
    detail = {"nodes": sorted(names), "reason": reason}
    entry = Entry(type=EventType.NODE_FAILED, environment=rollout.environment, wave=rollout.wave, detail=detail)
    return tuple(changes), (entry,)


def _is_silent(row: PendingNode, rollout: Rollout, *, ports: Ports) -> bool:
    node = ports.store.get(Node, rollout.environment, row.node_id)
    return node is None or node.is_silent(ports.clock.machine_ms())
