"""NextEnvironment: what runs the digest already is passed over, and people are asked once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import Deployment, Kind, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import DeploymentEnded
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.turn import Turn
from chalicelib.usecases.choose_environment import choose_environment
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.run_stage import build
from tests.builders import MODULE, an_assignment
from tests.fakes import FakeExecutions
from tests.usecases.scene import Scene, a_scene

DEV, QA = Environment.DEVELOPMENT, Environment.QA


def built(*, approval: bool = False, target: Environment = DEV, **more: Any) -> tuple[Scene, Deployment]:
    """A deployment that has been built and stands before its first environment."""
    scene = a_scene(nodes=0, executions=FakeExecutions())
    for environment in target.path():
        scene.set_policy(environment=environment, approval=ApprovalPolicy(required=approval, approvers=2))
    return scene, build(scene.create(target=target, **more).id, ports=scene.ports)


def runs(scene: Scene, environment: Environment, version: str) -> None:
    digest = scene.digests[version]
    stable = an_assignment(environment=environment, stable_digest=digest, stable_version=version)
    scene.store.commit(Add(stable))


def questions(scene: Scene, deployment: Deployment) -> tuple[Approval, ...]:
    found: tuple[Approval, ...] = scene.store.list(Approval, deployment.id)
    return found


def test_where_nobody_is_asked_the_deployment_goes_on_to_its_turn() -> None:
    scene, deployment = built()
    runs(scene, DEV, "1.0.0")

    rollout = choose_environment(deployment.id, ports=scene.ports)

    assert rollout is not None
    assert (rollout.phase, rollout.from_digest, rollout.from_version) == (
        Phase.AWAITING_TURN,
        scene.digests["1.0.0"],
        "1.0.0",
    )
    assert questions(scene, deployment) == ()


def test_an_environment_that_runs_the_digest_already_is_skipped_and_says_so() -> None:
    scene, deployment = built(target=QA)
    runs(scene, DEV, "2.0.0")

    rollout = choose_environment(deployment.id, ports=scene.ports)

    assert rollout is not None
    assert rollout.environment is QA
    skipped = scene.now(deployment).rollouts[0]
    assert (skipped.phase, skipped.message) == (Phase.SKIPPED, "2.0.0 runs here already.")
    assert scene.events(deployment)[-1] == "EnvironmentSkipped"


def test_when_every_environment_runs_it_already_there_is_nothing_left() -> None:
    scene, deployment = built(target=QA)
    for environment in (DEV, QA):
        runs(scene, environment, "2.0.0")

    assert choose_environment(deployment.id, ports=scene.ports) is None
    assert choose_environment(deployment.id, ports=scene.ports) is None

    assert scene.events(deployment).count("EnvironmentSkipped") == 2


def test_a_rollback_to_what_runs_already_is_carried_out_all_the_same() -> None:
    scene, deployment = built(kind=Kind.ROLLBACK, only_target=True, approval=True)
    runs(scene, DEV, "2.0.0")

    rollout = choose_environment(deployment.id, ports=scene.ports)

    assert rollout is not None
    assert rollout.phase is Phase.AWAITING_TURN


def test_people_are_asked_once_however_often_the_task_runs() -> None:
    scene, deployment = built(approval=True)

    for _ in range(3):
        choose_environment(deployment.id, ports=scene.ports)

    [question] = questions(scene, deployment)
    asking = scene.now(deployment)
    assert (asking.status, asking.rollouts[0].approval_id) == (Status.PENDING_APPROVAL, question.id)
    assert question.approvers_needed == 2
    assert question.expires_at_ms - question.requested_at_ms == 86_400_000
    assert scene.events(deployment).count("ApprovalRequested") == 1


@pytest.mark.parametrize(
    ("policy", "request_asks", "asked"),
    [(False, False, False), (False, True, True), (True, False, True), (True, True, True)],
)
def test_requiring_approval_adds_a_gate_and_not_requiring_it_removes_none(
    policy: bool, request_asks: bool, asked: bool
) -> None:
    scene, deployment = built(approval=policy, require_approval=request_asks)

    choose_environment(deployment.id, ports=scene.ports)

    assert bool(questions(scene, deployment)) is asked


def test_the_added_gate_stands_before_the_target_only() -> None:
    scene, deployment = built(target=QA, require_approval=True)

    choose_environment(deployment.id, ports=scene.ports)

    assert questions(scene, deployment) == ()


def test_a_deployment_that_ended_chooses_nothing() -> None:
    scene, deployment = built()
    scene.store.commit(Replace(replace(deployment, status=Status.CANCELLED, revision=deployment.revision + 1)))

    with pytest.raises(DeploymentEnded):
        choose_environment(deployment.id, ports=scene.ports)


def test_the_turn_of_an_environment_that_is_done_is_given_up_first() -> None:
    scene, deployment = built(target=QA)
    done = replace(deployment.rollouts[0], phase=Phase.PROMOTED)
    scene.store.commit(Replace(replace(deployment.with_rollout(done), revision=deployment.revision + 1)))
    scene.store.commit(Add(Turn(environment=DEV, module=MODULE, fence=1, holder=deployment.id)))

    rollout = choose_environment(deployment.id, ports=scene.ports)

    assert rollout is not None
    assert rollout.environment is QA
    assert scene.store.get(Turn, DEV, MODULE).holder is None
