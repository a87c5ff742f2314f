"""PlanWaves: who takes part is frozen, and what was approved is what happens."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.approval import Approval
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import DeploymentEnded, PlanChanged
from chalicelib.domain.node import Member, ModuleReport, Node, NodeStatus
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.domain.turn import Turn
from chalicelib.usecases.choose_environment import choose_environment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.plan_rollout import plan_rollout
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.quarantines import release_quarantine
from chalicelib.usecases.run_stage import build
from chalicelib.usecases.take_turn import take_turn
from tests.builders import MODULE, OLD_DIGEST, an_assignment
from tests.fakes import FakeExecutions
from tests.usecases.scene import ERIN, Scene, a_node_in, a_scene, runs_already, with_store
from tests.usecases.stores import InterruptedStore

DEV = Environment.DEVELOPMENT


def with_its_turn(scene: Scene, *, approval: bool = False) -> Deployment:
    """A deployment that holds the turn and has no plan yet."""
    scene.set_policy(approval=ApprovalPolicy(required=approval))
    deployment = scene.create()
    build(deployment.id, ports=scene.ports)
    choose_environment(deployment.id, ports=scene.ports)
    if approval:
        approve(scene, deployment)
    return take_turn(deployment.id, ports=scene.ports)


def approve(scene: Scene, deployment: Deployment) -> None:
    decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=scene.ports)


def current(deployment: Deployment) -> Rollout:
    assert deployment.current is not None
    return deployment.current


def by_hand(**others: object) -> Scene:
    """A scene whose machine does nothing by itself."""
    return a_scene(executions=FakeExecutions(), **others)  # type: ignore[arg-type]


def members(scene: Scene, deployment: Deployment) -> dict[str, Member]:
    return {member.name: member for member in scene.store.list(Member, deployment.id, DEV)}


def change_node(scene: Scene, number: int, **changes: object) -> None:
    node = scene.store.get(Node, DEV, scene.nodes[number].id)
    scene.store.commit(Replace(replace(node, revision=node.revision + 1, **changes)))


def test_every_node_that_is_alive_and_active_takes_part_with_what_it_runs_now() -> None:
    scene = by_hand(nodes=4)
    runs_already(scene)
    change_node(scene, 1, status=NodeStatus.CORDONED)
    change_node(scene, 2, last_heartbeat_ms=0)

    planned = plan_rollout(with_its_turn(scene).id, ports=scene.ports)

    frozen = members(scene, planned)
    assert {name: (m.rank, m.from_edition) for name, m in frozen.items()} == {
        "node-00": (0, scene.digests["1.0.0"]),
        "node-03": (1, scene.digests["1.0.0"]),
    }
    assert (current(planned).fleet, current(planned).from_version) == (2, "1.0.0")


def test_a_node_that_joins_after_the_plan_does_not_take_part() -> None:
    scene = by_hand()
    planned = plan_rollout(with_its_turn(scene).id, ports=scene.ports)
    a_node_in(DEV, 9, ports=scene.ports)

    again = plan_rollout(planned.id, ports=scene.ports)

    assert again == planned
    assert len(members(scene, planned)) == 3


def test_an_environment_without_nodes_fails_the_deployment_and_gives_the_turn_back() -> None:
    scene = by_hand(nodes=0)
    deployment = with_its_turn(scene)

    with pytest.raises(DeploymentEnded):
        plan_rollout(deployment.id, ports=scene.ports)

    ended = scene.now(deployment)
    assert ended.failure is not None
    assert (ended.status, ended.failure.code) == (Status.FAILED, "NO_NODES")
    assert scene.store.get(Turn, DEV, MODULE).holder is None


def test_numbers_that_cannot_move_this_fleet_fail_the_deployment() -> None:
    scene = by_hand()
    deployment = with_its_turn(scene)
    policy = scene.set_policy(strategy=StrategySpec(kind=Strategy.ROLLING, minimum_healthy=3))
    changed = replace(current(deployment), policy_revision=policy.revision)
    stored = replace(deployment.with_rollout(changed), revision=deployment.revision + 1)
    scene.store.commit(Replace(stored))

    with pytest.raises(DeploymentEnded):
        plan_rollout(deployment.id, ports=scene.ports)

    failure = scene.now(deployment).failure
    assert failure is not None
    assert failure.code == "PLAN_IMPOSSIBLE"
    assert "minimumHealthy" in failure.message


def with_another_stable_digest(scene: Scene) -> Deployment:
    """Approved, holding the turn, and meanwhile the environment runs something else than the approver was shown."""
    deployment = with_its_turn(scene, approval=True)
    scene.store.commit(Add(an_assignment(environment=DEV, stable_digest=OLD_DIGEST)))
    return deployment


def test_another_plan_than_the_approved_one_gives_the_turn_back_and_asks_again() -> None:
    scene = by_hand()
    deployment = with_another_stable_digest(scene)

    with pytest.raises(PlanChanged):
        plan_rollout(deployment.id, ports=scene.ports)

    asking = scene.now(deployment)
    assert (asking.status, current(asking).fence) == (Status.PENDING_APPROVAL, 0)
    assert scene.store.get(Turn, DEV, MODULE).holder is None
    asked = scene.store.list(Approval, deployment.id)
    assert len({approval.plan_hash for approval in asked}) == len(asked) == 2
    assert scene.events(deployment)[-2:] == ["PlanChanged", "ApprovalRequested"]


def test_whoever_is_next_gets_the_turn_that_was_given_back() -> None:
    scene = by_hand()
    deployment = with_another_stable_digest(scene)
    following = with_its_turn(scene)

    with pytest.raises(PlanChanged):
        plan_rollout(deployment.id, ports=scene.ports)

    assert current(scene.now(following)).fence == 2


@pytest.mark.parametrize("answered", [False, True], ids=["still asked", "approved meanwhile"])
def test_a_repeated_task_never_plans_without_the_turn(answered: bool) -> None:
    scene = by_hand()
    deployment = with_another_stable_digest(scene)
    with pytest.raises(PlanChanged):
        plan_rollout(deployment.id, ports=scene.ports)
    if answered:
        approve(scene, deployment)

    with pytest.raises(PlanChanged):
        plan_rollout(deployment.id, ports=scene.ports)

    assert current(scene.now(deployment)).waves == ()


def test_a_changed_plan_that_is_approved_again_is_carried_out() -> None:
    scene = by_hand()
    deployment = with_another_stable_digest(scene)
    with pytest.raises(PlanChanged):
        plan_rollout(deployment.id, ports=scene.ports)
    approve(scene, deployment)
    take_turn(deployment.id, ports=scene.ports)

    planned = plan_rollout(deployment.id, ports=scene.ports)

    assert (current(planned).fence, current(planned).from_digest) == (2, OLD_DIGEST)


def test_a_plan_nobody_had_to_approve_may_change_until_it_is_made() -> None:
    scene = by_hand()
    deployment = with_its_turn(scene)
    scene.store.commit(Add(an_assignment(environment=DEV)))

    planned = plan_rollout(deployment.id, ports=scene.ports)

    assert (current(planned).phase, current(planned).from_digest) == (Phase.AWAITING_TURN, OLD_DIGEST)


@pytest.mark.parametrize("status", [NodeStatus.CORDONED, NodeStatus.DRAINING, NodeStatus.REMOVED])
def test_whoever_has_left_since_an_earlier_plan_is_not_in_the_membership_of_the_next(status: NodeStatus) -> None:
    scene = by_hand()
    deployment = with_another_stable_digest(scene)
    with pytest.raises(PlanChanged):
        plan_rollout(deployment.id, ports=scene.ports)
    change_node(scene, 0, status=status)
    approve(scene, deployment)
    take_turn(deployment.id, ports=scene.ports)

    plan_rollout(deployment.id, ports=scene.ports)

    assert {name: each.rank for name, each in members(scene, deployment).items()} == {"node-01": 0, "node-02": 1}


def test_a_membership_of_any_size_is_written_whole() -> None:
    scene = by_hand(nodes=120)
    deployment = with_its_turn(scene)

    planned = plan_rollout(deployment.id, ports=scene.ports)

    assert sorted(m.rank for m in members(scene, planned).values()) == list(range(120))


def test_a_task_that_was_overtaken_does_not_freeze_the_membership_anew() -> None:
    scene = by_hand()
    runs_already(scene)
    deployment = with_its_turn(scene)

    def meanwhile() -> None:
        other = replace(scene.ports, store=scene.store)
        plan_rollout(deployment.id, ports=other)
        for number in range(3):
            change_node(scene, number, modules=(ModuleReport(module=MODULE, active=scene.digests["2.0.0"]),))

    store = InterruptedStore(scene.store, call="list", meanwhile=meanwhile, when=lambda kind, *_: kind is Node)
    with_store(scene, store)

    plan_rollout(deployment.id, ports=scene.ports)

    assert store.interrupted
    assert {m.from_edition for m in members(scene, deployment).values()} == {scene.digests["1.0.0"]}


def test_what_was_put_in_quarantine_while_it_stood_in_line_ends_before_it_touches_a_node_and_hands_the_turn_on() -> (
    None
):
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    bad, same, good = scene.create(), scene.create(), scene.create("3.0.0")
    scene.settle()

    ended = [scene.run(each) for each in (bad, same, good)]

    assert [each.status for each in ended] == [Status.ROLLED_BACK, Status.FAILED, Status.COMPLETED]
    failure = ended[1].failure
    assert failure is not None
    assert failure.code == "QUARANTINED"
    assert failure.message.startswith("2.0.0 was rolled back in Development and is in quarantine there: ")
    assert not {"PlanMade", "WaveStarted"} & set(scene.events(same))
    assert {node.active for node in scene.nodes} == {scene.digests["3.0.0"]}


def test_what_was_released_from_quarantine_meanwhile_gets_its_turn() -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}
    bad, same = scene.create(), scene.create()
    scene.settle()
    scene.nodes[0].beat()
    assert scene.now(bad).status is Status.ROLLING_BACK
    scene.nodes[0].cannot_start = set()

    release_quarantine(MODULE, DEV, "2.0.0", reason="the disk was full", caller=ERIN, ports=scene.ports)

    assert scene.run(same).status is Status.COMPLETED
    assert scene.now(bad).status is Status.ROLLED_BACK
