"""What one look at an alias does, and everything that may go wrong on the way."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.alias import Split
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import StaleWrite, Unavailable
from chalicelib.domain.node_history import What
from chalicelib.domain.rollout import Phase, WaveStatus
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.domain.timeline import Event, EventType
from chalicelib.usecases.read_clusters import read_cluster
from chalicelib.usecases.read_nodes import read_history
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.register_alias import register_alias
from tests.usecases.alias_scene import (
    ADA,
    ALARM,
    ALIAS,
    FUNCTION,
    HERE,
    AliasScene,
    a_registration,
    an_alias_scene,
)
from tests.usecases.scene import a_node_in

CANARY = StrategySpec(
    kind=Strategy.CANARY, steps=tuple(Step(percent=percent, bake_seconds=30) for percent in (10, 50, 100))
)
JUDGED = AnalysisPolicy(min_requests=50, min_baseline_requests=50, warm_up_ms=0)
BAKING = Phase.BAKING


def baking(deployment: Deployment) -> bool:
    return deployment.current is not None and deployment.current.phase is BAKING


def details(world: AliasScene, deployment: Deployment, kind: EventType) -> list[dict[str, Any]]:
    return [event.detail for event in world.scene.store.list(Event, deployment.id) if event.type is kind]


@pytest.fixture
def world() -> AliasScene:
    world = an_alias_scene(alarms=(ALARM,))
    world.scene.set_policy(strategy=CANARY)
    return world


def test_the_first_look_finds_what_the_owner_published_by_hand(world: AliasScene) -> None:
    report = world.node.report(world.node.alias.module if world.node.alias else "")

    assert (report.active, report.weight, report.healthy) == ("version:1", 0, True)
    assert world.functions.moves == []


def test_weights_go_up_as_planned_and_the_new_version_ends_alone(world: AliasScene) -> None:
    done = world.run(world.scene.create("4.0.0"))

    assert done.status is Status.COMPLETED
    assert world.functions.moves == [
        Split(main="1", canary="2", weight=10),
        Split(main="1", canary="2", weight=50),
        Split(main="2"),
    ]
    assert world.functions.checked == ["2"]
    rollout = done.rollout(HERE)
    assert ([wave.upto for wave in rollout.waves], rollout.fleet, rollout.by_weight) == ([10, 50, 100], 1, True)
    assert world.node.drifts == ()


def test_every_move_carries_the_fence_and_the_position(world: AliasScene) -> None:
    world.run(world.scene.create("4.0.0"))

    assert world.functions.notes[0] == "HotSwap: fence 1, Development#000#deploy#1"


def test_the_next_deployment_splits_between_two_of_ours_and_publishes_nothing_twice(world: AliasScene) -> None:
    world.run(world.scene.create("4.0.0"))

    done = world.run(world.scene.create("5.0.0"))
    back = world.run(world.scene.create("4.0.0", allow_downgrade=True))

    assert (done.status, back.status) == (Status.COMPLETED, Status.COMPLETED)
    assert world.shares == {"2": 100}
    assert len(world.functions.published[FUNCTION]) == 3


def test_a_version_that_fails_its_check_gets_no_traffic(world: AliasScene) -> None:
    world.functions.wrong[world.scene.digests["4.0.0"]] = "RuntimeError: no database"

    done = world.run(world.scene.create("4.0.0"))

    assert (done.status, world.functions.moves) == (Status.ROLLED_BACK, [])
    assert details(world, done, EventType.NODE_FAILED)[0]["reason"] == "CHECK_FAILED"
    assert details(world, done, EventType.RESTORE_ENDED)[0]["restored"] == ["payments-live"]
    assert world.shares == {"1": 100}


def test_an_artifact_that_is_no_function_is_refused_before_anything_changes(world: AliasScene) -> None:
    done = world.run(world.scene.create("2.0.0"))

    assert (done.status, world.functions.moves) == (Status.ROLLED_BACK, [])
    assert details(world, done, EventType.NODE_FAILED)[0]["reason"] == "ARTIFACT_MANIFEST_INVALID"


def test_blue_green_publishes_and_checks_first_and_moves_all_traffic_then(world: AliasScene) -> None:
    world.scene.set_policy(strategy=StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=10))
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=lambda d: d.current is not None and d.current.wave == 1)

    done = world.run(deployment)

    assert done.status is Status.COMPLETED
    assert (world.functions.checked, world.functions.moves) == (["2"], [Split(main="2")])


def test_a_worse_version_is_taken_back_and_the_alias_read_back(world: AliasScene) -> None:
    world.scene.set_policy(strategy=CANARY, analysis=JUDGED)

    def traffic() -> None:
        world.serves("1", requests=300)
        world.serves("2", requests=60, errors=20)

    done = world.run(world.scene.create("4.0.0"), each=traffic)

    assert done.status is Status.ROLLED_BACK
    assert world.shares == {"1": 100}
    verdict = details(world, done, EventType.VERDICT_REACHED)[-1]
    assert (verdict["decision"], verdict["comparedWith"]) == ("rollback", "control")
    assert details(world, done, EventType.RESTORE_ENDED)[0]["outcome"] == "Restored"


def test_a_good_version_is_judged_against_the_old_one_at_the_same_time_and_at_last_against_before(
    world: AliasScene,
) -> None:
    world.scene.set_policy(strategy=CANARY, analysis=JUDGED)

    def traffic() -> None:
        for version in world.shares:
            world.serves(version, requests=200, errors=1)

    for _ in range(6):
        world.scene.clock.advance(seconds=5)
        traffic()
    done = world.run(world.scene.create("4.0.0"), each=traffic)

    assert done.status is Status.COMPLETED
    assert [wave.compared_with for wave in done.rollout(HERE).waves] == ["control", "control", "before"]


def test_without_metrics_nothing_is_promoted(world: AliasScene) -> None:
    world.scene.set_policy(strategy=CANARY, analysis=JUDGED)
    deployment = world.scene.create("4.0.0")

    held = world.run(deployment, until=lambda d: d.rollout(HERE).phase is BAKING and d.rollout(HERE).current.holds > 0)

    assert held.rollout(HERE).wave == 0
    assert world.shares == {"1": 90, "2": 10}


def test_metrics_that_have_not_settled_are_not_read() -> None:
    slow = an_alias_scene(settles_ms=120_000, period_ms=60_000)
    slow.scene.set_policy(strategy=CANARY, analysis=JUDGED)
    slow.run(slow.scene.create("4.0.0"), until=baking)

    assert slow.metrics.asked
    for from_ms, to_ms in slow.metrics.asked:
        assert to_ms <= slow.scene.clock.machine_ms() - 120_000
        assert (from_ms % 60_000, to_ms % 60_000) == (0, 0)


def test_metrics_that_cannot_be_had_are_silence_and_silence_is_no_promotion(world: AliasScene) -> None:
    world.scene.set_policy(strategy=CANARY, analysis=JUDGED)
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=baking)
    world.metrics.unavailable = True
    seen = world.node.last_heartbeat_ms

    world.scene.clock.advance(seconds=5)
    with pytest.raises(Unavailable):
        world.tell()

    assert world.node.last_heartbeat_ms == seen


def test_an_alarm_that_begins_to_fire_takes_the_wave_back_at_once(world: AliasScene) -> None:
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=baking)
    world.alarms.known[ALARM] = "ALARM"

    world.tell({"detail-type": "CloudWatch Alarm State Change", "detail": {"alarmName": ALARM}})
    done = world.run(deployment, rounds=3)

    assert (done.status, world.shares) == (Status.ROLLED_BACK, {"1": 100})
    assert details(world, done, EventType.VERDICT_REACHED)[-1]["reasons"][0]["code"] == "alarm"


def test_an_alarm_that_fired_before_the_start_does_not_block_the_fix(world: AliasScene) -> None:
    world.alarms.known[ALARM] = "ALARM"

    assert world.run(world.scene.create("4.0.0")).status is Status.COMPLETED


def test_an_alarm_that_recovered_and_fires_again_is_worse(world: AliasScene) -> None:
    world.alarms.known[ALARM] = "ALARM"
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=baking)
    for state in ("OK", "ALARM"):
        world.alarms.known[ALARM] = state
        world.tell()

    assert world.run(deployment).status is Status.ROLLED_BACK


def test_an_alarm_of_somebody_else_looks_at_nothing(world: AliasScene) -> None:
    event = {"detail-type": "CloudWatch Alarm State Change", "detail": {"alarmName": "theirs"}}

    assert world.tell(event) == {"looked": 0}


def test_an_alarm_that_does_not_exist_could_warn_nobody_so_nothing_begins(world: AliasScene) -> None:
    del world.alarms.known[ALARM]

    done = world.run(world.scene.create("4.0.0"))

    assert (done.status, world.functions.moves) == (Status.ROLLED_BACK, [])
    assert details(world, done, EventType.NODE_FAILED)[0]["reason"] == "ALARM_MISSING"


def test_a_change_from_outside_is_drift_and_is_left_alone_until_the_next_turn(world: AliasScene) -> None:
    world.run(world.scene.create("4.0.0"))
    world.functions.outside(FUNCTION, ALIAS, Split(main="1"))
    for _ in range(3):
        world.scene.clock.advance(seconds=10)
        world.tell()

    drifted = [change for change in read_history(world.node.id, ports=world.scene.ports) if change.what == What.DRIFTED]
    assert (world.shares, len(drifted)) == ({"1": 100}, 1)
    assert "runs version:1, should run sha256:" in drifted[0].reason

    done = world.run(world.scene.create("5.0.0"))

    assert (done.status, world.shares) == (Status.COMPLETED, {"3": 100})
    assert world.functions.moves[-3] == Split(main="1", canary="3", weight=10)


def test_a_change_from_outside_that_is_undone_heals(world: AliasScene) -> None:
    world.run(world.scene.create("4.0.0"))
    for split in (Split(main="1"), Split(main="2")):
        world.functions.outside(FUNCTION, ALIAS, split)
        for _ in range(3):
            world.scene.clock.advance(seconds=10)
            world.tell()

    assert world.node.drifts == ()
    assert world.node.alias is not None
    assert world.node.alias.outside_fence == 0


def test_a_change_from_outside_while_a_wave_bakes_takes_it_back(world: AliasScene) -> None:
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=baking)
    world.functions.outside(FUNCTION, ALIAS, Split(main="1", canary="2", weight=77))

    done = world.run(deployment)

    assert (done.status, world.shares) == (Status.ROLLED_BACK, {"1": 100})
    assert details(world, done, EventType.VERDICT_REACHED)[-1]["reasons"][0]["code"] == "changedOutside"


def test_who_dies_between_the_move_and_the_report_did_not_change_it_from_outside(world: AliasScene) -> None:
    move, dead = world.functions.move, []

    def die(*args: Any, **kwargs: Any) -> Any:
        moved = move(*args, **kwargs)
        if not dead:
            dead.append(True)
            raise Unavailable("the answer was lost")
        return moved

    world.functions.move = die  # type: ignore[method-assign]
    deployment = world.scene.create("4.0.0")
    world.scene.settle()
    with pytest.raises(Unavailable):
        world.obey()

    done = world.run(deployment)

    assert done.status is Status.COMPLETED
    assert world.functions.moves == [
        Split(main="1", canary="2", weight=10),
        Split(main="1", canary="2", weight=50),
        Split(main="2"),
    ]


@pytest.mark.parametrize("other", ["finishes first", "finishes between", "dies after its move"])
def test_two_who_look_at_once_do_not_take_each_other_for_strangers(world: AliasScene, other: str) -> None:
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=baking)
    for _ in range(20):
        world.scene.pass_time(0 if world.orders.waiting else 5)
    assert world.orders.waiting, "the second wave is ordered"
    read, move, begun = world.functions.read, world.functions.move, []

    def read_beside_another(*args: Any) -> Any:
        if begun:
            return read(*args)
        begun.append(True)
        before = read(*args)
        if other == "dies after its move":
            world.functions.move = dying  # type: ignore[method-assign]
            with pytest.raises(Unavailable):
                world.tell()
        else:
            world.tell()
        return before if other == "finishes between" else read(*args)

    def dying(*args: Any, **kwargs: Any) -> Any:
        move(*args, **kwargs)
        world.functions.move = move  # type: ignore[method-assign]
        raise Unavailable("the answer was lost")

    world.functions.read = read_beside_another  # type: ignore[method-assign]
    world.obey()

    assert begun
    assert world.run(deployment).status is Status.COMPLETED
    assert details(world, deployment, EventType.NODE_FAILED) == []


def test_who_looked_before_the_decision_and_moves_after_it_is_refused(world: AliasScene) -> None:
    deployment = world.scene.create("4.0.0")
    world.run(deployment, until=baking)
    late = world.functions.read(FUNCTION, ALIAS)
    world.alarms.known[ALARM] = "ALARM"
    world.tell()
    world.run(deployment)

    with pytest.raises(StaleWrite):
        world.functions.move(FUNCTION, ALIAS, Split(main="2"), revision_id=late.revision_id, note="late")

    assert world.shares == {"1": 100}


def test_a_lost_order_is_made_good_by_the_clock(world: AliasScene) -> None:
    world.orders.lost = True

    assert world.run(world.scene.create("4.0.0")).status is Status.COMPLETED


def test_an_order_that_nobody_took_is_told_again_by_the_reconciler(world: AliasScene) -> None:
    order, world.orders.order = world.orders.order, _refused  # type: ignore[method-assign]
    deployment = world.scene.create("4.0.0")
    world.scene.settle()
    world.orders.order = order  # type: ignore[method-assign]

    reconcile(ports=world.scene.ports)

    assert [each["moduleName"] for each in world.orders.waiting] == [deployment.module]


def _refused(_order: Any) -> None:
    raise Unavailable("Lambda does not answer.")


def test_a_function_that_is_gone_fails_the_wave_and_says_so(world: AliasScene) -> None:
    deployment = world.scene.create("4.0.0")
    world.scene.settle()
    world.functions.aliases.clear()

    done = world.run(deployment, until=lambda d: d.rollout(HERE).waves[0].status is WaveStatus.ROLLED_BACK)

    assert details(world, done, EventType.NODE_FAILED)[0]["reason"] == "FUNCTION_MISSING"
    assert world.node.alias is not None
    assert "There is no alias" in world.node.alias.trouble


def test_an_alias_nobody_can_look_at_falls_silent_and_takes_no_deployment(world: AliasScene) -> None:
    world.functions.unavailable = True
    world.scene.clock.advance(seconds=200)
    with pytest.raises(Unavailable):
        world.tell()

    deployment = world.scene.create("4.0.0")
    world.scene.settle()

    found = world.scene.now(deployment)
    assert (found.status, found.failure.code if found.failure else "") == (Status.FAILED, "NO_NODES")


def test_one_alias_in_trouble_keeps_no_other_waiting(world: AliasScene) -> None:
    world.functions.has("hotswap-node-other", ALIAS)
    other = a_registration(name="other", module="other-module", function="hotswap-node-other")
    made = register_alias(other, caller=ADA, ports=world.scene.ports)
    del world.functions.aliases[FUNCTION, ALIAS]

    world.tell()

    found = {node.name: node for node in world.scene.store.list(type(made), HERE)}
    assert (found["other"].is_healthy, found["payments-live"].is_healthy) == (True, False)


def test_kernels_beside_an_alias_are_left_out_of_its_plans_and_do_not_drift(world: AliasScene) -> None:
    kernel = a_node_in(HERE, 1, ports=world.scene.ports)
    world.scene.nodes.append(kernel)
    deployment = world.run(world.scene.create("4.0.0"))

    assert deployment.status is Status.COMPLETED
    assert details(world, deployment, EventType.PLAN_MADE)[0]["leftOut"] == [{"node": kernel.name, "why": "OtherKind"}]
    assert kernel.ran == []
    (module,) = read_cluster(HERE, ports=world.scene.ports).modules
    assert module.drifted == ()
