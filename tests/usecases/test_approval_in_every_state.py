"""What may be said to the approval of a deployment, in every state the deployment can be in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import AlreadyDecided, Conflict, NotFound
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.discuss_approval import comment_on_approval, withdraw_from_approval
from chalicelib.usecases.take_turn import supersede
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

GUS = Caller(name="gus", roles=frozenset({Role.APPROVER}))
Reached = tuple[Scene, Deployment]
HOUR_S = 3_600


def pending(approvers: int = 1) -> Reached:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True, approvers=approvers, expires_seconds=HOUR_S))
    runs_already(scene)
    return scene, scene.create()


def asked(approvers: int = 1) -> Reached:
    scene, deployment = pending(approvers)
    return scene, scene.run(deployment, until=lambda d: d.status is Status.PENDING_APPROVAL)


def half_agreed() -> Reached:
    scene, deployment = asked(approvers=2)
    return says_yes(scene, deployment)


def says_yes(scene: Scene, deployment: Deployment) -> Reached:
    decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)
    return scene, scene.now(deployment)


def agreed() -> Reached:
    return says_yes(*asked())


def queued() -> Reached:
    scene, _ = baking()
    second = scene.run(scene.create("3.0.0"), until=lambda d: d.status is Status.PENDING_APPROVAL)
    says_yes(scene, second)
    scene.settle()
    return scene, scene.now(second)


def deploying() -> Reached:
    scene, deployment = agreed()
    scene.settle()
    return scene, scene.now(deployment)


def baking() -> Reached:
    scene, deployment = agreed()
    return scene, scene.run(deployment, until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def paused() -> Reached:
    scene, deployment = baking()
    return scene, pause_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


def rolling_back() -> Reached:
    scene, deployment = baking()
    return scene, cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


def completed() -> Reached:
    scene, deployment = agreed()
    return scene, scene.run(deployment)


def rolled_back() -> Reached:
    scene, deployment = agreed()
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    return scene, scene.run(deployment)


def rollback_failed() -> Reached:
    scene, deployment = rolling_back()
    scene.nodes[0].cannot_start = {scene.digests["1.0.0"]}
    return scene, scene.run(deployment)


def failed() -> Reached:
    """Nobody has heard of its nodes for half an hour when its turn comes."""
    scene, deployment = asked()
    scene.clock.advance(seconds=HOUR_S // 2)
    says_yes(scene, deployment)
    scene.settle()
    return scene, scene.now(deployment)


def rejected() -> Reached:
    scene, deployment = asked()
    decide_approval(deployment.id, approved=False, reason="no", caller=ERIN, ports=scene.ports)
    return scene, scene.now(deployment)


def expired() -> Reached:
    scene, deployment = asked()
    scene.pass_time(HOUR_S + 1)
    return scene, scene.now(deployment)


def cancelled() -> Reached:
    scene, deployment = asked()
    return scene, cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


def superseded() -> Reached:
    scene, deployment = asked()
    return scene, supersede(deployment.id, by="the newer one", ports=scene.ports)


BEFORE: tuple[Callable[[], Reached], ...] = (pending,)
OPEN: tuple[Callable[[], Reached], ...] = (asked, half_agreed)
OVER: tuple[Callable[[], Reached], ...] = (
    *(agreed, queued, deploying, baking, paused, rolling_back, completed, rolled_back, rollback_failed),
    *(failed, rejected, expired, cancelled, superseded),
)
REACHED = {reach.__name__: reach for reach in (*BEFORE, *OPEN, *OVER)}


def _said(call: Callable[..., Approval], caller: Caller, **given: Any) -> Callable[[Reached], Approval]:
    return lambda reached: call(reached[1].id, caller=caller, ports=reached[0].ports, **given)


SAYINGS: dict[str, Callable[[Reached], Approval]] = {
    "approve": _said(decide_approval, GUS, approved=True, reason="fine"),
    "reject": _said(decide_approval, GUS, approved=False, reason="not now"),
    "withdraw": _said(withdraw_from_approval, ERIN, reason="second thoughts"),
    "comment": _said(comment_on_approval, DANA, text="which ticket?"),
}
EXPECTED: dict[tuple[str, str], type[Exception] | None] = {
    **{(reach.__name__, saying): NotFound for reach in BEFORE for saying in SAYINGS},
    **{(reach.__name__, saying): None for reach in OPEN for saying in SAYINGS},
    **{(reach.__name__, saying): AlreadyDecided for reach in OVER for saying in SAYINGS},
    ("asked", "withdraw"): Conflict,
}


@pytest.mark.parametrize("saying", SAYINGS)
@pytest.mark.parametrize("state", REACHED)
def test_each_word_to_an_approval_in_each_state_is_taken_or_refused_and_then_changes_nothing(
    state: str, saying: str
) -> None:
    scene, before = reached = REACHED[state]()
    expected = EXPECTED[state, saying]

    if expected is None:
        assert SAYINGS[saying](reached).deployment_id == before.id
        assert scene.now(before).event_seq > before.event_seq
        return
    approvals = scene.store.list(Approval, before.id)
    with pytest.raises(expected):
        SAYINGS[saying](reached)
    assert scene.now(before) == before
    assert scene.store.list(Approval, before.id) == approvals


def test_the_table_reaches_every_status_there_is() -> None:
    assert {reach()[1].status for reach in REACHED.values()} == set(Status)
