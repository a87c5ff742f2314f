"""A whole deployment with a crash at every single write: trying again and reconciling always reach the same end.

The crash is Unavailable, once before and once after the write was applied. The machine retries its step, a node sends
its report again, a caller asks again with the same key; nobody else helps but the reconciler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyDecided, Unavailable
from chalicelib.domain.hook import EVERY_MODULE, HookStatus, HookTarget, StageHooks
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage, audit_hash
from chalicelib.domain.turn import Turn
from chalicelib.usecases.answer_hook import answer_hook
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.reconcile import Reconciled, reconcile
from chalicelib.usecases.stage_hooks import change_hooks
from tests.builders import MODULE
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already, with_store
from tests.usecases.stores import CrashingStore

ROUNDS = 120
Prepare = Callable[[Scene], None]
Act = Callable[[Scene, Deployment], None]


ONE_BY_ONE = StrategySpec(kind=Strategy.ROLLING, batch=1, bake_seconds=5)
BLUE_GREEN = StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=5)


def nothing(_scene: Scene, _deployment: Deployment) -> None:
    """Nobody says anything."""


def approved(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE, approval=ApprovalPolicy(required=True))
    runs_already(scene)


def approve(scene: Scene, deployment: Deployment) -> None:
    if deployment.status is Status.PENDING_APPROVAL:
        decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)


def first_install(scene: Scene) -> None:
    scene.set_policy(strategy=BLUE_GREEN)


def one_cannot_start_it(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE)
    runs_already(scene)
    scene.nodes[1].cannot_start = {scene.digests["2.0.0"]}


def one_by_one(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE)
    runs_already(scene)


def behind_another_of_the_same_version(scene: Scene) -> None:
    scene.set_policy(strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=5))
    runs_already(scene)
    scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def asks_hooks(scene: Scene) -> None:
    target = HookTarget(url="https://ci.example.com/hotswap")
    hooks = StageHooks(scope=EVERY_MODULE, test=target, validation=target)
    change_hooks(hooks, caller=DANA, ports=scene.ports)
    scene.set_policy(strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=5), smoke=target)
    runs_already(scene)


def all_succeed(scene: Scene, _deployment: Deployment) -> None:
    """The user's program says the same to every call it was sent, however often it was sent it."""
    for order in orders(scene):
        answer_hook(order["id"], HookStatus.SUCCEEDED, "fine", ports=scene.ports)


def smoke_fails(scene: Scene, _deployment: Deployment) -> None:
    for order in orders(scene):
        status = HookStatus.FAILED if order["body"]["point"] == "Smoke" else HookStatus.SUCCEEDED
        answer_hook(order["id"], status, "", ports=scene.ports)


def orders(scene: Scene) -> list[dict[str, Any]]:
    return list(scene.ports.calls.ordered)  # type: ignore[attr-defined]


def cancel(scene: Scene, deployment: Deployment) -> None:
    current = deployment.current
    if current is not None and current.phase is Phase.BAKING and current.wave == 0:
        cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)


STORIES: dict[str, tuple[Prepare, Act, Status]] = {
    "approved, one node after the other": (approved, approve, Status.COMPLETED),
    "blue-green onto empty nodes": (first_install, nothing, Status.COMPLETED),
    "a node that cannot start it": (one_cannot_start_it, nothing, Status.ROLLED_BACK),
    "passed over when its turn comes": (behind_another_of_the_same_version, nothing, Status.COMPLETED),
    "every hook is asked and succeeds": (asks_hooks, all_succeed, Status.COMPLETED),
    "its smoke hook fails": (asks_hooks, smoke_fails, Status.ROLLED_BACK),
    "cancelled while the first wave bakes": (one_by_one, cancel, Status.CANCELLED),
}


def play(story: str, *, at: int, applied: bool) -> tuple[Scene, Deployment, CrashingStore]:
    """The story with a crash at its n-th write, to the end and two passes of the reconciler beyond."""
    prepare, act, _ = STORIES[story]
    scene = a_scene(nodes=2)
    prepare(scene)
    store = CrashingStore(scene.store, at=at, applied=applied)
    with_store(scene, store)
    deployment = again(lambda: scene.create(idempotency_key="k"))
    for _ in range(ROUNDS):
        scene.settle()
        deployment = scene.now(deployment)
        again(lambda now=deployment: act(scene, now))
        scene.pass_time(5)
        reconciled = again(lambda: reconcile(ports=scene.ports))
        if deployment.has_ended and reconciled == Reconciled():
            break
    return scene, scene.now(deployment), store


def again(do: Callable[[], Any]) -> Any:
    """What a caller does who got no answer: the same once more."""
    try:
        return do()
    except Unavailable:
        try:
            return do()
        except AlreadyDecided:
            return None


@pytest.mark.parametrize("applied", [False, True], ids=["before the write", "after the write"])
@pytest.mark.parametrize("story", STORIES)
def test_a_crash_at_any_write_changes_nothing_about_the_end(story: str, applied: bool) -> None:
    undisturbed, expected, store = play(story, at=10**9, applied=applied)
    assert expected.status is STORIES[story][2]

    for at in range(1, store.writes + 1):
        scene, deployment, crashing = play(story, at=at, applied=applied)
        where = f"crash at write {at} of {store.writes}: {scene.events(deployment)} {deployment}"

        assert crashing.has_crashed, where
        assert deployment.status is expected.status, where
        assert [node.active for node in scene.nodes] == [node.active for node in undisturbed.nodes], where
        assert [node.ran for node in scene.nodes] == [node.ran for node in undisturbed.nodes], where
        assert_everything_is_in_order(scene, deployment, where)


def assert_everything_is_in_order(scene: Scene, deployment: Deployment, where: str) -> None:
    """Nothing is left open, nothing is missing from the timeline, and the audit chain holds."""
    turn = scene.store.get(Turn, Environment.DEVELOPMENT, MODULE)
    assignment = scene.assignment()
    assert turn is None or turn.position(deployment.id) is None, where
    assert assignment is None or not assignment.is_changing, where
    assert not scene.store.page(OutboxMessage, "open", "OUTBOX", limit=1).records, where
    assert not any(call.is_pending for call in deployment.hooks), where
    assert not any(scene.driver.is_running(name) for name in scene.driver.runs), where
    assert all(a.status is not ApprovalStatus.PENDING for a in scene.store.list(Approval, deployment.id)), where
    events = scene.store.list(Event, deployment.id)
    assert [event.seq for event in events] == list(range(1, deployment.event_seq + 1)), where
    previous = ""
    for event, audit in zip(events, scene.store.list(AuditRecord, deployment.id), strict=True):
        assert (audit.action, audit.previous_hash, audit.hash) == (event.type, previous, audit_hash(audit)), where
        previous = audit.hash
