"""PlanWaves: freeze who takes part, compute the waves, and make sure that what was approved is what will happen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Status
from chalicelib.domain.edition import edition
from chalicelib.domain.errors import DeploymentEnded, PlanChanged, Quarantined, StaleWrite
from chalicelib.domain.membership import members_of
from chalicelib.domain.node import LeftOut, Member, Node, taking_part
from chalicelib.domain.plan import plan_environment
from chalicelib.domain.rollout import Phase, Rollout, planned
from chalicelib.domain.strategies import PlannedWave
from chalicelib.domain.timeline import EventType, named
from chalicelib.domain.turn import Turn, give_up
from chalicelib.usecases.choose_environment import begin
from chalicelib.usecases.configurations import runs_on
from chalicelib.usecases.end_deployment import ended_before_nodes, given_up_turn
from chalicelib.usecases.leave_line import left_line
from chalicelib.usecases.passed_over import passed_over, runs_already
from chalicelib.usecases.policies import terms_of
from chalicelib.usecases.ports import Add, Change, Ports, Remove, Replace
from chalicelib.usecases.quarantines import find_quarantine
from chalicelib.usecases.recording import MAX_TRIES, Decided, Entry, change_deployment, get_deployment
from chalicelib.usecases.take_turn import hand_on

MEMBERS_AT_ONCE = 99
"""Members written per transaction, beside the deployment; DynamoDB takes a hundred writes in one."""


def plan_rollout(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment with its waves planned and its membership frozen; without a current rollout where whoever had the
    turn before left the environment running what it brings.

    Raises:
        PlanChanged: another plan than the approved one; the turn was given back and people are asked again.
        DeploymentEnded: the environment has no node, or the policy's numbers cannot move it.
    """
    left_out = _freeze(deployment_id, ports=ports)

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or not _may_be_planned(deployment):
            return None
        assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
        if runs_already(deployment, rollout, assignment, digest=deployment.digest, ports=ports):
            return _skip(deployment, rollout, ports=ports)
        found = find_quarantine(
            deployment.module, rollout.environment, deployment.digest, rollout.configuration, ports=ports
        )
        if found is not None:
            # Whoever held the turn before may have been taken back with the very same version.
            failure = Failure(
                code="QUARANTINED", message=str(Quarantined(found.environment, found.version, found.reason))
            )
            return ended_before_nodes(deployment, Status.FAILED, failure=failure, ports=ports)
        runs = None if assignment is None else assignment.stable
        wanted = edition(deployment.digest, rollout.configuration)
        policy, goes_back = terms_of(rollout, assignment, wanted, ports=ports)
        members = ports.store.list(Member, deployment.id, rollout.environment)
        try:
            plan = plan_environment(policy, members, digest=wanted or "", from_digest=runs)
        except ValueError as impossible:
            message = f"{rollout.environment} cannot be deployed to: {impossible}."
            failure = Failure(code="NO_NODES" if not members else "PLAN_IMPOSSIBLE", message=message)
            return ended_before_nodes(deployment, Status.FAILED, failure=failure, ports=ports)
        if plan.plan_hash != rollout.plan_hash and (rollout.approval_id or rollout.is_return):
            return _ask_again(deployment, assignment, ports=ports)
        ready = planned(
            replace(
                rollout,
                is_return=goes_back,
                from_digest=None if assignment is None else assignment.stable_digest,
                from_version=None if assignment is None else assignment.stable_version,
                from_configuration=0 if assignment is None else assignment.stable_configuration,
            ),
            plan.waves,
            fleet=plan.fleet,
            fence=rollout.fence,
            plan_hash=plan.plan_hash,
            by_weight=plan.by_weight,
            now_ms=ports.clock.policy_ms(),
        )
        detail = {
            "strategy": str(plan.strategy),
            "fleet": plan.fleet,
            "planHash": plan.plan_hash,
            "configuration": rollout.configuration,
            "isReturn": goes_back,
            "byWeight": plan.by_weight,
            **named(leftOut=[{"node": each.name, "why": each.why} for each in left_out]),
            "waves": [_told(wave) for wave in plan.waves],
        }
        entry = Entry(type=EventType.PLAN_MADE, environment=rollout.environment, detail=detail)
        return Decided(after=deployment.with_rollout(ready), entries=(entry,))

    deployment = change_deployment(deployment_id, decide, ports=ports)
    if deployment.has_ended:
        raise DeploymentEnded(str(deployment.status))
    rollout = deployment.current
    if rollout is None:
        hand_on(deployment, ports=ports)
    elif not rollout.fence:
        # Also when an earlier run of this task gave the turn back and could not say so.
        hand_on(deployment, ports=ports)
        raise PlanChanged("The plan is not the one that was approved.")
    return deployment


