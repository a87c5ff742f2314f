"""The dry run says what happens: over generated fleets and policies it is the plan that PlanWaves records and the machine walks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.access import Role
from chalicelib.domain.approval import RoleNeeded
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput, NotFound
from chalicelib.domain.node import ModuleReport, Node, NodeStatus
from chalicelib.domain.override import StrategyOverride
from chalicelib.domain.policy import ApprovalPolicy, Concurrency, HoldPolicy, Overridable, Policy
from chalicelib.domain.prices import Item, cost_of
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.domain.timeline import Event
from chalicelib.domain.turn import Turn
from chalicelib.usecases.choose_environment import choose_environment
from chalicelib.usecases.control_line import limit_line, resume_line, stop_line
from chalicelib.usecases.create_deployment import DeploymentRequest
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.plan_deployment import DeploymentPlan, plan_deployment
from chalicelib.usecases.plan_rollout import plan_rollout
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.run_stage import build
from chalicelib.usecases.take_turn import take_turn
from tests.builders import MODULE
from tests.fakes import FakeExecutions
from tests.usecases.scene import DANA, ERIN, Scene, a_node_in, a_scene, runs_already

DEV, QA = Environment.DEVELOPMENT, Environment.QA
STEPS = st.lists(
    st.builds(Step, percent=st.integers(1, 100), bake_seconds=st.integers(0, 99), bake_requests=st.integers(0, 9)),
    min_size=1,
    max_size=4,
).map(tuple)
SPECS = st.builds(
    StrategySpec,
    kind=st.sampled_from(Strategy),
    bake_seconds=st.integers(0, 99),
    bake_requests=st.integers(0, 9),
    batch=st.sampled_from([1, 2, "25%", "50%"]),
    minimum_healthy=st.sampled_from([0, 1, "50%", "90%"]),
    max_unavailable=st.sampled_from([None, 1, "30%"]),
    steps=STEPS,
    by_zone=st.booleans(),
    zone_bake_seconds=st.sampled_from([0, 120]),
)
NODES = st.lists(
    st.fixed_dictionaries(
        {
            "zone": st.sampled_from(["", "a", "b"]),
            "healthy": st.sampled_from([True, True, True, False]),
            "status": st.sampled_from([NodeStatus.ACTIVE] * 4 + [NodeStatus.CORDONED]),
            "silent": st.sampled_from([False] * 5 + [True]),
        }
    ),
    max_size=12,
)


def request(version: str = "2.0.0", target: Environment = DEV, **more: Any) -> DeploymentRequest:
    return DeploymentRequest(module=MODULE, version=version, target=target, **more)


def planned(scene: Scene, **more: Any) -> DeploymentPlan:
    return plan_deployment(request(**more), caller=DANA, ports=scene.ports)


def has_nodes(scene: Scene, nodes: list[dict[str, Any]]) -> None:
    for number, given_node in enumerate(nodes):
        made = a_node_in(DEV, number, ports=scene.ports)
        node = scene.store.get(Node, DEV, made.id)
        changed = replace(
            node,
            labels={"zone": given_node["zone"]} if given_node["zone"] else {},
            status=given_node["status"],
            last_heartbeat_ms=0 if given_node["silent"] else node.last_heartbeat_ms,
            modules=(ModuleReport(module=MODULE, healthy=given_node["healthy"]),),
            revision=node.revision + 1,
        )
        scene.store.commit(Replace(changed))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(nodes=NODES, spec=SPECS, gated=st.booleans(), override=st.sampled_from([None, 1, "50%"]))
def test_the_dry_run_is_the_plan_that_is_recorded(
    nodes: list[dict[str, Any]], spec: StrategySpec, gated: bool, override: int | str | None
) -> None:
    scene = a_scene(nodes=0, executions=FakeExecutions())
    has_nodes(scene, nodes)
    scene.set_policy(strategy=spec, approval=ApprovalPolicy(required=gated), overridable=tuple(Overridable))
    strategy = None if override is None else StrategyOverride(batch=override, max_failed_nodes=1)
    dry = planned(scene, strategy=strategy)
    (times,) = dry.environments

    deployment = scene.create(strategy=strategy)
    build(deployment.id, ports=scene.ports)
    begun = choose_environment(deployment.id, ports=scene.ports)
    assert begun is not None
    assert (begun.phase is Phase.AWAITING_APPROVAL) == (times.leg.gate is not None)
    if begun.phase is Phase.AWAITING_APPROVAL:
        decide_approval(deployment.id, approved=True, reason="fine", caller=ERIN, ports=scene.ports)
    take_turn(deployment.id, ports=scene.ports)
    if dry.refusals:
        with pytest.raises(Exception, match="Failed"):
            plan_rollout(deployment.id, ports=scene.ports)
        failure = scene.now(deployment).failure
        assert failure is not None
        assert (failure.code, failure.message) == (dry.refusals[0].code, dry.refusals[0].message)
        return
    rollout = plan_rollout(deployment.id, ports=scene.ports).current
    assert rollout is not None
    plan = times.leg.plan
    assert plan is not None
    recorded = [(w.number, w.kind, w.first, w.upto, w.bake_seconds, w.bake_requests, w.zone) for w in rollout.waves]
    assert recorded == [
        (w.number, w.kind, w.first, w.upto, w.bake_seconds, w.bake_requests, w.zone) for w in plan.waves
    ]
    assert (rollout.plan_hash, rollout.fleet, rollout.from_digest) == (plan.plan_hash, plan.fleet, plan.from_digest)
    (event,) = [e for e in scene.store.list(Event, deployment.id) if str(e.type) == "PlanMade"]
    assert [wave["nodes"] for wave in event.detail["waves"]] == [wave.nodes for wave in plan.waves]
    assert event.detail["planHash"] == plan.plan_hash


@pytest.mark.parametrize("bake", [30, 0])
@pytest.mark.parametrize(("nodes", "batch"), [(3, 3), (4, 1), (10, 1)])
def test_the_machine_passes_exactly_as_many_states_as_the_dry_run_says(nodes: int, batch: int, bake: int) -> None:
    scene = a_scene(nodes=nodes)
    scene.set_policy(strategy=StrategySpec(kind=Strategy.ROLLING, batch=batch, bake_seconds=bake))
    dry = planned(scene)

    deployment = scene.run(scene.create())

    assert str(deployment.status) == "Completed"
    # The end itself is a state too.
    passed = len(scene.driver.runs[deployment.id].passed) + 1
    assert passed == dry.estimate.least[Item.STATE_TRANSITIONS]
    assert dry.estimate.least[Item.STATE_TRANSITIONS] <= dry.estimate.most[Item.STATE_TRANSITIONS]


def test_four_waves_pass_at_most_28_states_and_ten_at_most_48() -> None:
    scene = a_scene(nodes=10)
    scene.set_policy(strategy=StrategySpec(kind=Strategy.ROLLING, batch=1))
    ten = planned(scene).estimate.least[Item.STATE_TRANSITIONS]
    scene.set_policy(strategy=StrategySpec(kind=Strategy.ROLLING, batch=3))
    four = planned(scene).estimate.least[Item.STATE_TRANSITIONS]

    assert (four <= 28, ten <= 48) == (True, True)
    (line,) = cost_of({Item.STATE_TRANSITIONS: ten})
    assert line.nano_usd < 2_000_000


def test_the_earliest_end_is_when_the_bakes_are_over_and_the_latest_counts_everything_that_may_pass() -> None:
    scene = a_scene(nodes=4)
    scene.set_policy(
        strategy=StrategySpec(kind=Strategy.ROLLING, batch=2, bake_seconds=60),
        approval=ApprovalPolicy(required=True, expires_seconds=1_000),
        hold=HoldPolicy(step_seconds=10, max_holds=3),
        queue_seconds=500,
        deploy_seconds=100,
        pause_seconds=7,
        restore_seconds=5,
    )

    dry = planned(scene)

    now = scene.clock.policy_ms()
    ends = dry.environments[-1].ends
    assert ends.earliest_ms == now + 2 * 60_000
    assert ends.latest_ms == now + 1000 * (1_000 + 500 + 2 * (100 + 60 + 30))
    assert dry.worst_end_ms == ends.latest_ms + 1000 * (7 + 5)


def test_environments_that_run_it_already_or_are_jumped_are_passed_over_and_say_why() -> None:
    scene = a_scene()
    runs_already(scene, "2.0.0")
    a_node_in(Environment.STAGING, 1, ports=scene.ports)

    dry = planned(scene, target=Environment.STAGING, skip=(QA,), hotfix_reason="fire")

    assert [(str(times.leg.environment), times.leg.why) for times in dry.environments] == [
        ("Development", "2.0.0 runs here already."),
        ("QA", "Jumped by a hotfix: fire"),
        ("Staging", ""),
    ]
    assert dry.refusals == ()


def test_a_deployment_that_has_nothing_to_change_still_passes_the_stages() -> None:
    scene = a_scene()
    runs_already(scene, "2.0.0")
    dry = planned(scene)

    deployment = scene.run(scene.create())

    assert len(scene.driver.runs[deployment.id].passed) + 1 == dry.estimate.least[Item.STATE_TRANSITIONS]


def test_a_plan_changes_nothing() -> None:
    scene = a_scene()
    writes: list[Any] = []

    class ReadOnly:
        def __getattr__(self, name: str) -> Any:
            if name in ("commit", "add_many"):
                writes.append(name)
            return getattr(scene.store, name)

    plan_deployment(request(), caller=DANA, ports=replace(scene.ports, store=ReadOnly()))

    assert writes == []


def test_whoever_would_have_to_queue_is_told_behind_whom() -> None:
    scene = a_scene()
    scene.set_policy()
    scene.store.commit(Add(Turn(environment=DEV, module=MODULE, fence=1, holder="01J0")))

    (times,) = planned(scene).environments

    assert times.leg.queued_behind == "01J0"
    scene.set_policy(concurrency=Concurrency.REJECT)
    assert [refusal.code for refusal in planned(scene).refusals] == ["TURN_TAKEN"]


def test_a_version_nobody_registered_has_no_plan() -> None:
    scene = a_scene()

    with pytest.raises(NotFound):
        planned(scene, version="9.9.9")


def test_what_the_policy_does_not_let_be_overridden_is_refused_by_name_in_dry_run_and_request_alike() -> None:
    scene = a_scene()
    scene.set_policy(overridable=(Overridable.BAKE_SECONDS,))
    wanted = StrategyOverride(bake_seconds=5, batch=1)

    for ask in (planned, lambda scene, **more: scene.create(**more)):
        with pytest.raises(InvalidInput) as refused:
            ask(scene, strategy=wanted)
        (violation,) = refused.value.violations
        assert violation.field == "strategy.batch"
        assert "the policy allows bakeSeconds" in violation.rule


def test_an_override_holds_for_the_target_only_and_through_the_whole_deployment() -> None:
    scene = a_scene(nodes=4)
    scene.set_policy(overridable=tuple(Overridable))

    deployment = scene.run(scene.create(strategy=StrategyOverride(batch=1, bake_seconds=5)))

    assert [wave.bake_seconds for wave in deployment.rollouts[0].waves] == [5, 5, 5, 5]
    latest: Policy = scene.store.list(Policy, DEV, newest_first=True, limit=1)[0]
    assert latest.strategy.batch == 2


def test_a_stopped_line_and_a_full_one_are_told_beforehand() -> None:
    scene = a_scene()
    scene.set_policy()
    assert planned(scene).waits_for_line == ""

    stop_line(reason="fire", caller=DANA, ports=scene.ports)
    assert planned(scene).waits_for_line == "The line is stopped by dana: fire"
    resume_line(reason="out", caller=DANA, ports=scene.ports)
    limit_line(0, reason="calm", caller=DANA, ports=scene.ports)
    assert planned(scene).waits_for_line == "0 deployments are running, as many as may at once."


def test_whoever_changes_nothing_waits_for_no_line() -> None:
    scene = a_scene()
    runs_already(scene, "2.0.0")
    stop_line(reason="fire", caller=DANA, ports=scene.ports)

    assert planned(scene).waits_for_line == ""


def test_the_gate_of_a_plan_names_the_roles_and_who_is_excluded() -> None:
    scene = a_scene()
    mix = (RoleNeeded(role=Role.ADMIN, count=1),)
    asked = ApprovalPolicy(required=True, approvers=2, roles=mix, exclude_pusher=False, reason_required=True)
    scene.set_policy(approval=asked)

    gate = planned(scene).environments[0].leg.gate

    assert gate is not None
    assert (gate.approvers, gate.roles, gate.excludes_pusher, gate.reason_required) == (2, mix, False, True)
