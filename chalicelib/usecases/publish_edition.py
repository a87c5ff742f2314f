"""Publish an edition as a version of a function: checked as a kernel checks it, from the bytes that were signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.alias import AliasState, PublishedVersion
from chalicelib.domain.artifact import FunctionManifest, check_artifact
from chalicelib.domain.edition import configuration_of, digest_of
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ArtifactRefused
from chalicelib.domain.module import MAX_ARTIFACT_BYTES, ModuleVersion
from chalicelib.usecases.alias_ports import AliasPorts, Publication
from chalicelib.usecases.configurations import configuration_revision
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.run_stage import require_trusted


def publish_edition(
    state: AliasState, environment: Environment, edition: str, *, aliases: AliasPorts, ports: Ports
) -> PublishedVersion:
    """The version of this edition; nothing of it has traffic yet. Publishing again makes no second one.

    Raises:
        ArtifactRefused: the bytes are not what was signed, nobody trusted signed them, or they are no function.
        NotFound, NotAllowed, Conflict, Unavailable: as `Functions.publish`.
    """
    manifest = _manifest(state.module, environment, edition, ports=ports)
    configuration = configuration_revision(state.module, environment, configuration_of(edition), ports=ports)
    number = aliases.functions.publish(
        state.function,
        Publication(
            edition=edition,
            digest=digest_of(edition),
            handler=manifest.handler,
            runtime=manifest.runtime,
            configuration=None if configuration is None else configuration.content,
        ),
    )
    return PublishedVersion(edition=edition, version=number)


def check_event(state: AliasState, environment: Environment, edition: str, *, ports: Ports) -> Mapping[str, Any]:
    """What a version is called with before it has traffic. Raises as `publish_edition`."""
    return _manifest(state.module, environment, edition, ports=ports).check


def _manifest(module: str, environment: Environment, edition: str, *, ports: Ports) -> FunctionManifest:
    digest = digest_of(edition)
    known = (each for each in ports.store.list(ModuleVersion, module) if each.digest == digest)
    registered = next(known, None)
    if registered is None:
        raise ArtifactRefused("ARTIFACT_MISSING", f"no version of {module} is registered with {digest}")
    require_trusted(registered, [environment], ports=ports)
    manifest = check_artifact(ports.artifacts.read(digest, limit=MAX_ARTIFACT_BYTES), registered)
    if manifest.function is None:
        raise ArtifactRefused("ARTIFACT_MANIFEST_INVALID", "hotswap.json has no 'lambda', so it is no function")
    return manifest.function
