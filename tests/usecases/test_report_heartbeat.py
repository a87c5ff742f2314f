"""Heartbeats: only by the node itself, counted once, and answered with what it should run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotAuthenticated, StaleWrite
from chalicelib.domain.node import Member, ModuleReport, Node, NodeStatus, Outcome
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.recording import MAX_TRIES
from chalicelib.usecases.report_heartbeat import Heartbeat, HeartbeatAnswer, report_heartbeat
from tests.builders import MODULE, an_assignment
from tests.fakes import FakeTelemetry
from tests.usecases.scene import ANode, Scene, a_scene, runs_already, with_store
from tests.usecases.stores import InterruptedStore

DEV = Environment.DEVELOPMENT


def a_ready_scene() -> Scene:
    scene = a_scene()
    scene.set_policy(idle_heartbeat_ms=45_000)
    runs_already(scene)
    return scene


def going_out() -> tuple[Scene, Deployment]:
    scene = a_ready_scene()
    deployment = scene.create()
    scene.settle()
    return scene, scene.now(deployment)


def next_report(node: ANode) -> HeartbeatAnswer:
    node.interval += 1
    return node.report()


def stored(scene: Scene, number: int = 0) -> Node:
    found: Node = scene.store.get(Node, DEV, scene.nodes[number].id)
    return found


@pytest.mark.parametrize(
    ("node_id", "credential"),
    [("d-node-00", "x" * 64), ("d-node-00", ""), ("d-nobody", "h" * 64), ("q-node-00", "h" * 64), ("nonsense", "")],
)
def test_only_a_node_with_its_own_credential_is_heard(node_id: str, credential: str) -> None:
    scene = a_scene()
    heartbeat = Heartbeat(interval=1, kernel_version="", modules=())

    with pytest.raises(NotAuthenticated):
        report_heartbeat(node_id, credential, heartbeat, ports=scene.ports)


def test_a_removed_node_is_not_heard_any_more() -> None:
    scene = a_scene()
    node = stored(scene)
    scene.store.commit(Replace(replace(node, status=NodeStatus.REMOVED, revision=node.revision + 1)))

    with pytest.raises(NotAuthenticated):
        next_report(scene.nodes[0])


def test_a_report_is_kept_and_answered_with_the_interval_of_the_policy() -> None:
    scene = a_ready_scene()
    scene.clock.advance(seconds=5)

    answer = next_report(scene.nodes[0])

    node = stored(scene)
    assert (answer.interval, answer.next_heartbeat_ms) == (scene.nodes[0].interval, 45_000)
    assert (node.interval, node.last_heartbeat_ms) == (scene.nodes[0].interval, scene.clock.machine_ms())
    assert node.report(MODULE).active == scene.digests["1.0.0"]


def test_while_something_changes_nodes_report_every_second() -> None:
    scene, _ = going_out()

    assert next_report(scene.nodes[2]).next_heartbeat_ms == 1_000


def test_a_very_large_fleet_may_be_told_to_report_less_often_while_it_changes() -> None:
    scene, _ = going_out()
    node = scene.nodes[0]
    heartbeat = Heartbeat(interval=99, kernel_version="", modules=())

    answer = report_heartbeat(node.id, "h" * 64, heartbeat, active_ms=30_000, ports=scene.ports)

    assert (answer.next_heartbeat_ms, stored(scene).heartbeat_ms) == (30_000, 30_000)


def test_a_node_of_the_wave_is_told_the_candidate_and_where_it_differs_from_what_it_holds() -> None:
    scene, deployment = going_out()

    first, last = next_report(scene.nodes[0]).wanted[0], next_report(scene.nodes[2]).wanted[0]

    assert first.desired.active == scene.digests["2.0.0"]
    assert first.desired.staged == (scene.digests["1.0.0"],)
    assert first.fence == deployment.rollouts[0].fence
    assert last.desired.active == scene.digests["1.0.0"]


def test_the_same_report_again_counts_its_windows_once() -> None:
    scene, _ = going_out()
    node = scene.nodes[2]
    node.requests = 100
    scene.clock.advance(seconds=1)
    before = node.at_ms
    next_report(node)
    node.at_ms = before

    node.report()

    assignment = scene.assignment()
    assert assignment is not None
    [measured] = stored(scene, 2).meters.bakes
    assert (measured.bake, measured.window.requests) == (assignment.bake, 100)


def test_a_report_that_was_overtaken_by_a_later_one_does_not_undo_it() -> None:
    scene = a_ready_scene()
    node = scene.nodes[0]
    next_report(node)
    latest = stored(scene)
    node.interval -= 1
    node.active = None

    node.report()

    assert stored(scene).modules == latest.modules
    assert stored(scene).interval == latest.interval


def test_before_there_is_anything_to_run_a_node_is_told_nothing() -> None:
    assert next_report(a_scene().nodes[0]).wanted == ()


def test_a_report_that_loses_its_write_is_decided_anew_on_what_is_stored() -> None:
    scene, deployment = going_out()
    node = scene.nodes[0]
    twin = replace(node, active=scene.digests["2.0.0"], fence=deployment.rollouts[0].fence, interval=node.interval + 1)
    direct = scene.ports

    def meanwhile() -> None:
        twin.ports = direct
        twin.report()

    with_store(scene, InterruptedStore(scene.store, call="commit", meanwhile=meanwhile, when=lambda *_: True))
    node.active, node.fence = twin.active, twin.fence

    next_report(node)

    member = scene.store.get(Member, deployment.id, DEV, node.id)
    assert (member.deployed, member.revision) == (Outcome.SUCCEEDED, 1)


def test_a_report_does_not_try_for_ever() -> None:
    scene = a_ready_scene()
    scene.store.fail_next(*[StaleWrite("Node", "d-node-00")] * MAX_TRIES)

    with pytest.raises(StaleWrite):
        next_report(scene.nodes[0])


def test_whoever_ends_the_wave_by_its_failure_is_told_at_once_to_go_back() -> None:
    scene, deployment = going_out()
    node = scene.nodes[0]
    node.cannot_start = {scene.digests["2.0.0"]}
    node._obeys(next_report(node))

    answer = next_report(node)

    assert scene.now(deployment).rollouts[0].phase is Phase.RESTORING
    assert answer.wanted[0].desired.active == scene.digests["1.0.0"]


def test_of_a_module_that_runs_elsewhere_only_a_node_that_knows_it_is_told() -> None:
    scene = a_ready_scene()
    node = scene.nodes[0]
    elsewhere = an_assignment(environment=DEV, module="elsewhere", fence=1, stable_runs_on={"zone": "b"})
    scene.store.commit(Add(elsewhere))
    node.beat()

    assert [wanted.module for wanted in next_report(node).wanted] == [MODULE]

    has_it = ModuleReport(module="elsewhere", fence=1, active="sha256:left-over")
    heartbeat = Heartbeat(interval=node.interval + 1, kernel_version="test", modules=(node.says(), has_it))
    answer = report_heartbeat(node.id, "h" * 64, heartbeat, ports=scene.ports)

    assert {wanted.module: wanted.desired.active for wanted in answer.wanted} == {
        MODULE: scene.digests["1.0.0"],
        "elsewhere": None,
    }


def test_a_report_that_comes_late_is_shown_with_how_late_and_one_on_time_is_not() -> None:
    scene = a_ready_scene()
    telemetry: FakeTelemetry = scene.ports.telemetry  # type: ignore[assignment]
    node = scene.nodes[0]
    next_report(node)
    scene.clock.advance(45_900)
    next_report(node)
    assert telemetry.measurements == []

    scene.clock.advance(45_000 + 7_200)
    next_report(node)

    (late,) = telemetry.measurements
    assert (str(late.measure), late.value, late.about["nodeId"]) == ("HeartbeatLag", 7_200, node.id)


def test_an_answer_is_shown_once_with_the_deployment_it_belongs_to() -> None:
    scene, deployment = going_out()
    telemetry: FakeTelemetry = scene.ports.telemetry  # type: ignore[assignment]
    scene.beat_for(3)

    answers = [fields for event, fields in telemetry.lines if event == "NodeAnswered"]
    assert {(each["executionId"], each["correlationId"]) for each in answers} == {(deployment.id, deployment.id)}
    assert len({(each["nodeId"], each["position"]) for each in answers}) == len(answers) > 0
