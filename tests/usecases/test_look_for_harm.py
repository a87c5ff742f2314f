"""Somebody looks during the bake: at most once a second, and what is found ends it at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.assignment import Assignment, Look
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound
from chalicelib.domain.metrics import Window
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.domain.timeline import Event
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.fail_silent_nodes import fail_overdue_nodes
from chalicelib.usecases.gather_evidence import gather_evidence
from chalicelib.usecases.look_for_harm import look_for_harm
from chalicelib.usecases.ports import Metrics, Replace
from tests.builders import MODULE, an_assignment
from tests.usecases.scene import DANA, HEALTH_ONLY, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT
CANARY = StrategySpec(kind=Strategy.CANARY, bake_seconds=600, steps=(Step(percent=34, bake_seconds=600),))


def baking(*, errors: int = 0) -> tuple[Scene, Deployment]:
    """One of three nodes runs the new version, a thousand requests a report; `errors` of them fail there."""
    scene = a_scene()
    scene.set_policy(strategy=CANARY, analysis=AnalysisPolicy())
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
        node.errors = {scene.digests["2.0.0"]: errors}
    scene.beat_for(60)
    return scene, scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)


def looks(scene: Scene) -> int:
    look = scene.store.get(Look, DEV, MODULE)
    assert look is not None
    return look.due_at_ms


class CountedSeries:
    """Counts how often the series is read."""

    def __init__(self, metrics: Metrics) -> None:
        self.keep = metrics.keep
        self._metrics = metrics
        self.reads = 0

    def series(self, **which: Any) -> tuple[tuple[str, str, Window], ...]:
        self.reads += 1
        return self._metrics.series(**which)


def looked(scene: Scene, assignment: Assignment) -> bool:
    """A look by somebody who has just read when it is due."""
    known = scene.store.get(Look, assignment.environment, assignment.module)
    return look_for_harm([(assignment, known)], ports=scene.ports) == (MODULE,)


def test_a_look_that_is_due_is_taken_once_and_the_next_is_due_in_a_second() -> None:
    scene, _ = baking()
    scene.clock.advance(seconds=2)
    assignment = scene.assignment()
    assert assignment is not None

    taken = [looked(scene, assignment) for _ in range(3)]

    assert taken == [True, False, False]
    assert looks(scene) == scene.clock.machine_ms() + 1_000


def test_of_many_reports_at_once_one_looks() -> None:
    scene, _ = baking()
    scene.clock.advance(seconds=2)
    assignment = scene.assignment()
    assert assignment is not None

    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(lambda _: looked(scene, assignment), range(64)))

    assert taken.count(True) == 1


def test_who_read_before_somebody_else_looked_does_not_look() -> None:
    scene, _ = baking()
    scene.clock.advance(seconds=2)
    assignment = scene.assignment()
    assert assignment is not None
    known = scene.store.get(Look, DEV, MODULE)

    taken = [look_for_harm([(assignment, known)], ports=scene.ports) for _ in range(2)]

    assert taken == [(MODULE,), ()]


def test_when_a_look_fails_those_behind_it_stay_due() -> None:
    scene, _ = baking()
    scene.clock.advance(seconds=2)
    assignment = scene.assignment()
    assert assignment is not None
    known, due = scene.store.get(Look, DEV, MODULE), looks(scene)
    lost = replace(assignment, module="another", deployment_id="of which nobody knows")

    with pytest.raises(NotFound):
        look_for_harm([(lost, None), (assignment, known)], ports=scene.ports)

    assert looks(scene) == due
    assert looked(scene, assignment)


def test_before_it_is_due_nobody_looks() -> None:
    scene, _ = baking()
    scene.clock.advance(seconds=2)
    assignment = scene.assignment()
    assert assignment is not None
    looked(scene, assignment)
    scene.clock.advance(999)

    assert not looked(scene, assignment)


def test_where_nothing_changes_nobody_looks() -> None:
    scene = a_scene()

    assert not looked(scene, an_assignment())


def test_a_worse_version_is_taken_back_long_before_its_bake_is_over() -> None:
    scene, deployment = baking(errors=300)
    began = scene.clock.machine_ms()

    ended = scene.run(deployment)

    assert ended.status is Status.ROLLED_BACK
    assert scene.clock.machine_ms() - began < 60_000
    assert {node.active for node in scene.nodes} == {scene.digests["1.0.0"]}
    verdict = next(e for e in scene.store.list(Event, deployment.id) if e.type == "VerdictReached")
    assert (verdict.detail["decision"], verdict.detail["final"]) == ("rollback", False)


def test_a_version_that_is_not_worse_is_left_to_bake() -> None:
    scene, deployment = baking()

    scene.beat_for(120)

    assert scene.now(deployment).rollouts[0].phase is Phase.BAKING


def test_a_look_while_a_wave_deploys_fails_who_fell_silent() -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    deployment = scene.create()
    scene.settle()
    scene.clock.advance(seconds=181)
    assignment = scene.assignment()
    assert assignment is not None

    assert looked(scene, assignment)

    assert scene.now(deployment).status is Status.ROLLING_BACK


def test_a_look_while_restoring_ends_a_restore_whose_time_is_up() -> None:
    scene, deployment = baking()
    cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)
    scene.clock.advance(seconds=301)
    assignment = scene.assignment()
    assert assignment is not None

    assert looked(scene, assignment)

    assert scene.now(deployment).status is Status.ROLLBACK_FAILED


def test_an_assignment_of_an_environment_that_is_done_is_not_looked_at() -> None:
    scene, deployment = baking()
    assignment = scene.assignment()
    assert assignment is not None
    gone = replace(deployment.rollouts[0], phase=Phase.REFUSED)
    scene.store.commit(Replace(replace(deployment.with_rollout(gone), revision=scene.now(deployment).revision + 1)))
    scene.clock.advance(seconds=2)

    assert looked(scene, assignment)

    assert scene.now(deployment).rollouts[0].phase is Phase.REFUSED


def test_evidence_sets_canary_against_control_over_the_same_time() -> None:
    scene, deployment = baking(errors=1)
    scene.beat_for(30)
    assignment = scene.assignment()
    assert assignment is not None

    evidence = gather_evidence(deployment, deployment.rollouts[0], assignment, thorough=False, ports=scene.ports)

    assert [node.node_id for node in evidence.canary] == [scene.nodes[0].id]
    assert [node.node_id for node in evidence.control] == [node.id for node in scene.nodes[1:]]
    [canary], control = evidence.canary[0].during, evidence.control[0].during[0]
    assert (canary.requests, canary.errors) == (control.requests - 1_000, control.requests // 1_000 - 1)
    assert evidence.canary[0].before == ()
    assert not evidence.first_install


def test_thorough_evidence_follows_window_by_window_and_knows_what_came_before() -> None:
    scene, deployment = baking()
    scene.beat_for(60)
    assignment = scene.assignment()
    assert assignment is not None

    evidence = gather_evidence(deployment, deployment.rollouts[0], assignment, thorough=True, ports=scene.ports)

    assert len(evidence.canary[0].during) > 3
    assert sum(window.requests for window in evidence.canary[0].before) >= 12_000


def test_a_look_without_control_knows_what_came_before_by_the_minute_so_that_bursts_still_show() -> None:
    scene = a_scene()
    scene.set_policy(strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=600), analysis=AnalysisPolicy())
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
    scene.beat_for(180)
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    assignment = scene.assignment()
    assert assignment is not None

    evidence = gather_evidence(deployment, deployment.rollouts[0], assignment, thorough=False, ports=scene.ports)

    minutes = [window.started_at_ms // 60_000 for window in evidence.canary[0].before]
    assert len(minutes) >= 3
    assert len(set(minutes)) == len(minutes)


@pytest.mark.parametrize(("analysis", "reads"), [(AnalysisPolicy(), 1), (HEALTH_ONLY, 0)])
def test_a_look_reads_what_came_before_only_where_something_is_compared(analysis: AnalysisPolicy, reads: int) -> None:
    scene = a_scene()
    scene.set_policy(strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=600), analysis=analysis)
    runs_already(scene)
    scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    assignment = scene.assignment()
    assert assignment is not None
    scene.clock.advance(seconds=2)
    series = CountedSeries(scene.ports.metrics)
    known = scene.store.get(Look, DEV, MODULE)

    assert look_for_harm([(assignment, known)], ports=replace(scene.ports, metrics=series)) == (MODULE,)

    assert series.reads == reads


def test_evidence_names_who_is_silent_and_who_failed() -> None:
    scene, deployment = baking()
    assignment = scene.assignment()
    assert assignment is not None
    scene.clock.advance(seconds=11)
    for node in scene.nodes[1:]:
        node.beat()
    fail_overdue_nodes(deployment.id, ports=scene.ports)

    evidence = gather_evidence(deployment, deployment.rollouts[0], assignment, thorough=False, ports=scene.ports)

    assert [node.silent for node in (*evidence.canary, *evidence.control)] == [True, False, False]
    assert not any(node.failed for node in evidence.canary)
