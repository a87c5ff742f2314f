"""Validate and complete: what the nodes themselves report must agree with what was promised."""

from __future__ import annotations

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.configuration import matches
from chalicelib.domain.deployment import Deployment, Failure, Stage, StageName, StageStatus, Status
from chalicelib.domain.edition import edition
from chalicelib.domain.errors import DeploymentEnded
from chalicelib.domain.node import Member, Node, NodeStatus, Outcome
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.end_deployment import ended
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Decided, Entry, change_deployment


def validate(deployment_id: str, *, ports: Ports) -> Deployment:
    """Compare every environment on the path with its nodes' reports, write the Validation stage, and complete.

    A node that took part, is alive and runs something else fails the stage and the deployment; silent nodes and nodes
    that joined meanwhile are only named: they heal themselves, since the digest stays what they are told to run.

    Raises:
        DeploymentEnded: it ended another way meanwhile.
    """
    started = ports.clock.policy_ms()

    def decide(deployment: Deployment) -> Decided | None:
        if deployment.has_ended or deployment.current is not None:
            return None
        wrong, behind = _compared(deployment, ports=ports)
        stage = Stage(
            name=StageName.VALIDATION,
            status=StageStatus.FAILED if wrong else StageStatus.SUCCEEDED,
            started_at_ms=started,
            ended_at_ms=ports.clock.policy_ms(),
            message=_message(deployment, wrong, behind),
        )
        detail = {"stage": str(stage.name), "status": str(stage.status), "message": stage.message}
        entry = Entry(type=EventType.STAGE_ENDED, detail=detail)
        after = deployment.become(Status.RUNNING).with_stage(stage)
        if wrong:
            failure = Failure(code="VALIDATION_FAILED", message=stage.message)
            return ended(after, Status.FAILED, failure=failure, entries=(entry,), ports=ports)
        return ended(after, Status.COMPLETED, entries=(entry,), ports=ports)

    deployment = change_deployment(deployment_id, decide, ports=ports)
    if deployment.status is not Status.COMPLETED:
        raise DeploymentEnded(str(deployment.status))
    return deployment


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
        members = {m.node_id: m for m in ports.store.list(Member, deployment.id, rollout.environment)}
        for node in ports.store.list(Node, rollout.environment):
            elsewhere = node.status is NodeStatus.REMOVED or not matches(assignment.stable_runs_on, node.labels)
            if elsewhere or node.report(deployment.module).active == wanted:
                continue
            member = members.get(node.id)
            took_part = member is not None and member.deployed is Outcome.SUCCEEDED
            (wrong if took_part and not node.is_silent(now) else behind).append(node.name)
    return sorted(wrong), sorted(behind)
