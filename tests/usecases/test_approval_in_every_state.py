"""What may be said to the approval of a deployment, in every state the deployment can be in."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import Status
from chalicelib.domain.errors import AlreadyDecided, Conflict, NotFound
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.discuss_approval import comment_on_approval, withdraw_from_approval
from chalicelib.usecases.take_turn import supersede
from tests.usecases.scene import DANA, ERIN
from tests.usecases.states import (
    HOUR_S,
    Reached,
    Start,
    agreed,
    asked,
    baking,
    cancelled,
    cancelling,
    completed,
    deploying,
    expired,
    paused,
    pending_before_a_gate,
    rejected,
    rollback_failed,
    says_yes,
)

GUS = Caller(name="gus", roles=frozenset({Role.APPROVER}))


def half_agreed() -> Reached:
    return says_yes(*asked(approvers=2))


def queued() -> Reached:
    scene, _ = baking(agreed)
    second = scene.run(scene.create("3.0.0"), until=lambda d: d.status is Status.PENDING_APPROVAL)
    says_yes(scene, second)
    scene.settle()
    return scene, scene.now(second)


def rolled_back() -> Reached:
    scene, deployment = agreed()
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    return scene, scene.run(deployment)


def failed() -> Reached:
    """Nobody has heard of its nodes for half an hour when its turn comes."""
    scene, deployment = asked()
    scene.clock.advance(seconds=HOUR_S // 2)
    says_yes(scene, deployment)
    scene.settle()
    return scene, scene.now(deployment)


def superseded() -> Reached:
    scene, deployment = asked()
    return scene, supersede(deployment.id, by="the newer one", ports=scene.ports)


BEFORE: dict[str, Start] = {"pending": pending_before_a_gate}
OPEN: dict[str, Start] = {"asked": asked, "half agreed": half_agreed}
OVER: dict[str, Start] = {
    "agreed": agreed,
    "queued": queued,
    "deploying": partial(deploying, agreed),
    "baking": partial(baking, agreed),
    "paused": partial(paused, agreed),
    "rolling back": partial(cancelling, agreed),
    "completed": partial(completed, agreed),
    "rolled back": rolled_back,
    "rollback failed": partial(rollback_failed, agreed),
    "failed": failed,
    "rejected": rejected,
    "expired": expired,
    "cancelled": partial(cancelled, asked),
    "superseded": superseded,
}
REACHED = BEFORE | OPEN | OVER


def _said(call: Callable[..., Approval], caller: Caller, **given: Any) -> Callable[[Reached], Approval]:
    return lambda reached: call(reached[1].id, caller=caller, ports=reached[0].ports, **given)


SAYINGS: dict[str, Callable[[Reached], Approval]] = {
    "approve": _said(decide_approval, GUS, approved=True, reason="fine"),
    "reject": _said(decide_approval, GUS, approved=False, reason="not now"),
    "withdraw": _said(withdraw_from_approval, ERIN, reason="second thoughts"),
    "comment": _said(comment_on_approval, DANA, text="which ticket?"),
}
EXPECTED: dict[tuple[str, str], type[Exception] | None] = {
    **{(state, saying): NotFound for state in BEFORE for saying in SAYINGS},
    **{(state, saying): None for state in OPEN for saying in SAYINGS},
    **{(state, saying): AlreadyDecided for state in OVER for saying in SAYINGS},
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
