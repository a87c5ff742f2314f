"""Answers of nodes: a report that shows an order carried out (or failed) settles what the node owes, once.

What a node runs *is* its answer, so a lost or repeated report changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.node import Member, ModuleReport, Node, Outcome, PendingNode
from chalicelib.domain.rollout import Phase, deploy_position, node_failed, restore_position
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.fail_silent_nodes import after_failures, wave_answered
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Change, Ports, Remove, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """One answer: the writes that keep it, and where it belongs. A node that `had_failed` before is not counted again."""

    deployment_id: str
    position: str
    outcome: Outcome
    node_name: str
    reason: str
    had_failed: bool
    changes: tuple[Change, ...]


def acknowledged(assignment: Assignment, member: Member | None, node: Node, *, ports: Ports) -> Acknowledged | None:
    """The answer this report gives to the order that is on, None when it owes none or has not carried it out yet."""
    if member is None or not assignment.position or member.position == assignment.position:
        return None
    restoring = assignment.position == restore_position(assignment.environment)
    outcome, reason = _outcome(assignment, member, node.report(assignment.module), restoring=restoring)
    if outcome is Outcome.PENDING:
        return None
    row = ports.store.get(PendingNode, member.deployment_id, assignment.position, node.id)
    if row is None:
        return None
    now = ports.clock.machine_ms()
    if restoring:
        answered = replace(member, restored=outcome, restore_reason=reason, restored_at_ms=now)
    else:
        answered = replace(member, deployed=outcome, deploy_reason=reason, deployed_at_ms=now)
    answered = replace(answered, position=assignment.position, revision=member.revision + 1)
    return Acknowledged(
        deployment_id=member.deployment_id,
        position=assignment.position,
        outcome=outcome,
        node_name=member.name,
        reason=reason,
        had_failed=member.deployed is Outcome.FAILED,
        changes=(Replace(answered), Remove(row)),
    )


def after_acknowledgement(answer: Acknowledged, *, ports: Ports) -> None:
    """What follows: a failure is counted and may end the wave; the last answer ends the wait."""
    counts = answer.outcome is Outcome.FAILED and not answer.had_failed
    if counts and not answer.position.endswith("#restore"):
        _count_failure(answer, ports=ports)
        return
    if ports.store.list(PendingNode, answer.deployment_id, answer.position, limit=1):
        return
    if answer.position.endswith("#restore"):
        finish_restore(answer.deployment_id, ports=ports)
        return

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.DEPLOYING or deploy_position(rollout) != answer.position:
            return None
        return wave_answered(deployment, rollout, ports=ports)

    change_deployment(answer.deployment_id, decide, ports=ports)


def _outcome(assignment: Assignment, member: Member, report: ModuleReport, *, restoring: bool) -> tuple[Outcome, str]:
    action = "activate"
    if restoring:
        owes = member.rank < assignment.touched_upto
        done = report.active == member.from_digest and report.healthy
        wanted = member.from_digest
    elif member.rank < assignment.wave_first:
        return Outcome.PENDING, ""
    elif member.rank < assignment.active_upto:
        owes, wanted = True, assignment.candidate_digest
        done = report.active == wanted and report.healthy
    else:
        # What failed to stage is still said in the first report after the order to switch: the action tells them apart.
        owes, wanted, action = member.rank < assignment.staged_upto, assignment.candidate_digest, "stage"
        done = wanted in report.staged or report.active == wanted
    if not owes or report.fence != assignment.fence:
        return Outcome.PENDING, ""
    if done:
        return Outcome.SUCCEEDED, ""
    ack = report.ack
    if ack is None or ack.succeeded or (ack.fence, ack.digest, ack.action) != (assignment.fence, wanted, action):
        return Outcome.PENDING, ""
    return Outcome.FAILED, ack.reason


def _count_failure(answer: Acknowledged, *, ports: Ports) -> None:
    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.DEPLOYING or deploy_position(rollout) != answer.position:
            return None
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        detail = {"nodes": [answer.node_name], "reason": answer.reason}
        entry = Entry(type=EventType.NODE_FAILED, environment=rollout.environment, wave=rollout.wave, detail=detail)
        left = ports.store.list(PendingNode, answer.deployment_id, answer.position, limit=1)
        return after_failures(
            deployment,
            node_failed(rollout),
            everybody_answered=not left,
            entries=(entry,),
            also=(),
            policy=policy,
            ports=ports,
        )

    change_deployment(answer.deployment_id, decide, ports=ports)
