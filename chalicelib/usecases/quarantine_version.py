"""Quarantine a module version: no deployment of it passes the security scan until it is released."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import NotFound
from chalicelib.domain.module import ModuleVersion, VersionStatus
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Change, Ports, Replace


def quarantine_version(
    module: str, version: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports
) -> ModuleVersion:
    """The version, in quarantine. Saying it again changes nothing; nodes that run it go on running it.

    Raises:
        NotFound: no such version.
    """

    deed = Deed(
        subject=f"module:{module}:{version}",
        actor=caller.name,
        action="VersionQuarantined",
        detail={"reason": reason},
        request_id=request_id,
    )
    return _become(VersionStatus.QUARANTINED, module, version, reason=reason, deed=deed, ports=ports)


def release_version(
    module: str, version: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports
) -> ModuleVersion:
    """The version, out of quarantine; where an environment keeps it out, that stays. Saying it again changes nothing.

    Raises:
        NotFound: no such version.
    """
    deed = Deed(
        subject=f"module:{module}:{version}",
        actor=caller.name,
        action="VersionReleased",
        detail={"reason": reason},
        request_id=request_id,
    )
    return _become(VersionStatus.REGISTERED, module, version, reason="", deed=deed, ports=ports)


def _become(
    status: VersionStatus, module: str, version: str, *, reason: str, deed: Deed, ports: Ports
) -> ModuleVersion:
    def decide() -> tuple[ModuleVersion, tuple[Change, ...]]:
        known = ports.store.get(ModuleVersion, module, version)
        if known is None:
            raise NotFound("module version", f"{module} {version}")
        if known.status is status:
            return known, ()
        after = replace(known, status=status, reason=reason, revision=known.revision + 1)
        return after, (Replace(after), audited(deed, ports=ports))

    return decide_and_commit(decide, ports=ports)
