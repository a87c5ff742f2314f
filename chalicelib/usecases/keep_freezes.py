"""Freezes: whoever would begin to change a frozen environment waits for its end without holding anything, or is refused.

A freeze is about the time and not about the deployment, so the calendar that counts is the one in force, whatever
revision of the policy a deployment keeps. Rollbacks, returns and restores are never frozen.
"""

from __future__ import annotations

from chalicelib.domain.deployment import Deployment, Failure, Kind, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import Frozen
from chalicelib.domain.freeze import Freeze, FreezeWindow, Verb, freeze_at
from chalicelib.domain.rollout import Phase, Rollout, frozen, thawed
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.end_deployment import ended_before_nodes, given_up_turn
from chalicelib.usecases.leave_line import left_line
from chalicelib.usecases.policies import current_policy, policy_of
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Decided, Entry, change_deployment

FURTHEST_MS = 365 * 24 * 3600 * 1000
"""A freeze without an end that counts is looked at again after a year, the longest a task of the machine may take."""


def calendar_of(environment: Environment, *, ports: Ports) -> tuple[FreezeWindow, ...]:
    """The freeze windows in force in an environment."""
    return current_policy(environment, ports=ports).freezes


def freeze_of(deployment: Deployment, rollout: Rollout, verb: Verb, *, ports: Ports) -> Freeze | None:
    """The freeze that holds this deployment up now; None too where it may pass freezes."""
    if deployment.kind is Kind.ROLLBACK or rollout.is_return or deployment.break_glass_reason:
        return None
    return freeze_at(calendar_of(rollout.environment, ports=ports), verb, ports.clock.policy_ms())


def require_open(deployment: Deployment, rollout: Rollout, verb: Verb, *, ports: Ports) -> None:
    """Nothing, if a person may do this now.

    Raises:
        Frozen: a window of the calendar in force forbids it.
    """
    freeze = freeze_of(deployment, rollout, verb, ports=ports)
    if freeze is not None:
        raise _frozen(f"{freeze.sentence} in {rollout.environment}.", rollout, freeze)


def require_start(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> None:
    """Nothing, if a deployment that is asked for now may begin here, or may wait until it may.

    Raises:
        Frozen: a window refuses it, or lasts longer than a deployment may wait.
    """
    freeze = freeze_of(deployment, rollout, Verb.START, ports=ports)
    longest = policy_of(rollout, ports=ports).freeze_wait_seconds
    why = None if freeze is None else freeze.refusal(at_ms=ports.clock.policy_ms(), longest_wait_s=longest)
    if freeze is not None and why is not None:
        raise _frozen(f"{rollout.environment}: {why}", rollout, freeze)


def _frozen(why: str, rollout: Rollout, freeze: Freeze) -> Frozen:
    return Frozen(why, environment=rollout.environment, window=freeze.window.name, until_ms=freeze.until_ms)


def held_up(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> Decided | None:
    """What follows when a rollout would begin now and must not: it waits, or ends; None when it may begin.

    Whoever waits gives up the turn and its place in the line, so a freeze blocks nobody that may pass it.
    """
    freeze = freeze_of(deployment, rollout, Verb.START, ports=ports)
    if freeze is None:
        return None
    now = ports.clock.policy_ms()
    why = freeze.refusal(at_ms=now, longest_wait_s=policy_of(rollout, ports=ports).freeze_wait_seconds)
    entry = met(rollout, freeze)
    if why is not None:
        failure = Failure(code="FROZEN", message=f"{rollout.environment}: {why}")
        return ended_before_nodes(deployment, Status.FAILED, failure=failure, entries=(entry,), ports=ports)
    until = now + FURTHEST_MS if freeze.until_ms is None else freeze.until_ms
    waiting = frozen(rollout, until_ms=until, why=f"{freeze.sentence}; waiting for its end.")
    given_up = (*given_up_turn(deployment, ports=ports), *left_line(deployment.id, ports=ports))
    return Decided(after=deployment.with_rollout(waiting), entries=(entry,), also=given_up)


def met(rollout: Rollout, freeze: Freeze) -> Entry:
    """The event that says which window was met."""
    detail = {"name": freeze.window.name, "verb": str(freeze.verb), "then": str(freeze.window.then)}
    return Entry(
        type=EventType.FREEZE_MET,
        environment=rollout.environment,
        wave=rollout.wave if rollout.waves else None,
        detail=detail | ({} if freeze.until_ms is None else {"until": freeze.until_ms}),
    )


def broken(deployment: Deployment, rollout: Rollout, *, ports: Ports) -> tuple[Entry, ...]:
    """The event of a break-glass deployment that begins in a freeze; none where there is no freeze to break."""
    if not deployment.break_glass_reason:
        return ()
    freeze = freeze_at(calendar_of(rollout.environment, ports=ports), Verb.START, ports.clock.policy_ms())
    if freeze is None:
        return ()
    detail = {
        "name": freeze.window.name,
        "verb": str(freeze.verb),
        "by": deployment.requested_by,
        "reason": deployment.break_glass_reason,
    }
    return (Entry(type=EventType.FREEZE_BROKEN, environment=rollout.environment, detail=detail),)


def thaw(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment, in line for its turn again when its freeze is over or was lifted; else waiting on, or refused."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if deployment.has_ended or rollout is None or rollout.phase is not Phase.FROZEN:
            return None
        held = held_up(deployment, rollout, ports=ports)
        if held is None:
            entry = Entry(type=EventType.FREEZE_OVER, environment=rollout.environment)
            after = deployment.with_rollout(thawed(rollout)).become(Status.RUNNING)
            return Decided(after=after, entries=(entry,))
        same = held.after.current == rollout
        return None if same else held

    return change_deployment(deployment_id, decide, ports=ports)
