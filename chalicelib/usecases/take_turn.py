"""AwaitTurn: ask for the right to change a module in an environment, and for a place in the line; go on with both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Kind, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import DomainError, LineFull, QueueFull
from chalicelib.domain.line import Line, enter, is_in
from chalicelib.domain.policy import Concurrency, Policy
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.timeline import EventType
from chalicelib.domain.turn import Turn, ask
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.keep_freezes import broken, held_up
from chalicelib.usecases.policies import policy_revision
from chalicelib.usecases.ports import Add, Change, Ports, Replace
from chalicelib.usecases.recording import Decided, Entry, change_deployment
from chalicelib.usecases.start_restore import restore_decision

MOST_SUPERSEDED = 1_000
"""Unfinished deployments looked through for older ones; as many as may wait for the line."""


def take_turn(deployment_id: str, *, timed_out: bool = False, ports: Ports) -> Deployment:
    """The deployment after it asked, and whoever is next after it too, where a freeze made it step aside.

    See `_asked` for what asking does.
    """
    deployment = _asked(deployment_id, timed_out=timed_out, ports=ports)
    if _steps_aside(deployment):
        hand_on(deployment, ports=ports)
    return deployment


def _asked(deployment_id: str, *, timed_out: bool = False, ports: Ports) -> Deployment:
    """The deployment after it asked: with a fence when the turn is its own, else Queued behind the holder.

    A deployment that finds the queue full, or the policy set to reject, ends Failed and says who holds the turn; one
    that has queued as long as the policy allows (`timed_out`) ends Expired.
    """

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if deployment.has_ended or rollout is None or rollout.phase is not Phase.AWAITING_TURN or rollout.fence:
            return None
        held = held_up(deployment, rollout, ports=ports)
        if held is not None:
            return held
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        stored = ports.store.get(Turn, rollout.environment, deployment.module)
        turn = stored or Turn(environment=rollout.environment, module=deployment.module)
        limit = 0 if policy.concurrency is Concurrency.REJECT else policy.queue_limit
        undoes = deployment.kind is Kind.ROLLBACK
        newer = _newer_here(deployment, rollout, turn, ports=ports) if _supersedes(deployment, policy) else None
        if newer is not None:
            late = replace(deployment, superseded_by=newer.id)
            failure = Failure(code="SUPERSEDED", message=f"Superseded by {newer.id}.")
            return ended_before_nodes(late, Status.SUPERSEDED, failure=failure, ports=ports)
        try:
            asked = ask(turn, deployment.id, limit=limit, front=undoes)
        except QueueFull as full:
            failure = Failure(code="TURN_TAKEN", message=str(full))
            return ended_before_nodes(deployment, Status.FAILED, failure=failure, ports=ports)
        also: tuple[Change, ...] = ()
        if asked is not turn:
            also = (Replace(asked),) if stored is not None else (Add(replace(asked, revision=0)),)
        position = asked.position(deployment.id)
        waits_for, why = "turn", f"Deployment {asked.holder} holds the turn."
        line = ports.store.get(Line)
        if position == 0 and line is not None:
            try:
                entered = enter(line, deployment.id, free=undoes)
            except LineFull as full:
                failure = Failure(code="LINE_FULL", message=str(full))
                return ended_before_nodes(deployment, Status.FAILED, failure=failure, ports=ports)
            also = also if entered is line else (*also, Replace(entered))
            if not is_in(entered, deployment.id):
                position, waits_for, why = entered.waiting.index(deployment.id) + 1, "line", entered.why
        if position == 0:
            granted = replace(rollout, fence=asked.fence)
            after = deployment.with_rollout(granted).become(Status.RUNNING)
            detail = {"fence": asked.fence, "holder": deployment.id}
            entry = Entry(type=EventType.TURN_GRANTED, environment=rollout.environment, detail=detail)
            broke = broken(deployment, rollout, ports=ports)
            return Decided(after=after, entries=(*broke, entry), also=also)
        if timed_out and deployment.status is Status.QUEUED:
            message = f"Queued for {policy.queue_seconds} s without getting the {waits_for}. {why}"
            failure = Failure(code="QUEUE_TIMEOUT", message=message)
            return ended_before_nodes(deployment, Status.EXPIRED, failure=failure, ports=ports)
        if not also and deployment.status is Status.QUEUED:
            return None
        detail = {"position": position, "holder": asked.holder, "waitsFor": waits_for, "why": why}
        entry = Entry(type=EventType.TURN_QUEUED, environment=rollout.environment, detail=detail)
        return Decided(after=deployment.become(Status.QUEUED), entries=(entry,), also=also)

    deployment = change_deployment(deployment_id, decide, ports=ports)
    rollout = deployment.current
    if rollout is not None and rollout.phase is Phase.AWAITING_TURN:
        _supersede(deployment, rollout, ports=ports)
    return deployment


def _steps_aside(deployment: Deployment) -> bool:
    """Whether a freeze made it give up its turn, so that others may go on."""
    return deployment.current is not None and deployment.current.phase is Phase.FROZEN


def _supersede(newer: Deployment, rollout: Rollout, *, ports: Ports) -> None:
    """Where the policy says so, end every forward deployment that the newer one makes pointless; touched nodes are restored.

    Those in front of it in the queue, and those asked for before it that stand in no queue yet: they wait for approval,
    or for a freeze to end (decision 15). Who comes late, behind a newer one, never gets here (decision 67).
    """
    if not _supersedes(newer, policy_revision(rollout.environment, rollout.policy_revision, ports=ports)):
        return
    turn = ports.store.get(Turn, rollout.environment, newer.module)
    if turn is not None and newer.id in turn.queue:
        in_front = turn.queue[: turn.queue.index(newer.id)]
        for older in (*in_front, *((turn.holder,) if turn.holder else ())):
            supersede(older, by=newer.id, ports=ports)
    for waiting in ports.store.page(Deployment, "open", "DEPLOYMENTS", limit=MOST_SUPERSEDED).records:
        if waiting.module == newer.module and _waits_before(waiting, newer, rollout.environment):
            supersede(waiting.id, by=newer.id, ports=ports)


def _supersedes(deployment: Deployment, policy: Policy) -> bool:
    """Whether of this deployment and others the newest counts; a rollback neither ends others so nor is ended so."""
    return policy.concurrency is Concurrency.SUPERSEDE and deployment.kind is Kind.DEPLOY


def _newer_here(deployment: Deployment, rollout: Rollout, turn: Turn, *, ports: Ports) -> Deployment | None:
    """One that was asked for later and came here first: it stands in the queue, has the turn, or was promoted last."""
    assignment = ports.store.get(Assignment, rollout.environment, deployment.module)
    promoted = "" if assignment is None else assignment.stable_by
    for other in dict.fromkeys((*turn.queue, turn.holder or "", promoted)):
        found = ports.store.get(Deployment, other) if other not in ("", deployment.id) else None
        if found is None or found.kind is Kind.ROLLBACK or not deployment.is_older_than(found):
            continue
        if other == promoted or found.may_succeed:
            return found
    return None


def _waits_before(older: Deployment, newer: Deployment, environment: Environment) -> bool:
    """Whether an older deployment waits before this environment without a place in its queue."""
    rollout = older.current
    if rollout is None or rollout.environment is not environment or older.id == newer.id:
        return False
    waits = rollout.phase in (Phase.AWAITING_APPROVAL, Phase.FROZEN)
    return waits and older.is_older_than(newer)


def supersede(deployment_id: str, *, by: str, ports: Ports) -> Deployment:
    """The older deployment, Superseded at once or RollingBack towards it; one that cannot be any more is left alone."""

    def decide(deployment: Deployment) -> Decided | None:
        rollout = deployment.current
        if not deployment.may_succeed or rollout is None or deployment.kind is Kind.ROLLBACK:
            return None
        why = f"Superseded by {by}."
        failure = Failure(code="SUPERSEDED", message=why)
        policy = policy_revision(rollout.environment, rollout.policy_revision, ports=ports)
        older = replace(deployment, superseded_by=by)
        return restore_decision(older, Status.SUPERSEDED, why=why, failure=failure, policy=policy, ports=ports)

    older = change_deployment(deployment_id, decide, ports=ports)
    if older.has_ended:
        hand_on(older, ports=ports)
    return older


def hand_on(deployment: Deployment, *, ports: Ports) -> None:
    """Let whoever is next take the turn, and the place in the line, that `deployment` gave up.

    Whom a freeze makes step aside gives both to the next one again, in a loop: a queue may be long. The reconciler does
    the same for what is missed.
    """
    _pass_on([deployment], ports=ports)


def let_in(*, ports: Ports) -> None:
    """Let those go on who were let into the line and do not know it yet."""
    _pass_on([], ports=ports)


def _pass_on(stepped_aside: list[Deployment], *, ports: Ports) -> None:
    told: set[tuple[str, int]] = set()
    while True:
        while stepped_aside:
            before = stepped_aside.pop()
            for rollout in before.rollouts:
                turn = ports.store.get(Turn, rollout.environment, before.module)
                if turn is None or turn.holder in (None, before.id) or (turn.holder, turn.fence) in told:
                    continue
                told.add((turn.holder, turn.fence))
                _collect(_asked(turn.holder, ports=ports), stepped_aside)
        line = ports.store.get(Line)
        admitted = [] if line is None else [each for each in line.admitted if (each, 0) not in told]
        if not admitted:
            return
        for deployment_id in admitted:
            told.add((deployment_id, 0))
            with suppress(DomainError):  # the sweep does it
                _collect(_asked(deployment_id, ports=ports), stepped_aside)


def _collect(deployment: Deployment, stepped_aside: list[Deployment]) -> None:
    if _steps_aside(deployment):
        stepped_aside.append(deployment)
