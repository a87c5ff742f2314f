"""What runs already is passed over, unless somebody in front is about to change that; then it is decided at the turn."""

from __future__ import annotations

import pytest

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Frozen, TurnTaken
from chalicelib.domain.freeze import FreezeThen, FreezeWindow, Weekday, Weekly
from chalicelib.domain.policy import ApprovalPolicy, Concurrency
from chalicelib.domain.rollout import Phase
from chalicelib.domain.turn import Turn
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.create_deployment import DeploymentRequest
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.plan_deployment import plan_deployment
from tests.builders import MODULE
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT


def while_2_bakes(**policy: object) -> tuple[Scene, Deployment]:
    """1.0.0 runs everywhere, and 2.0.0 is on its way."""
    scene = a_scene()
    scene.set_policy(**policy)
    runs_already(scene)
    return scene, scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def test_behind_a_deployment_that_succeeds_it_brings_back_what_ran_when_it_was_asked_for() -> None:
    scene, first = while_2_bakes()

    second = scene.create("1.0.0", allow_downgrade=True)
    done = scene.run(second)

    assert scene.now(first).status is Status.COMPLETED
    assert (done.status, done.rollouts[0].phase) == (Status.COMPLETED, Phase.PROMOTED)
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}


def test_behind_a_deployment_that_is_taken_back_there_is_nothing_to_do_and_the_next_one_gets_the_turn() -> None:
    scene, first = while_2_bakes()
    second = scene.create("1.0.0", allow_downgrade=True)
    scene.run(second, until=lambda d: d.status is Status.QUEUED)
    third = scene.create("3.0.0")
    scene.settle()

    cancel_deployment(first.id, reason="", caller=DANA, ports=scene.ports)
    done = scene.run(second)

    assert (done.status, done.rollouts[0].phase) == (Status.COMPLETED, Phase.SKIPPED)
    assert done.rollouts[0].message == "1.0.0 runs here already."
    assert scene.events(second).count("EnvironmentSkipped") == 1
    assert "WaveStarted" not in scene.events(second)
    assert scene.run(third).status is Status.COMPLETED
    assert scene.store.get(Turn, DEV, MODULE).holder is None


def test_two_requests_for_the_same_version_change_the_nodes_once() -> None:
    scene, first = while_2_bakes()

    second = scene.run(scene.create())

    assert scene.now(first).status is Status.COMPLETED
    assert (second.status, second.rollouts[0].phase) == (Status.COMPLETED, Phase.SKIPPED)
    assert all(node.ran == [scene.digests["1.0.0"], scene.digests["2.0.0"]] for node in scene.nodes)


def test_what_was_approved_and_turns_out_to_run_already_is_not_asked_again() -> None:
    scene, _ = while_2_bakes()
    scene.set_policy(approval=ApprovalPolicy(required=True))
    second = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)

    decide_approval(second.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    done = scene.run(second)

    assert (done.status, done.rollouts[0].phase) == (Status.COMPLETED, Phase.SKIPPED)
    assert scene.events(second).count("ApprovalRequested") == 1


def test_a_policy_that_rejects_refuses_it_as_it_refuses_any_other_while_the_turn_is_taken() -> None:
    scene, first = while_2_bakes(concurrency=Concurrency.REJECT)

    with pytest.raises(TurnTaken) as refused:
        scene.create("1.0.0", allow_downgrade=True)

    assert refused.value.holder == first.id


def test_a_freeze_that_refuses_refuses_it_too_for_it_may_have_to_change_something() -> None:
    scene, first = while_2_bakes()
    closed = FreezeWindow(name="always", then=FreezeThen.REFUSE, weekly=Weekly(days=tuple(Weekday)))
    scene.set_policy(freezes=(closed,))

    with pytest.raises(Frozen):
        scene.create("1.0.0", allow_downgrade=True)

    cancel_deployment(first.id, reason="", caller=DANA, ports=scene.ports)
    scene.run(first)
    assert scene.run(scene.create("1.0.0")).rollouts[0].phase is Phase.SKIPPED


def test_the_dry_run_says_whom_it_depends_on() -> None:
    scene, first = while_2_bakes()
    request = DeploymentRequest(module=MODULE, version="1.0.0", target=DEV, allow_downgrade=True)

    [times] = plan_deployment(request, caller=DANA, ports=scene.ports).environments

    assert times.leg.plan is not None
    assert times.leg.queued_behind == first.id
    assert times.leg.why.startswith(f"1.0.0 runs here already. {first.id} has the turn and may change that")
