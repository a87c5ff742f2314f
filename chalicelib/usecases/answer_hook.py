"""A hook has answered, or its time is up: one write keeps the outcome and what follows from it, and wakes who waits."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.deployment import Deployment, Failure, Status, smoke_position
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import AlreadyDecided, NotFound
from chalicelib.domain.hook import HookCall, HookPoint, HookStatus, call_id, ended, parse_call_id
from chalicelib.domain.rollout import CHANGING
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.advance_wave import is_to_be_judged, judged
from chalicelib.usecases.complete_deployment import validation_answered
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import SYSTEM, Decided, Entry, change_deployment, get_deployment
from chalicelib.usecases.run_stage import stage_answered
from chalicelib.usecases.start_restore import restore_decision


def answer_hook(identity: str, status: HookStatus, message: str, *, request_id: str = "", ports: Ports) -> HookCall:
    """The call with its outcome. The same outcome again changes nothing.

    Raises:
        NotFound: there is no such call.
        AlreadyDecided: it has another outcome, or its time is up.
    """
    parsed = parse_call_id(identity)
    if parsed is None:
        raise NotFound("hook call", identity)
    deployment_id, position = parsed

    def decide(deployment: Deployment) -> Decided | None:
        call = _call(deployment, position)
        now = ports.clock.machine_ms()
        if call.is_overdue(now):
            return _timed_out(deployment, call, ports=ports)
        answered = ended(call, status, message, now_ms=now)
        return None if answered is call else _decided(deployment, answered, ports=ports)

    changed = change_deployment(deployment_id, decide, actor=f"hook:{identity}", request_id=request_id, ports=ports)
    call = _call(changed, position)
    if call.status is not status:
        raise AlreadyDecided("hook call", call.status)
    return call


def time_out_hooks(deployment_id: str, *, ports: Ports) -> Deployment:
    """The deployment, with every call whose time is up ended and what follows from it decided."""

    def decide(deployment: Deployment) -> Decided | None:
        now = ports.clock.machine_ms()
        overdue = next((call for call in deployment.hooks if call.is_overdue(now)), None)
        return None if overdue is None or deployment.has_ended else _timed_out(deployment, overdue, ports=ports)

    deployment = get_deployment(deployment_id, ports=ports)
    if not any(call.is_pending for call in deployment.hooks):
        return deployment
    return change_deployment(deployment_id, decide, actor=SYSTEM, ports=ports)


def _call(deployment: Deployment, position: str) -> HookCall:
    call = deployment.hook(position)
    if call is None:
        raise NotFound("hook call", call_id(deployment.id, position))
    return call


def _timed_out(deployment: Deployment, call: HookCall, *, ports: Ports) -> Decided:
    message = f"No outcome within {call.target.timeout_seconds} s."
    return _decided(
        deployment, ended(call, HookStatus.TIMED_OUT, message, now_ms=ports.clock.machine_ms()), ports=ports
    )


def _decided(deployment: Deployment, call: HookCall, *, ports: Ports) -> Decided:
    """The outcome and what follows. A deployment that went another way meanwhile only keeps it."""
    told = Entry(
        type=EventType.HOOK_ENDED,
        environment=_environment(deployment, call),
        detail={
            "callId": call_id(deployment.id, call.position),
            "point": str(call.point),
            "status": str(call.status),
            "message": call.message,
        },
    )
    after = deployment.with_hook(call)
    if deployment.has_ended:
        return Decided(after=after, entries=(told,))
    match call.point:
        case HookPoint.BUILD | HookPoint.TEST:
            decided = stage_answered(after, call, ports=ports)
        case HookPoint.VALIDATION:
            decided = validation_answered(after, call, ports=ports)
        case HookPoint.SMOKE:
            decided = _smoked(after, call, ports=ports)
    return replace(decided, entries=(told, *decided.entries))


def _smoked(deployment: Deployment, call: HookCall, *, ports: Ports) -> Decided:
    """A failed smoke test takes the wave back at once; a good one lets a wave that has baked be judged in this write."""
    rollout = deployment.current
    if rollout is None or rollout.environment is not _environment(deployment, call) or rollout.phase not in CHANGING:
        return Decided(after=deployment)
    policy = policy_of(rollout, ports=ports)
    if call.status is not HookStatus.SUCCEEDED:
        why = f"The smoke hook {_word(call)}: {call.message or call.target}"
        failure = Failure(code="SMOKE_FAILED", message=why)
        return restore_decision(deployment, Status.ROLLED_BACK, why=why, failure=failure, policy=policy, ports=ports)
    if is_to_be_judged(deployment, now_ms=ports.clock.policy_ms()):
        return judged(deployment, rollout, policy, ports=ports)
    return Decided(after=deployment)


def _word(call: HookCall) -> str:
    return "timed out" if call.status is HookStatus.TIMED_OUT else "failed"


def _environment(deployment: Deployment, call: HookCall) -> Environment | None:
    own = (r.environment for r in deployment.rollouts if smoke_position(r.environment) == call.position)
    return next(own, None)
