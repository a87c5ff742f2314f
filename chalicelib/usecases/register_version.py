"""Register a module version: what its bytes must be is fixed before they are uploaded."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import AlreadyExists, StaleWrite
from chalicelib.domain.module import ModuleVersion
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Add, Ports


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRequest:
    """What a caller registers; field rules were checked at the edge. `signature` is judged before a deployment."""

    module: str
    version: str
    digest: str
    size: int
    signature: str = ""
    key_id: str = ""
    irreversible: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The version, whether it is new, and where to PUT its bytes."""

    version: ModuleVersion
    is_new: bool
    upload_url: str


def register_version(request: VersionRequest, *, caller: Caller, request_id: str = "", ports: Ports) -> Registered:
    """The registered version. The same registration again gives the same version and a new link.

    Raises:
        AlreadyExists: this version is registered with another digest, size or signature; versions never change.
    """
    link = ports.artifacts.upload_link(request.digest, size=request.size)
    known = ports.store.get(ModuleVersion, request.module, request.version)
    if known is None:
        made = _made(request, caller, ports=ports)
        try:
            ports.store.commit(Add(made), audited(_deed(made, request_id), ports=ports))
            return Registered(version=made, is_new=True, upload_url=link)
        except StaleWrite:
            # Somebody registered it at the same moment; what counts is whether they meant the same.
            known = ports.store.get(ModuleVersion, request.module, request.version)
            if known is None:
                raise
    same = (known.digest, known.size, known.signature, known.key_id, known.irreversible)
    if same != (request.digest, request.size, request.signature, request.key_id, request.irreversible):
        raise AlreadyExists("module version", f"{request.module} {request.version}")
    return Registered(version=known, is_new=False, upload_url=link)


def _made(request: VersionRequest, caller: Caller, *, ports: Ports) -> ModuleVersion:
    return ModuleVersion(
        module=request.module,
        version=request.version,
        digest=request.digest,
        size=request.size,
        signature=request.signature,
        key_id=request.key_id,
        irreversible=request.irreversible,
        registered_by=caller.name,
        registered_at_ms=ports.clock.machine_ms(),
    )


def _deed(version: ModuleVersion, request_id: str) -> Deed:
    # A chain for each version: registrations of one module do not wait for each other.
    return Deed(
        subject=f"module:{version.module}:{version.version}",
        actor=version.registered_by,
        action="VersionRegistered",
        detail={"digest": version.digest, "size": version.size, "keyId": version.key_id},
        request_id=request_id,
    )
