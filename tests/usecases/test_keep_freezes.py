"""Freezes at work: who waits, who is refused, who may pass, and that nobody is blocked meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.domain.deployment import Deployment, Kind, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Frozen
from chalicelib.domain.freeze import FreezeThen, FreezeWindow, Once, Verb
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.prices import Item
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.turn import Turn
from chalicelib.usecases.control_deployment import cancel_deployment, promote_deployment
from chalicelib.usecases.create_deployment import DeploymentRequest
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.plan_deployment import plan_deployment
from chalicelib.usecases.reconcile import reconcile
from tests.builders import MODULE
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT


def freeze(scene: Scene, *, begins_s: int, ends_s: int, **more: Any) -> FreezeWindow:
    """A window from so many seconds from now until so many; whole minutes."""
    now = datetime.fromtimestamp(scene.clock.policy_ms() // 1000, UTC)
    begins, ends = (f"{now + timedelta(seconds=s):%Y-%m-%dT%H:%M}" for s in (begins_s, ends_s))
    return FreezeWindow(name="year-end", once=Once(begins=begins, ends=ends), **more)


def frozen_scene(*, then: FreezeThen = FreezeThen.WAIT, seconds: int = 3_600, **policy: Any) -> Scene:
    """Development is frozen now, for about so long."""
    scene = a_scene()
    scene.set_policy(freezes=(freeze(scene, begins_s=-120, ends_s=seconds, then=then),), **policy)
    return scene


def phase(scene: Scene, deployment: Deployment) -> Phase:
    return scene.now(deployment).rollouts[0].phase


def asked(version: str = "2.0.0", **more: Any) -> DeploymentRequest:
    return DeploymentRequest(module=MODULE, version=version, target=DEV, **more)


def test_a_deployment_that_meets_a_freeze_waits_for_its_end_and_then_runs() -> None:
    scene = frozen_scene()
    plan = plan_deployment(asked(), caller=DANA, ports=scene.ports)
    deployment = scene.create()
    scene.settle()

    waiting = scene.now(deployment)
    rollout = waiting.rollouts[0]
    assert (waiting.status, rollout.phase) == (Status.QUEUED, Phase.FROZEN)
    assert rollout.message == "The freeze 'year-end' forbids to start; waiting for its end."
    run = scene.driver.runs[deployment.id]
    assert run.state == "AwaitApproval"
    assert run.due_ms == pytest.approx(rollout.frozen_until_ms, abs=1_000)
    done = scene.run(deployment, rounds=1_000)
    assert done.status is Status.COMPLETED
    assert scene.events(deployment).count("FreezeMet") == 1
    assert "FreezeOver" in scene.events(deployment)
    assert plan.refusals == ()
    assert len(run.passed) + 1 == plan.estimate.least[Item.STATE_TRANSITIONS]
    assert plan.environments[0].begins.earliest_ms == rollout.frozen_until_ms


def test_whoever_waits_for_a_freeze_holds_no_turn_and_can_be_cancelled() -> None:
    scene = frozen_scene()
    deployment = scene.create()
    scene.settle()

    turn = scene.store.get(Turn, DEV, MODULE)
    assert turn is None or turn.holder is None
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    assert scene.run(deployment).status is Status.CANCELLED


def test_a_freeze_that_is_lifted_lets_go_within_one_sweep() -> None:
    scene = frozen_scene()
    deployment = scene.create()
    scene.settle()
    scene.set_policy()

    reconcile(ports=scene.ports)

    assert scene.run(deployment).status is Status.COMPLETED


def test_a_freeze_that_is_put_later_holds_a_deployment_of_an_earlier_revision() -> None:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True))
    deployment = scene.create()
    scene.settle()
    scene.set_policy(freezes=(freeze(scene, begins_s=-120, ends_s=600),))

    decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    scene.settle()

    assert phase(scene, deployment) is Phase.FROZEN
    assert scene.run(deployment).status is Status.COMPLETED


@pytest.mark.parametrize(
    "policy", [{"then": FreezeThen.REFUSE}, {"freeze_wait_seconds": 60}], ids=["refuse", "too long"]
)
def test_a_request_that_a_freeze_refuses_is_refused_at_once_and_the_plan_says_so(policy: dict[str, Any]) -> None:
    scene = frozen_scene(**policy)

    plan = plan_deployment(asked(), caller=DANA, ports=scene.ports)
    with pytest.raises(Frozen) as refused:
        scene.create()

    assert refused.value.window == "year-end"
    assert [(refusal.code, refusal.environment) for refusal in plan.refusals] == [("FROZEN", DEV)]


def test_a_deployment_that_comes_to_a_refusing_freeze_later_ends_failed() -> None:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True))
    deployment = scene.create()
    scene.settle()
    scene.set_policy(freezes=(freeze(scene, begins_s=-120, ends_s=600, then=FreezeThen.REFUSE),))

    decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    done = scene.run(deployment)

    assert done.failure is not None
    assert (done.status, done.failure.code) == (Status.FAILED, "FROZEN")


def test_breaking_the_glass_needs_a_reason_and_a_second_person_and_is_told() -> None:
    scene = frozen_scene(then=FreezeThen.REFUSE)
    plan = plan_deployment(asked(break_glass_reason="fire"), caller=DANA, ports=scene.ports)

    deployment = scene.create(break_glass_reason="fire")
    scene.settle()

    gate = plan.environments[0].leg.gate
    assert gate is not None
    assert gate.why == "Breaking a freeze needs a second person."
    assert plan.refusals == ()
    assert phase(scene, deployment) is Phase.AWAITING_APPROVAL
    decide_approval(deployment.id, approved=True, reason="yes", caller=ERIN, ports=scene.ports)
    assert scene.run(deployment).status is Status.COMPLETED
    assert "FreezeBroken" in scene.events(deployment)


def test_a_rollback_passes_every_freeze() -> None:
    scene = frozen_scene(then=FreezeThen.REFUSE)
    runs_already(scene, "2.0.0")

    deployment = scene.run(scene.create("1.0.0", kind=Kind.ROLLBACK, only_target=True))

    assert deployment.status is Status.COMPLETED


def between_waves(then: FreezeThen) -> tuple[Scene, Deployment]:
    """The first of two waves bakes, and the next may not begin for ten minutes."""
    scene = a_scene()
    scene.set_policy(strategy=StrategySpec(kind=Strategy.ROLLING, batch=2, bake_seconds=30))
    deployment = scene.create()
    scene.run(deployment, until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    scene.set_policy(freezes=(freeze(scene, begins_s=-120, ends_s=600, verbs=(Verb.PROMOTE,), then=then),))
    return scene, deployment


def test_a_wave_that_may_not_be_followed_bakes_on_until_it_may() -> None:
    scene, deployment = between_waves(FreezeThen.WAIT)

    scene.run(deployment, until=lambda d: "FreezeMet" in scene.events(d))

    rollout = scene.now(deployment).rollouts[0]
    assert (rollout.phase, rollout.wave) == (Phase.BAKING, 0)
    with pytest.raises(Frozen):
        promote_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    assert scene.run(deployment).status is Status.COMPLETED


def test_a_wave_that_a_freeze_refuses_to_follow_up_pauses() -> None:
    scene, deployment = between_waves(FreezeThen.REFUSE)

    paused = scene.run(deployment, until=lambda d: d.status is Status.PAUSED)

    assert "year-end" in paused.rollouts[0].why


def test_during_a_freeze_of_approvals_nobody_approves_and_anybody_may_reject() -> None:
    scene = a_scene()
    window = freeze(scene, begins_s=-120, ends_s=600, verbs=(Verb.APPROVE,))
    scene.set_policy(approval=ApprovalPolicy(required=True), freezes=(window,))
    deployment = scene.create()
    scene.settle()

    with pytest.raises(Frozen):
        decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    decide_approval(deployment.id, approved=False, reason="", caller=ERIN, ports=scene.ports)

    assert scene.run(deployment).status is Status.REJECTED
