"""Read and change how a module is configured in an environment. A change reaches nodes with the next deployment only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.access import Caller
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.configuration import Configuration, canonical
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound, WrongDigest
from chalicelib.domain.module import ModuleVersion
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRequest:
    """What a caller wants a module to be told, and the labels of the nodes it is to run on."""

    module: str
    environment: Environment
    values: Mapping[str, Any]
    runs_on: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    expected_revision: int | None = None


def newest_configuration(module: str, environment: Environment, *, ports: Ports) -> Configuration | None:
    """The revision the next deployment takes, None where nothing was ever configured."""
    newest = ports.store.list(Configuration, environment, module, newest_first=True, limit=1)
    return newest[0] if newest else None


def configuration_revision(
    module: str, environment: Environment, revision: int, *, ports: Ports
) -> Configuration | None:
    """One revision; None for revision 0, which is to be configured with nothing.

    Raises:
        NotFound: there never was such a revision.
    """
    if revision == 0:
        return None
    found = ports.store.get(Configuration, environment, module, f"{revision:08d}")
    if found is None:
        raise NotFound("configuration revision", f"{module} {environment} {revision}")
    return found


def runs_on(module: str, environment: Environment, revision: int, *, ports: Ports) -> dict[str, str]:
    """The labels a node must have to run the module under this revision; empty: every node."""
    found = configuration_revision(module, environment, revision, ports=ports)
    return {} if found is None else found.runs_on


def deployed_revision(module: str, environment: Environment, *, ports: Ports) -> int:
    """The revision the environment runs outside a rollout; 0 where it is none."""
    assignment = ports.store.get(Assignment, environment, module)
    return 0 if assignment is None else assignment.stable_configuration


def list_configurations(
    module: str, environment: Environment, *, limit: int, before: int | None = None, ports: Ports
) -> tuple[Configuration, ...]:
    """Revisions, the newest first; `before` leaves out itself and what came after it."""
    after = None if before is None else f"{before:08d}"
    return ports.store.list(Configuration, environment, module, after=after, limit=limit, newest_first=True)


def change_configuration(
    request: ConfigurationRequest, *, caller: Caller, request_id: str = "", ports: Ports
) -> Configuration:
    """The next revision; the newest one where it says the same already.

    Raises:
        InvalidInput: the values are too long, or no JSON.
        NotFound: no version of the module was ever registered.
        WrongDigest: `expected_revision` is not the newest one.
    """
    content = canonical(request.values)

    def decide() -> tuple[Configuration, tuple[Change, ...]]:
        if not ports.store.list(ModuleVersion, request.module, limit=1):
            raise NotFound("module", request.module)
        newest = newest_configuration(request.module, request.environment, ports=ports)
        revision = 0 if newest is None else newest.revision
        if request.expected_revision is not None and request.expected_revision != revision:
            raise WrongDigest(f"The newest configuration is revision {revision}, not {request.expected_revision}.")
        if newest is not None and (newest.content, newest.runs_on) == (content, dict(request.runs_on)):
            return newest, ()
        made = Configuration(
            environment=request.environment,
            module=request.module,
            revision=revision + 1,
            content=content,
            runs_on=dict(request.runs_on),
            reason=request.reason,
            changed_by=caller.name,
            changed_at_ms=ports.clock.machine_ms(),
        )
        deed = Deed(
            subject=f"configuration:{request.module}:{request.environment}",
            actor=caller.name,
            action="ConfigurationChanged",
            detail={"revision": made.revision, "runsOn": made.runs_on, "reason": request.reason},
            request_id=request_id,
        )
        return made, (Add(made), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
