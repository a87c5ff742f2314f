"""The first and the last instant of a freeze, for every verb, on days of 23, 24 and 25 hours: its beginning belongs to it, its
end does not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Frozen
from chalicelib.domain.freeze import FreezeWindow, Verb, Weekday, Weekly
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.usecases.control_deployment import promote_deployment
from chalicelib.usecases.create_deployment import DeploymentRequest
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.plan_deployment import plan_deployment
from chalicelib.usecases.ports import Ports
from tests.builders import MODULE
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

DEV = Environment.DEVELOPMENT
DAYS = {
    # Clocks in Berlin: 02:00 becomes 03:00 on 2026-03-29 and 03:00 becomes 02:00 on 2026-10-25.
    "23 hours": ("2026-03-29T00:30", "2026-03-29T01:30"),
    "24 hours": ("2026-09-20T23:30", "2026-09-21T01:30"),
    "25 hours": ("2026-10-24T23:30", "2026-10-25T02:30"),
}
"""When Sunday (or Monday), 01:30 to 03:30 in Berlin, begins and ends, in UTC: one, two and three hours."""


def ms(utc: str) -> int:
    return int(datetime.fromisoformat(utc).replace(tzinfo=UTC).timestamp() * 1000)


def window(*verbs: Verb) -> FreezeWindow:
    days = (Weekday.SUNDAY, Weekday.MONDAY)
    return FreezeWindow(
        name="night", verbs=verbs, time_zone="Europe/Berlin", weekly=Weekly(days=days, begins="01:30", ends="03:30")
    )


def scene_at(at_ms: int, **policy: object) -> Scene:
    """Development as it is at this instant; nodes have just been heard of."""
    scene = a_scene()
    scene.clock.advance(at_ms - scene.clock.policy_ms())
    scene.set_policy(**policy)
    for node in scene.nodes:
        node.at_ms = scene.clock.machine_ms()
    runs_already(scene)
    return scene


def may_start(at_ms: int) -> bool:
    scene = scene_at(at_ms, freezes=(window(Verb.START),))
    deployment = scene.create()
    scene.settle()
    return scene.now(deployment).rollouts[0].phase is not Phase.FROZEN


def is_planned_to_start(at_ms: int) -> bool:
    scene = scene_at(at_ms, freezes=(window(Verb.START),))
    request = DeploymentRequest(module=MODULE, version="2.0.0", target=DEV)
    [times] = plan_deployment(request, caller=DANA, ports=scene.ports).environments
    return times.begins.earliest_ms == at_ms


def may_approve(at_ms: int) -> bool:
    scene = scene_at(at_ms - 1000, freezes=(window(Verb.APPROVE),), approval=ApprovalPolicy(required=True))
    deployment = scene.create()
    scene.settle()
    scene.clock.advance(1000)
    return is_allowed(
        lambda ports: decide_approval(deployment.id, approved=True, reason="", caller=ERIN, ports=ports), scene
    )


def may_promote(at_ms: int) -> bool:
    scene = scene_at(at_ms - 10_000)
    deployment = scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)
    scene.set_policy(freezes=(window(Verb.PROMOTE),))
    scene.clock.advance(at_ms - scene.clock.policy_ms())
    return is_allowed(lambda ports: promote_deployment(deployment.id, reason="", caller=DANA, ports=ports), scene)


def is_allowed(do: Callable[[Ports], object], scene: Scene) -> bool:
    try:
        do(scene.ports)
    except Frozen:
        return False
    return True


@pytest.mark.parametrize("may", [may_start, is_planned_to_start, may_approve, may_promote])
@pytest.mark.parametrize("day", DAYS)
def test_a_freeze_begins_with_its_first_instant_and_ends_before_its_last(day: str, may: Callable[[int], bool]) -> None:
    begins, ends = (ms(text) for text in DAYS[day])

    assert [may(at_ms) for at_ms in (begins - 1, begins, ends - 1, ends)] == [True, False, False, True]


@pytest.mark.parametrize("day", DAYS)
def test_whoever_waits_for_it_begins_at_its_last_instant_and_not_before(day: str) -> None:
    begins, ends = (ms(text) for text in DAYS[day])
    scene = scene_at(begins, freezes=(window(Verb.START),))
    deployment = scene.create()
    scene.settle()

    assert scene.now(deployment).rollouts[0].frozen_until_ms == ends
    scene.clock.advance(ends - begins - 1)
    scene.driver.time_out()
    scene.settle()
    assert scene.now(deployment).rollouts[0].phase is Phase.FROZEN
    for node in scene.nodes:
        node.beat()
    scene.clock.advance(1000)
    scene.driver.time_out()
    scene.settle()
    assert scene.now(deployment).rollouts[0].phase is Phase.DEPLOYING
