"""Where an execution of the state machine waits, and what would let it go on.

The table is the truth and the token only a wake-up: what a wait returns is computed from the deployment alone, so a
lost, late or doubled wake-up changes nothing, and the reconciler can always ask again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, assert_never

from chalicelib.domain.deployment import Deployment, StageName, StageStatus, Status
from chalicelib.domain.rollout import Phase, Rollout


class WaitState(StrEnum):
    """The states of the machine that wait for a token."""

    BUILD = "Build"
    TEST = "Test"
    VALIDATE = "Validate"
    AWAIT_APPROVAL = "AwaitApproval"
    AWAIT_TURN = "AwaitTurn"
    ADVANCE_WAVE = "AdvanceWave"
    BAKE_WAVE = "BakeWave"
    AWAIT_RESUME = "AwaitResume"
    RESTORE_NODES = "RestoreNodes"


_STAGE_OF = {
    WaitState.BUILD: StageName.BUILD,
    WaitState.TEST: StageName.TEST,
    WaitState.VALIDATE: StageName.VALIDATION,
}
"""These wait for a hook, where one is configured; else their answer is there at once."""


class Next(StrEnum):
    """Where the machine goes from a wait; the Choice states read it."""

    TURN = "turn"
    PLAN = "plan"
    FROZEN = "frozen"
    ADVANCE = "advance"
    BAKE = "bake"
    AWAIT_RESUME = "awaitResume"
    RESTORE = "restore"
    RELEASE = "release"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The one wait of a deployment: its state, the token to wake it, and which token was already answered.

    `token` is a secret; only its hash is ever shown or logged. A retried task brings a new token, which replaces it.
    """

    deployment_id: str
    state: WaitState
    run: int
    token: str
    token_hash: str
    answered_hash: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.deployment_id,)

    @property
    def is_answered(self) -> bool:
        """Whether the token that is stored has been sent its answer."""
        return self.answered_hash == self.token_hash


def answer(deployment: Deployment, state: WaitState, *, now_ms: int) -> dict[str, Any] | None:
    """What a wait in `state` returns to the machine now, or None while there is nothing to say.

    Always the whole state of the machine: `deploymentId`, `correlationId`, `environment`, `next`, and `seconds` for the timed wait
    that follows. `now_ms` is policy time.
    """
    if state in _STAGE_OF:
        return _after_stage(deployment, _STAGE_OF[state])
    rollout = deployment.current
    if rollout is None:
        # Between two environments nothing is waited for; the one that is done has its turn to give back.
        done = [each for each in deployment.rollouts if each.phase is Phase.PROMOTED]
        following = Next.END if deployment.has_ended else Next.RELEASE
        return _state(deployment, done[-1] if done else None, following)
    if rollout.phase is Phase.RESTORING:
        return None if state is WaitState.RESTORE_NODES else _state(deployment, rollout, Next.RESTORE)
    match state:
        case WaitState.AWAIT_APPROVAL:
            # A freeze is waited for here as well: the next state enters this one with its time.
            waiting = rollout.phase in (Phase.AWAITING_APPROVAL, Phase.FROZEN)
            return None if waiting else _state(deployment, rollout, Next.TURN, seconds=rollout.queue_seconds)
        case WaitState.AWAIT_TURN:
            if rollout.phase is Phase.FROZEN:
                return _state(deployment, rollout, Next.FROZEN)
            waiting = rollout.phase is Phase.AWAITING_TURN and not rollout.fence
            # Should the plan differ from the approved one, the machine goes back to asking, for this long.
            return None if waiting else _state(deployment, rollout, Next.PLAN, seconds=rollout.approval_seconds)
        case WaitState.ADVANCE_WAVE:
            return _after_advance(deployment, rollout, now_ms)
        case WaitState.BAKE_WAVE:
            baking = rollout.phase is Phase.BAKING and (rollout.bake_until_ms or 0) > now_ms
            return None if baking else _state(deployment, rollout, Next.ADVANCE)
        case WaitState.AWAIT_RESUME:
            return None if rollout.phase is Phase.PAUSED else _state(deployment, rollout, Next.ADVANCE)
        case WaitState.RESTORE_NODES | WaitState.BUILD | WaitState.TEST | WaitState.VALIDATE:
            return None
        case _:
            assert_never(state)


def _after_stage(deployment: Deployment, name: StageName) -> dict[str, Any] | None:
    stage = deployment.stage(name)
    is_over = stage is not None and stage.status is not StageStatus.RUNNING
    if deployment.has_ended:
        completed = name is StageName.VALIDATION and deployment.status is Status.COMPLETED
        return _state(deployment, None, Next.ADVANCE if completed else Next.END)
    return _state(deployment, None, Next.ADVANCE) if is_over else None


def _after_advance(deployment: Deployment, rollout: Rollout, now_ms: int) -> dict[str, Any] | None:
    match rollout.phase:
        case Phase.DEPLOYING:
            return None
        case Phase.BAKING:
            left_ms = (rollout.bake_until_ms or 0) - now_ms
            if left_ms <= 0 and deployment.awaits_smoke:
                return None
            if left_ms <= 0:
                return _state(deployment, rollout, Next.ADVANCE)
            return _state(deployment, rollout, Next.BAKE, seconds=-(-left_ms // 1000))
        case Phase.PAUSED:
            left_ms = max((rollout.pause_until_ms or 0) - now_ms, 1000)
            return _state(deployment, rollout, Next.AWAIT_RESUME, seconds=-(-left_ms // 1000))
        case _:
            return _state(deployment, rollout, Next.ADVANCE)


def _state(deployment: Deployment, rollout: Rollout | None, following: Next, *, seconds: int = 1) -> dict[str, Any]:
    return {
        "deploymentId": deployment.id,
        "correlationId": deployment.correlation_id,
        "environment": "" if rollout is None else str(rollout.environment),
        "next": str(following),
        "seconds": seconds,
    }
