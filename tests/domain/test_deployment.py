"""The transition table of a deployment, and what follows from its rollouts."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.deployment import (
    ENDS,
    STATUS_OF_PHASE,
    TRANSITIONS,
    Deployment,
    ListedDeployment,
    Stage,
    StageName,
    StageStatus,
    Status,
    environments_left,
)
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import IllegalTransition
from chalicelib.domain.rollout import ENDS as PHASES_THAT_END
from chalicelib.domain.rollout import Phase, Rollout
from tests.builders import a_deployment


def test_every_status_has_its_row() -> None:
    assert set(TRANSITIONS) == set(Status)


def test_what_a_list_says_of_a_deployment_has_the_types_and_defaults_of_the_deployment() -> None:
    whole = {each.name: (get_type_hints(Deployment)[each.name], each.default) for each in fields(Deployment)}
    listed = {
        each.name: (get_type_hints(ListedDeployment)[each.name], each.default) for each in fields(ListedDeployment)
    }

    assert listed.items() <= whole.items()


@pytest.mark.parametrize("end", sorted(ENDS))
@pytest.mark.parametrize("wanted", Status)
def test_ends_absorb(end: Status, wanted: Status) -> None:
    deployment = a_deployment(status=end)

    if wanted is end:
        assert deployment.become(wanted) is deployment
    else:
        with pytest.raises(IllegalTransition) as refused:
            deployment.become(wanted)
        assert (refused.value.status, refused.value.wanted) == (end, wanted)


def test_every_status_can_be_reached_from_pending() -> None:
    reached = {Status.PENDING}
    while more := {after for status in reached for after in TRANSITIONS[status]} - reached:
        reached |= more

    assert reached == set(Status)


def test_from_every_status_an_end_can_be_reached() -> None:
    ending = set(ENDS)
    while more := {status for status in Status if TRANSITIONS[status] & ending} - ending:
        ending |= more

    assert ending == set(Status)


def test_a_deployment_whose_nodes_are_being_restored_cannot_go_forward_again() -> None:
    assert TRANSITIONS[Status.ROLLING_BACK] <= ENDS
    assert Status.COMPLETED not in TRANSITIONS[Status.ROLLING_BACK]


def test_only_a_running_deployment_completes_and_only_a_rollback_is_rolled_back() -> None:
    before = {end: {status for status in Status if end in TRANSITIONS[status]} for end in ENDS}

    assert before[Status.COMPLETED] == {Status.RUNNING}
    assert before[Status.ROLLED_BACK] == {Status.ROLLING_BACK}
    assert before[Status.ROLLBACK_FAILED] == {Status.ROLLING_BACK}
    assert before[Status.REJECTED] == {Status.PENDING_APPROVAL}


@given(st.lists(st.sampled_from(Status), max_size=12))
def test_whatever_is_asked_for_a_deployment_is_only_ever_where_the_table_allows(wanted: list[Status]) -> None:
    deployment = a_deployment()

    for status in wanted:
        allowed = status is deployment.status or status in TRANSITIONS[deployment.status]
        if allowed:
            deployment = deployment.become(status)
            assert deployment.status is status
        else:
            with pytest.raises(IllegalTransition):
                deployment.become(status)


# What may follow what inside one environment; the pictures in domain/rollout.py in other words.
AFTER: dict[Phase, tuple[Phase, ...]] = {
    Phase.PENDING: (Phase.SKIPPED, Phase.AWAITING_APPROVAL, Phase.AWAITING_TURN),
    Phase.AWAITING_APPROVAL: (Phase.AWAITING_TURN,),
    Phase.AWAITING_TURN: (Phase.DEPLOYING, Phase.AWAITING_APPROVAL),
    Phase.DEPLOYING: (Phase.BAKING, Phase.RESTORING),
    Phase.BAKING: (Phase.DEPLOYING, Phase.PAUSED, Phase.PROMOTED, Phase.RESTORING),
    Phase.PAUSED: (Phase.BAKING, Phase.RESTORING),
    Phase.RESTORING: (Phase.RESTORED, Phase.RESTORE_FAILED),
}


@given(st.data())
def test_the_status_that_a_phase_means_is_legal_in_every_legal_order_of_phases(data: st.DataObject) -> None:
    deployment = a_deployment(target=Environment.PRODUCTION).become(Status.RUNNING)

    for rollout in deployment.rollouts:
        phase = rollout.phase
        for _ in range(12):
            if phase not in AFTER:
                break
            phase = data.draw(st.sampled_from(AFTER[phase]))
            deployment = deployment.with_rollout(replace(rollout, phase=phase))
            if phase is Phase.AWAITING_TURN and data.draw(st.booleans()):
                deployment = deployment.become(Status.QUEUED)
            assert deployment.status is STATUS_OF_PHASE.get(phase, deployment.status)
        if phase not in (Phase.SKIPPED, Phase.PROMOTED):
            break


def test_the_current_rollout_is_the_one_that_has_begun_and_not_ended() -> None:
    phases = (Phase.SKIPPED, Phase.PROMOTED, Phase.BAKING, Phase.PENDING)
    rollouts = tuple(Rollout(environment=e, phase=p) for e, p in zip(Environment, phases, strict=True))
    deployment = a_deployment(target=Environment.PRODUCTION, rollouts=rollouts)

    assert deployment.current is deployment.rollout(Environment.STAGING)
    assert [rollout.environment for rollout in environments_left(deployment)] == [
        Environment.STAGING,
        Environment.PRODUCTION,
    ]


@pytest.mark.parametrize("phase", [Phase.PENDING, *sorted(PHASES_THAT_END)])
def test_between_environments_no_rollout_is_current_and_no_node_is_being_touched(phase: Phase) -> None:
    deployment = a_deployment(rollouts=(Rollout(environment=Environment.DEVELOPMENT, phase=phase, touched_upto=3),))

    assert deployment.current is None
    assert not deployment.touched_nodes


@pytest.mark.parametrize(("upto", "touched"), [(0, False), (1, True)])
def test_nodes_are_touched_once_a_wave_has_told_one_to_change(upto: int, touched: bool) -> None:
    rollout = Rollout(environment=Environment.DEVELOPMENT, phase=Phase.DEPLOYING, touched_upto=upto)

    assert a_deployment(rollouts=(rollout,)).touched_nodes is touched


@pytest.mark.parametrize(("run", "name"), [(0, "d-1"), (1, "d-1-r1"), (12, "d-1-r12")])
def test_the_name_of_an_execution_follows_from_the_run(run: int, name: str) -> None:
    assert a_deployment(id="d-1", run=run).execution_name == name


def test_a_stage_is_added_once_and_replaced_afterwards() -> None:
    running = Stage(name=StageName.BUILD, status=StageStatus.RUNNING, started_at_ms=1)
    done = replace(running, status=StageStatus.SUCCEEDED, ended_at_ms=2)

    deployment = a_deployment().with_stage(running).with_stage(done)

    assert deployment.stages == (done,)
    assert deployment.stage(StageName.BUILD) is done
    assert deployment.stage(StageName.TEST) is None
