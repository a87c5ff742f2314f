"""PlanWaves: freeze who takes part, compute the waves, and make sure that what was approved is what will happen."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.errors import DeploymentEnded, PlanChanged
from chalicelib.domain.node import Member, Node, rank_members
from chalicelib.domain.plan import plan_environment
from chalicelib.domain.rollout import Phase, planned
from chalicelib.domain.timeline import EventType
from chalicelib.domain.turn import Turn, give_up
from chalicelib.usecases.choose_environment import begin
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Change, Ports, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment, get_deployment
from chalicelib.usecases.take_turn import hand_on


def plan_rollout(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment with its waves planned and its membership frozen.

    Raises:
        PlanChanged: another plan than the approved one; the turn was given back and people are asked again.
        DeploymentEnded: the environment has no node, or the policy's numbers cannot move it.
    """
    _freeze(get_deployment(deployment_id, ports=ports), ports=ports)
    asked_again = False

    def decide(deployment: Deployment) -> Decided | None:
        nonlocal asked_again
        rollout = deployment.current
        if deployment.has_ended or rollout is None or rollout.phase is not Phase.AWAITING_TURN or rollout.waves:
            return None
        assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
        runs = None if assignment is None else assignment.stable_digest
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        members = ports.store.list(Member, deployment.id, rollout.environment)
        try:
            plan = plan_environment(policy, fleet=len(members), digest=deployment.digest or "", from_digest=runs)
        except ValueError as impossible:
            message = f"{rollout.environment} cannot be deployed to: {impossible}."
            failure = Failure(code="NO_NODES" if not members else "PLAN_IMPOSSIBLE", message=message)
            return ended_before_nodes(deployment, Status.FAILED, failure=failure, ports=ports)
        if plan.plan_hash != rollout.plan_hash and rollout.approval_id:
            asked_again = True
            return _ask_again(deployment, assignment, ports=ports)
        ready = planned(
            replace(rollout, from_digest=runs, from_version=None if assignment is None else assignment.stable_version),
            plan.waves,
            fleet=plan.fleet,
            fence=rollout.fence,
            plan_hash=plan.plan_hash,
            now_ms=ports.clock.policy_ms(),
        )
        detail = {
            "strategy": str(plan.strategy),
            "fleet": plan.fleet,
            "planHash": plan.plan_hash,
            "waves": [{"kind": str(w.kind), "nodes": w.nodes, "bakeSeconds": w.bake_seconds} for w in plan.waves],
        }
        entry = Entry(type=EventType.PLAN_MADE, environment=rollout.environment, detail=detail)
        return Decided(after=deployment.with_rollout(ready), entries=(entry,))

    deployment = change_deployment(deployment_id, decide, ports=ports)
    if deployment.has_ended:
        raise DeploymentEnded(str(deployment.status))
    if asked_again:
        hand_on(deployment, ports=ports)
        raise PlanChanged("The plan is not the one that was approved.")
    return deployment


def _freeze(deployment: Deployment, *, ports: Ports) -> None:
    """Write the membership. Until the plan is made a repeated task may write it again; whoever stood in it stays in."""
    rollout = deployment.current
    if rollout is None or rollout.phase is not Phase.AWAITING_TURN or rollout.waves:
        return
    earlier = {member.node_id for member in ports.store.list(Member, deployment.id, rollout.environment)}
    now = ports.clock.machine_ms()
    nodes = ports.store.list(Node, rollout.environment)
    taking_part = [node for node in nodes if node.takes_deployments(now) or node.id in earlier]
    members = [
        Member(
            deployment_id=deployment.id,
            environment=rollout.environment,
            node_id=node.id,
            name=node.name,
            rank=rank,
            from_digest=node.report(deployment.module).active,
        )
        for rank, node in enumerate(rank_members(taking_part, module=deployment.module))
    ]
    ports.store.add_many(members)


def _ask_again(deployment: Deployment, assignment: Assignment | None, *, ports: Ports) -> Decided:
    rollout = deployment.current
    if rollout is None:
        raise PlanChanged("There is no rollout to ask about.")
    runs = None if assignment is None else assignment.stable_digest
    begun, asked, entries = begin(deployment, replace(rollout, fence=0), runs, assignment, ports=ports)
    turn = ports.store.get(Turn, rollout.environment, deployment.module)
    changes: tuple[Change, ...] = asked
    if turn is not None and turn.position(deployment.id) is not None:
        changes = (*asked, Replace(give_up(turn, deployment.id)))
    changed = Entry(
        type=EventType.PLAN_CHANGED,
        environment=rollout.environment,
        detail={"approved": rollout.plan_hash, "now": begun.plan_hash},
    )
    return Decided(after=deployment.with_rollout(begun), entries=(changed, *entries), also=changes)
