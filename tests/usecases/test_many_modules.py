"""One report of a node may settle very many modules; a transaction holds a hundred writes, and nothing is lost by that."""

from __future__ import annotations

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.node import Ack, Member, ModuleReport, Node, Outcome
from chalicelib.domain.node_history import DRIFT_AFTER_MS, NodeChange
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Strategy, StrategySpec
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.report_heartbeat import MOST_ANSWERS, Heartbeat, HeartbeatAnswer, report_heartbeat
from tests.usecases.scene import DANA, Scene, a_scene, register

DEV = Environment.DEVELOPMENT
MOST_MODULES = 64
"""What one report may name; docs/contracts/node-protocol.md."""
MODULES = [f"module-{number:02d}" for number in range(MOST_MODULES)]


def all_going_out() -> tuple[Scene, dict[str, Deployment]]:
    """One node, and every module it can report on waits for its answer."""
    scene = a_scene(nodes=1)
    scene.set_policy(strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=5))
    deployments = {}
    for module in MODULES:
        register("1.0.0", module=module, ports=scene.ports)
        request = DeploymentRequest(module=module, version="1.0.0", target=DEV)
        deployments[module] = create_deployment(request, caller=DANA, ports=scene.ports)
        scene.settle()
    assert all(scene.now(each).rollouts[0].phase is Phase.DEPLOYING for each in deployments.values())
    return scene, deployments


def says(scene: Scene, *reports: ModuleReport) -> HeartbeatAnswer:
    node = scene.nodes[0]
    node.interval += 1
    heartbeat = Heartbeat(interval=node.interval, kernel_version="test", modules=reports)
    return report_heartbeat(node.id, "h" * 64, heartbeat, ports=scene.ports)


def carried_out(scene: Scene) -> list[ModuleReport]:
    """What a node says that has done everything it was told."""
    return [
        ModuleReport(module=each.module, fence=each.fence, active=each.candidate or each.stable)
        for each in scene.store.list(Assignment, DEV)
    ]


def settled(scene: Scene, deployments: dict[str, Deployment]) -> list[Outcome]:
    node = scene.nodes[0].id
    members = [scene.store.get(Member, each.id, DEV, node) for each in deployments.values()]
    return [member.deployed for member in members if member.deployed is not Outcome.PENDING]


def test_a_report_settles_as_many_modules_as_a_transaction_holds_and_the_next_one_the_rest() -> None:
    scene, deployments = all_going_out()

    says(scene, *carried_out(scene))
    first = len(settled(scene, deployments))
    says(scene, *carried_out(scene))

    assert (first, len(settled(scene, deployments))) == (MOST_ANSWERS, MOST_MODULES)
    assert max(len(changes) for changes in scene.store.commits) <= 100
    assert {scene.now(each).rollouts[0].phase for each in deployments.values()} == {Phase.BAKING}
    scene.clock.advance(seconds=5)
    scene.driver.time_out()
    scene.settle()
    assert {scene.now(each).status for each in deployments.values()} == {Status.COMPLETED}
    assert [wanted.module for wanted in says(scene, *carried_out(scene)).wanted] == MODULES


def test_as_many_failures_in_one_report_take_every_one_of_them_back() -> None:
    scene, deployments = all_going_out()
    failed = [
        ModuleReport(
            module=each.module,
            fence=each.fence,
            ack=Ack(fence=each.fence, digest=each.candidate or "", action="activate", succeeded=False, reason="FULL"),
        )
        for each in scene.store.list(Assignment, DEV)
    ]

    for _ in range(4):
        says(scene, *failed)
        scene.settle()

    assert {scene.now(each).status for each in deployments.values()} == {Status.ROLLED_BACK}


def test_a_node_that_drifts_and_heals_on_every_module_at_once_has_one_entry_of_each_in_its_history() -> None:
    scene, _ = all_going_out()
    for _ in range(2):
        says(scene, *carried_out(scene))
    scene.clock.advance(seconds=5)
    scene.driver.time_out()
    scene.settle()
    nothing = [ModuleReport(module=each.module, fence=each.fence) for each in scene.store.list(Assignment, DEV)]

    says(scene, *nothing)
    scene.clock.advance(DRIFT_AFTER_MS)
    says(scene, *nothing)
    drifted = scene.store.get(Node, DEV, scene.nodes[0].id)
    says(scene, *carried_out(scene))

    assert len(drifted.drifts) == MOST_MODULES
    assert [each.what for each in scene.store.list(NodeChange, drifted.id)] == ["Drifted", "Healed"]
    assert scene.store.get(Node, DEV, drifted.id).drifts == ()
