"""How much of each service a deployment uses.

The state transitions of a deployment that goes well are exact: tests/usecases/test_plan_deployment.py compares them with
those the machine passes. Everything else is estimated from record sizes and call counts, and was not measured in AWS.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.forecast import LegTimes
from chalicelib.domain.freeze import Verb
from chalicelib.domain.prices import Item

BEFORE_AND_AFTER = 7
"""Build, Test, ScanSecurity, NextEnvironment, HasEnvironment, Validate, Completed."""

PER_ENVIRONMENT = 8
"""NextEnvironment, HasEnvironment, AwaitApproval, AwaitTurn, PlanWaves; AdvanceWave, WhatNext, ReleaseTurn."""

PER_WAVE = 3
"""AdvanceWave, WhatNext, BakeWave; a hold, or a freeze between waves, costs the same once more."""

WAIT_TIMEOUT_S = 300
"""AdvanceWave and RestoreNodes enter themselves anew after this long."""

PER_FREEZE = 5
"""A start that has to wait: AwaitTurn, NextEnvironment, HasEnvironment, AwaitApproval, and that once more at its end."""

ROLLBACK = 4
"""RestoreNodes, FinishDeployment, HowItEnded and the end, instead of the way to Completed."""

CHOICES_PER_ENVIRONMENT, CHOICES_PER_WAVE, CHOICES_BEFORE_AND_AFTER = 2, 1, 2
"""States that call no function: HasEnvironment, WhatNext; HasEnvironment and the end."""

READS_PER_HEARTBEAT, WRITES_PER_HEARTBEAT = 5, 2
"""Request units of one report of a node while its environment changes."""

METRICS_PER_LOOK = 60
"""Statistics asked of CloudWatch at each look at an alias: five of each version, and the counts between bounds."""

WRITES_PER_EVENT, READS_PER_EVENT = 30, 8
"""Request units of one decision: the deployment, its event, audit record and outbox message, and two indexes."""

WRITES_PER_NODE = 12
"""Request units of one node's place in a rollout: its membership, what it owes, and its answer."""

EVENTS_PER_ENVIRONMENT, EVENTS_PER_WAVE, EVENTS_BEFORE_AND_AFTER = 4, 3, 6
FUNCTION_MS, FUNCTION_MB = 50, 512
"""Assumed length of a call; its memory is what infra/resources.py gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How much is used when all goes well, and at most while nobody interferes."""

    least: dict[Item, int]
    most: dict[Item, int]


def estimate(laid: Sequence[LegTimes]) -> Estimate:
    """What a deployment with these environments uses."""
    return Estimate(least=_usage(laid, at_most=False), most=_usage(laid, at_most=True))


def state_transitions(laid: Sequence[LegTimes], *, at_most: bool) -> int:
    """How many states the machine passes; `at_most`: with every hold, every deadline and a rollback at the end."""
    total = BEFORE_AND_AFTER
    for times in _changed(laid):
        policy = times.leg.policy
        total += PER_ENVIRONMENT
        # A wave that does not bake goes straight on to the next state.
        total += sum(PER_WAVE if wave.wave.bake_seconds else PER_WAVE - 1 for wave in times.waves)
        met = () if times.leg.breaks_freezes else times.freezes
        total += PER_FREEZE * sum(freeze.verb is Verb.START for freeze in met)
        total += PER_WAVE * sum(freeze.verb is Verb.PROMOTE for freeze in met)
        if at_most:
            again = -(-policy.deploy_seconds // WAIT_TIMEOUT_S) + PER_WAVE * (policy.hold.max_holds + 1)
            total += again * len(times.waves) + PER_FREEZE * (len(times.freezes) + 1)
    if at_most and _changed(laid):
        longest = max(times.leg.policy.restore_seconds for times in _changed(laid))
        total += ROLLBACK + -(-longest // WAIT_TIMEOUT_S)
    return total


def _usage(laid: Sequence[LegTimes], *, at_most: bool) -> dict[Item, int]:
    changed = _changed(laid)
    transitions = state_transitions(laid, at_most=at_most)
    waves = sum(len(times.waves) for times in changed)
    choices = CHOICES_BEFORE_AND_AFTER + CHOICES_PER_ENVIRONMENT * len(changed) + CHOICES_PER_WAVE * waves
    beats = sum(_heartbeats(times, at_most=at_most) for times in changed if not _is_by_weight(times))
    # Aliases are looked at once a minute by a function of ours, and at the beginning of each wave.
    looks = sum(-(-_heartbeats(times, at_most=at_most) // 60) for times in changed if _is_by_weight(times))
    looks += sum(len(times.waves) for times in changed if _is_by_weight(times))
    nodes = sum(times.leg.plan.fleet for times in changed if times.leg.plan is not None)
    events = EVENTS_BEFORE_AND_AFTER + EVENTS_PER_ENVIRONMENT * len(changed) + EVENTS_PER_WAVE * waves
    calls = transitions - choices + beats + looks
    return {
        Item.STATE_TRANSITIONS: transitions,
        Item.FUNCTION_REQUESTS: calls,
        Item.FUNCTION_GB_SECONDS: -(-calls * FUNCTION_MS * FUNCTION_MB // (1000 * 1024)),
        Item.TABLE_WRITES: (beats + looks) * WRITES_PER_HEARTBEAT + events * WRITES_PER_EVENT + nodes * WRITES_PER_NODE,
        Item.TABLE_READS: (beats + looks) * READS_PER_HEARTBEAT + events * READS_PER_EVENT,
        Item.API_REQUESTS: beats,
        Item.EVENTS: events,
        Item.METRICS: looks * METRICS_PER_LOOK,
    }


def _is_by_weight(times: LegTimes) -> bool:
    return times.leg.plan is not None and times.leg.plan.by_weight


def _heartbeats(times: LegTimes, *, at_most: bool) -> int:
    """One a second from every node of the environment from its first wave to its end."""
    begins, ends = (
        (times.begins.latest_ms, times.ends.latest_ms)
        if at_most
        else (times.begins.earliest_ms, times.ends.earliest_ms)
    )
    if begins is None or ends is None or times.leg.plan is None:
        return 0
    return times.leg.plan.fleet * ((ends - begins) // 1000)


def _changed(laid: Sequence[LegTimes]) -> list[LegTimes]:
    return [times for times in laid if times.leg.plan is not None]
