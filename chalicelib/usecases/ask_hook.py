"""Ask a user's hook: the call is kept with the deployment and ordered in the transaction that decides on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.deployment import Deployment, smoke_position
from chalicelib.domain.environment import Environment
from chalicelib.domain.hook import EVERY_MODULE, HookCall, HookPoint, HookTarget, StageHooks, call_id
from chalicelib.domain.receiver import HOOKS
from chalicelib.domain.timeline import EventType, OutboxMessage
from chalicelib.usecases.policies import policy_of
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.receiver_secrets import valid_versions
from chalicelib.usecases.recording import Decided, Entry


def hook_of_stage(module: str, point: HookPoint, *, ports: Ports) -> HookTarget | None:
    """Whom a stage asks for a module: what is said for the module, else what is said for every module."""
    for scope in (module, EVERY_MODULE):
        hooks = ports.store.get(StageHooks, scope)
        target = None if hooks is None else hooks.target(point)
        if target is not None:
            return target
    return None


def with_hook_asked(
    decided: Decided, point: HookPoint, target: HookTarget, *, environment: Environment | None = None, ports: Ports
) -> Decided:
    """The decision with a call added: what is kept of it, the event, and the order to make it.

    A position is asked once; a decision that comes to it again is returned as it is.
    """
    deployment = decided.after
    position = f"{point.lower()}.1" if environment is None else smoke_position(environment)
    if deployment.hook(position) is not None:
        return decided
    now = ports.clock.machine_ms()
    call = HookCall(
        position=position,
        point=point,
        target=target,
        asked_at_ms=now,
        deadline_ms=now + target.timeout_seconds * 1000,
    )
    identity = call_id(deployment.id, position)
    message = OutboxMessage(
        id=f"call#{identity}",
        topic="call",
        created_at_ms=now,
        payload=_order(deployment, call, environment) | {"secretVersions": valid_versions(HOOKS, ports=ports)},
    )
    detail = {"callId": identity, "point": str(point), "target": str(target), "timeoutSeconds": target.timeout_seconds}
    entry = Entry(type=EventType.HOOK_CALLED, environment=environment, detail=detail)
    return replace(
        decided,
        after=deployment.with_hook(call),
        entries=(*decided.entries, entry),
        also=(*decided.also, Add(message)),
    )


def with_smoke_asked(decided: Decided, environment: Environment, *, ports: Ports) -> Decided:
    """The decision with the environment's smoke hook asked, where its policy names one."""
    rollout = decided.after.rollout(environment)
    target = policy_of(rollout, ports=ports).smoke
    if target is None:
        return decided
    return with_hook_asked(decided, HookPoint.SMOKE, target, environment=environment, ports=ports)


def _order(deployment: Deployment, call: HookCall, environment: Environment | None) -> dict[str, Any]:
    identity = call_id(deployment.id, call.position)
    return {
        "kind": "hook",
        "id": identity,
        "correlationId": deployment.correlation_id,
        "url": call.target.url,
        "function": call.target.function,
        "body": {
            "callId": identity,
            "point": str(call.point),
            "executionId": deployment.id,
            "correlationId": deployment.correlation_id,
            "moduleName": deployment.module,
            "version": deployment.version,
            "digest": deployment.digest,
            "targetEnvironment": str(deployment.target),
            "environment": None if environment is None else str(environment),
            "deadline": call.deadline_ms,
        },
    }