def _may_be_planned(deployment: Deployment) -> bool:
    rollout = deployment.current
    if deployment.has_ended or rollout is None:
        return False
    return rollout.phase is Phase.AWAITING_TURN and rollout.fence > 0 and not rollout.waves


def _freeze(deployment_id: str, *, ports: Ports) -> tuple[LeftOut, ...]:
    """Write the membership and return who is not in it. Until the plan is made a repeated task may write it again."""
    for attempt in range(MAX_TRIES):
        deployment = get_deployment(deployment_id, ports=ports)
        rollout = deployment.current
        if rollout is None or not _may_be_planned(deployment):
            return ()
        try:
            return _write_members(deployment, rollout, ports=ports)
        except StaleWrite:
            if attempt == MAX_TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _write_members(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> tuple[LeftOut, ...]:
    """Each write moves the deployment on, so that a task that was overtaken writes over nothing: what a node ran before
    must never be read after it was changed. Who has left since an earlier plan leaves the membership too."""
    environment = rollout.environment
    earlier = {m.node_id: m for m in ports.store.list(Member, deployment.id, environment)}
    selector = runs_on(deployment.module, environment, rollout.configuration, ports=ports)
    found, now = ports.store.list(Node, environment), ports.clock.machine_ms()
    nodes, left_out = taking_part(found, selector, module=deployment.module, now_ms=now)
    assignment = ports.store.get(Assignment, environment, deployment.module)
    if runs_already(deployment, rollout, assignment, digest=deployment.digest, ports=ports):
        return ()
    wanted = edition(deployment.digest, rollout.configuration)
    policy, _ = terms_of(rollout, assignment, wanted, ports=ports)
    ranked = members_of(nodes, deployment_id=deployment.id, module=deployment.module, spec=policy.strategy)
    members = [
        replace(member, revision=earlier[member.node_id].revision + 1 if member.node_id in earlier else 0)
        for member in ranked
    ]
    staying = {member.node_id for member in members}
    changes: list[Change] = [Replace(member) if member.revision else Add(member) for member in members]
    changes += [Remove(member) for node_id, member in earlier.items() if node_id not in staying]
    for start in range(0, len(changes), MEMBERS_AT_ONCE):
        deployment = replace(deployment, revision=deployment.revision + 1)
        ports.store.commit(Replace(deployment), *changes[start : start + MEMBERS_AT_ONCE])
    return left_out


def _skip(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> Decided:
    """Its turn has come and there is nothing to change: the turn goes to the next one."""
    skipped, entry = passed_over(deployment, rollout)
    also = given_up_turn(deployment, ports=ports)
    return Decided(after=deployment.with_rollout(skipped), entries=(entry,), also=also)


def _told(wave: PlannedWave) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": str(wave.kind), "nodes": wave.nodes, "bakeSeconds": wave.bake_seconds}
    if wave.bake_requests:
        told["bakeRequests"] = wave.bake_requests
    return told | ({"zone": wave.zone} if wave.zone else {})


def _ask_again(deployment: Deployment, assignment: Assignment | None, *, ports: Ports) -> Decided:
    rollout = deployment.current
    if rollout is None:
        raise PlanChanged("There is no rollout to ask about.")
    begun, asked, entries = begin(deployment, replace(rollout, fence=0), assignment, ports=ports)
    turn = ports.store.get(Turn, rollout.environment, deployment.module)
    changes: tuple[Change, ...] = asked
    if turn is not None and turn.position(deployment.id) is not None:
        changes = (*asked, Replace(give_up(turn, deployment.id)), *left_line(deployment.id, ports=ports))
    changed = Entry(
        type=EventType.PLAN_CHANGED,
        environment=rollout.environment,
        detail={"approved": rollout.plan_hash, "now": begun.plan_hash},
    )
    return Decided(after=deployment.with_rollout(begun), entries=(changed, *entries), also=changes)
