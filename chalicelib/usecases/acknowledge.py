"""Answers of nodes: a report that shows an order carried out (or failed) settles what the node owes, once.

What a node runs *is* its answer, so a lost or repeated report changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from chalicelib.domain.assignment import Assignment, desired_for
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.node import Member, ModuleReport, Node, Outcome, PendingNode
from chalicelib.domain.rollout import Phase, deploy_position, restore_position
from chalicelib.usecases.fail_silent_nodes import answers_counted
from chalicelib.usecases.finish_restore import finish_restore
from chalicelib.usecases.ports import Change, Ports, Remove, Replace
from chalicelib.usecases.recording import Decided, change_deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged:
    """One answer: the writes that keep it, and where it belongs."""

    deployment_id: str
    correlation_id: str
    module: str
    position: str
    outcome: Outcome
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
        correlation_id=assignment.correlation_id,
        module=assignment.module,
        position=assignment.position,
        outcome=outcome,
        changes=(Replace(answered), Remove(row)),
    )


def after_acknowledgement(answer: Acknowledged, *, ports: Ports) -> None:
    """What follows: failures are counted and may end the wave; the last answer ends the wait."""
    restoring = answer.position.endswith("#restore")
    last = not ports.store.list(PendingNode, answer.deployment_id, answer.position, limit=1)
    if restoring:
        if last:
            finish_restore(answer.deployment_id, ports=ports)
        return
    if not last and answer.outcome is not Outcome.FAILED:
        return

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if rollout is None or rollout.phase is not Phase.DEPLOYING or deploy_position(rollout) != answer.position:
            return None
        members = ports.store.list(Member, deployment.id, rollout.environment)
        left = ports.store.list(PendingNode, answer.deployment_id, answer.position, limit=1)
        return answers_counted(deployment, rollout, members, everybody_answered=not left, ports=ports)

    change_deployment(answer.deployment_id, decide, ports=ports)


def _outcome(assignment: Assignment, member: Member, report: ModuleReport, *, restoring: bool) -> tuple[Outcome, str]:
    action = "activate"
    if assignment.by_weight:
        return _outcome_by_weight(assignment, member, report, restoring=restoring)
    if restoring:
        owes = member.rank < assignment.touched_upto
        done = report.active == member.from_edition and report.healthy
        wanted = member.from_edition
    elif member.rank < assignment.wave_first:
        return Outcome.PENDING, ""
    elif member.rank < assignment.active_upto:
        owes, wanted = True, assignment.candidate
        done = report.active == wanted and report.healthy
    else:
        # What failed to stage is still said in the first report after the order to switch: the action tells them apart.
        owes, wanted, action = member.rank < assignment.staged_upto, assignment.candidate, "stage"
        done = wanted in report.staged or report.active == wanted
    if not owes or report.fence != assignment.fence:
        return Outcome.PENDING, ""
    return _judged(assignment, report, done=done, wanted=wanted, action=action)


def _outcome_by_weight(
    assignment: Assignment, member: Member, report: ModuleReport, *, restoring: bool
) -> tuple[Outcome, str]:
    """The alias as it was read back after it was moved is the answer."""
    if report.fence != assignment.fence:
        return Outcome.PENDING, ""
    done = desired_for(assignment, member, now_ms=0).is_met_by(report) and report.healthy
    staging = not restoring and not assignment.active_upto
    wanted = member.from_edition if restoring else assignment.candidate
    return _judged(assignment, report, done=done, wanted=wanted, action="stage" if staging else "activate")


def _judged(
    assignment: Assignment, report: ModuleReport, *, done: bool, wanted: str | None, action: str
) -> tuple[Outcome, str]:
    if done:
        return Outcome.SUCCEEDED, ""
    ack = report.ack
    if ack is None or ack.succeeded or (ack.fence, ack.digest, ack.action) != (assignment.fence, wanted, action):
        return Outcome.PENDING, ""
    return Outcome.FAILED, ack.reason
