"""Validate and complete: what the nodes themselves report must agree with what was promised."""

from __future__ import annotations

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.configuration import matches
from chalicelib.domain.deployment import Deployment, Failure, Stage, StageName, StageStatus, Status
from chalicelib.domain.edition import edition
from chalicelib.domain.errors import DeploymentEnded
from chalicelib.domain.hook import HookCall, HookPoint, HookStatus
from chalicelib.domain.node import Member, Node, NodeStatus, Outcome
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.ask_hook import hook_of_stage, with_hook_asked
from chalicelib.usecases.end_deployment import ended
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Decided, Entry, change_deployment


def validate(deployment_id: str, *, ports: Ports) -> Deployment:
    """Compare every environment on the path with its nodes' reports, ask the Validation hook, and complete.

    A node that took part, is alive and runs something else fails the stage and the deployment; silent nodes and nodes
    that joined meanwhile are only named: they heal themselves, since the digest stays what they are told to run.
    Where a hook is asked the deployment is returned as it waits; `validation_answered` goes on.

    Raises:
        DeploymentEnded: it ended another way meanwhile.
    """

    def decide(deployment: Deployment) -> Decided | None:
        if deployment.has_ended or deployment.current is not None or deployment.stage(StageName.VALIDATION) is not None:
            return None
        target = hook_of_stage(deployment.module, HookPoint.VALIDATION, ports=ports)
        wrong, _ = _compared(deployment, ports=ports)
        if target is None or wrong:
            return _validated(deployment, ports=ports)
        stage = Stage(name=StageName.VALIDATION, status=StageStatus.RUNNING, started_at_ms=ports.clock.policy_ms())
        after = deployment.become(Status.RUNNING).with_stage(stage)
        return with_hook_asked(Decided(after=after), HookPoint.VALIDATION, target, ports=ports)

    deployment = change_deployment(deployment_id, decide, ports=ports)
    if deployment.has_ended and deployment.status is not Status.COMPLETED:
        raise DeploymentEnded(str(deployment.status))
    return deployment


def validation_answered(deployment: Deployment, call: HookCall, *, ports: Ports) -> Decided:
    """What follows from the outcome of the Validation hook; the nodes are compared anew.

    A failure ends the deployment as Failed and leaves the version where it is: every wave of it was judged well, and
    what a user's check after the fact means is for the user to say (`rollback` takes it back).
    """
    return _validated(deployment, call, ports=ports)


def _validated(deployment: Deployment, call: HookCall | None = None, *, ports: Ports) -> Decided:
    waiting = deployment.stage(StageName.VALIDATION)
    now = ports.clock.policy_ms()
    wrong, behind = _compared(deployment, ports=ports)
    message = _message(deployment, wrong, behind)
    if call is not None:
        message = f"{message} {call.target}: {call.message or call.status}"
    failed = bool(wrong) or (call is not None and call.status is not HookStatus.SUCCEEDED)
    stage = Stage(
        name=StageName.VALIDATION,
        status=StageStatus.FAILED if failed else StageStatus.SUCCEEDED,
        started_at_ms=now if waiting is None else waiting.started_at_ms,
        ended_at_ms=now,
        message=message,
    )
    detail = {"stage": str(stage.name), "status": str(stage.status), "message": stage.message}
    entry = Entry(type=EventType.STAGE_ENDED, detail=detail)
    after = deployment.become(Status.RUNNING).with_stage(stage)
    if failed:
        failure = Failure(code="VALIDATION_FAILED", message=stage.message)
        return ended(after, Status.FAILED, failure=failure, entries=(entry,), ports=ports)
    return ended(after, Status.COMPLETED, entries=(entry,), ports=ports)


def _message(deployment: Deployment, wrong: list[str], behind: list[str]) -> str:
    if wrong:
        return f"Running something else than {deployment.version}: {', '.join(wrong)}."
    if behind:
        return f"Every node that took part runs {deployment.version}; still to follow: {', '.join(behind)}."
    return f"Every node reports {deployment.version}."


def _compared(deployment: Deployment, *, ports: Ports) -> tuple[list[str], list[str]]:
    """Nodes that took part and run something else, and nodes that have yet to follow; names, sorted."""
    wrong: list[str] = []
    behind: list[str] = []
    now = ports.clock.machine_ms()
    for rollout in deployment.rollouts:
        assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
        wanted = edition(deployment.digest, rollout.configuration)
        if assignment is None or assignment.stable != wanted:
            continue
        # Whoever had the turn next may be changing nodes already: those went on from here.
        gone_on = assignment.candidate if assignment.deployment_id not in (None, deployment.id) else None
        members = {m.node_id: m for m in ports.store.list(Member, deployment.id, rollout.environment)}
        for node in ports.store.list(Node, rollout.environment):
            elsewhere = node.status is NodeStatus.REMOVED or not matches(assignment.stable_runs_on, node.labels)
            active = node.report(deployment.module).active
            if elsewhere or active == wanted or (gone_on is not None and active == gone_on):
                continue
            member = members.get(node.id)
            took_part = member is not None and member.deployed is Outcome.SUCCEEDED
            (wrong if took_part and not node.is_silent(now) else behind).append(node.name)
    return sorted(wrong), sorted(behind)
