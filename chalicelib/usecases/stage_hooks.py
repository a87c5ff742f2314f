"""Read and change what the stages ask, for every module or for one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.hook import StageHooks
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Replace


def current_hooks(scope: str, *, ports: Ports) -> StageHooks:
    """What is said for a module, or for every module (`*`); nothing where nobody said anything."""
    return ports.store.get(StageHooks, scope) or StageHooks(scope=scope)


def change_hooks(hooks: StageHooks, *, caller: Caller, request_id: str = "", ports: Ports) -> StageHooks:
    """The hooks as deployments find them from now on; calls that were made keep what they were made with."""

    def decide() -> tuple[StageHooks, tuple[Change, ...]]:
        known = ports.store.get(StageHooks, hooks.scope)
        after = replace(
            hooks,
            changed_by=caller.name,
            changed_at_ms=ports.clock.machine_ms(),
            revision=0 if known is None else known.revision + 1,
        )
        asked: dict[str, Any] = {
            "build": str(hooks.build or ""),
            "test": str(hooks.test or ""),
            "validation": str(hooks.validation or ""),
        }
        deed = Deed(
            subject=f"hooks:{hooks.scope}",
            actor=caller.name,
            action="HooksChanged",
            detail=asked,
            request_id=request_id,
        )
        write: Change = Add(after) if known is None else Replace(after)
        return after, (write, audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
