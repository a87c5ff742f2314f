"""The stages before the first environment: Build, Test and SecurityScan. Build and Test may ask a hook and wait for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from chalicelib.domain.artifact import check_artifact
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Failure, Kind, Stage, StageName, StageStatus, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ArtifactRefused, DeploymentEnded, NotFound
from chalicelib.domain.hook import HookCall, HookPoint, HookStatus
from chalicelib.domain.module import (
    MAX_ARTIFACT_BYTES,
    ModuleVersion,
    SigningKey,
    VersionStatus,
    precedence,
    signed_text,
)
from chalicelib.domain.rollout import Phase
from chalicelib.domain.timeline import EventType
from chalicelib.usecases.ask_hook import hook_of_stage, with_hook_asked
from chalicelib.usecases.end_deployment import ended_before_nodes
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.recording import Decided, Entry, change_deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a stage found."""

    status: StageStatus
    message: str
    irreversible: bool = False


Check = Callable[[Deployment, ModuleVersion, Ports], Checked]


def build(deployment_id: str, *, ports: Ports) -> Deployment:
    """Check that what was uploaded is what was registered, and a module that can be started; then ask the Build hook."""
    return _run(StageName.BUILD, _check_bytes, deployment_id, ports=ports)


def run_tests(deployment_id: str, *, ports: Ports) -> Deployment:
    """Ask the Test hook; where none is configured the stage says so."""
    return _run(StageName.TEST, _nothing_configured, deployment_id, ports=ports)


def scan_security(deployment_id: str, *, ports: Ports) -> Deployment:
    """Check digest, quarantine, signer, signature, and that the target does not go back to an older version unasked."""
    return _run(StageName.SECURITY_SCAN, _check_security, deployment_id, ports=ports)


def _run(name: StageName, check: Check, deployment_id: str, *, ports: Ports) -> Deployment:
    started = ports.clock.policy_ms()

    def decide(deployment: Deployment) -> Decided | None:
        if deployment.has_ended or deployment.stage(name) is not None:
            return None
        registered = ports.store.get(ModuleVersion, deployment.module, deployment.version)
        try:
            if registered is None:
                raise NotFound("module version", f"{deployment.module} {deployment.version}")
            found = check(deployment, registered, ports)
        except (ArtifactRefused, NotFound) as refused:
            code = refused.reason if isinstance(refused, ArtifactRefused) else "MODULE_VERSION_UNKNOWN"
            failed = _with(deployment, name, StageStatus.FAILED, str(refused), started, ports=ports)
            failure = Failure(code=code, message=f"{name} failed: {refused}")
            entry = _entry(name, StageStatus.FAILED, str(refused))
            return ended_before_nodes(failed, Status.FAILED, failure=failure, entries=(entry,), ports=ports)
        after = _with(deployment, name, found.status, found.message, started, ports=ports)
        if name is StageName.BUILD:
            after = replace(after, digest=registered.digest, irreversible=found.irreversible)
        after = after.become(Status.RUNNING)
        target = hook_of_stage(deployment.module, POINT_OF[name], ports=ports) if name in POINT_OF else None
        if target is not None:
            own = "" if found.status is StageStatus.SKIPPED else found.message
            waiting = Stage(name=name, status=StageStatus.RUNNING, started_at_ms=started, message=own)
            return with_hook_asked(Decided(after=after.with_stage(waiting)), POINT_OF[name], target, ports=ports)
        return Decided(after=after, entries=(_entry(name, found.status, found.message),))

    deployment = change_deployment(deployment_id, decide, ports=ports)
    if deployment.has_ended:
        raise DeploymentEnded(str(deployment.status))
    return deployment


POINT_OF = {StageName.BUILD: HookPoint.BUILD, StageName.TEST: HookPoint.TEST}


def stage_answered(deployment: Deployment, call: HookCall, *, ports: Ports) -> Decided:
    """What follows from the outcome of a stage's hook: the stage has ended, and with a failure the deployment too."""
    name = StageName(call.point)
    waiting = deployment.stage(name)
    if waiting is None or waiting.status is not StageStatus.RUNNING:
        return Decided(after=deployment)
    succeeded = call.status is HookStatus.SUCCEEDED
    status = StageStatus.SUCCEEDED if succeeded else StageStatus.FAILED
    said = f"{call.target}: {call.message or call.status}"
    message = "; ".join(part for part in (waiting.message, said) if part)
    after = _with(deployment, name, status, message, waiting.started_at_ms, ports=ports)
    entry = _entry(name, status, message)
    if succeeded:
        return Decided(after=after, entries=(entry,))
    failure = Failure(code="HOOK_FAILED", message=f"{name} failed: {said}")
    return ended_before_nodes(after, Status.FAILED, failure=failure, entries=(entry,), ports=ports)


def _check_bytes(_deployment: Deployment, registered: ModuleVersion, ports: Ports) -> Checked:
    content = ports.artifacts.read(registered.digest, limit=MAX_ARTIFACT_BYTES)
    manifest = check_artifact(content, registered)
    return Checked(
        status=StageStatus.SUCCEEDED,
        message=f"{registered.size} bytes, {registered.digest}, starts with {manifest.starts_with}",
        irreversible=registered.irreversible or manifest.irreversible,
    )


def _nothing_configured(_deployment: Deployment, _registered: ModuleVersion, _ports: Ports) -> Checked:
    return Checked(status=StageStatus.SKIPPED, message="No test is configured.")


def _check_security(deployment: Deployment, registered: ModuleVersion, ports: Ports) -> Checked:
    if deployment.digest and deployment.digest != registered.digest:
        raise ArtifactRefused("ARTIFACT_DIGEST_MISMATCH", f"the build checked {deployment.digest}")
    to_change = [each.environment for each in deployment.rollouts if each.phase is not Phase.SKIPPED]
    owner = require_trusted(registered, to_change, ports=ports)
    if deployment.kind is not Kind.ROLLBACK and not deployment.allow_downgrade:
        refuse_downgrade(registered, deployment.target, ports=ports)
    return Checked(status=StageStatus.SUCCEEDED, message=f"signed by {owner} with {registered.key_id}")


def require_trusted(registered: ModuleVersion, environments: Iterable[Environment], *, ports: Ports) -> str:
    """Who signed a version, if it may go to these environments.

    Raises:
        ArtifactRefused: it is in quarantine, or nobody who is trusted there signed it.
    """
    if registered.status is VersionStatus.QUARANTINED:
        raise ArtifactRefused("ARTIFACT_QUARANTINED", registered.reason or "this version is in quarantine")
    if not registered.signature:
        raise ArtifactRefused("ARTIFACT_UNSIGNED", "there is no signature")
    key = ports.store.get(SigningKey, registered.key_id)
    if key is None:
        raise ArtifactRefused("ARTIFACT_KEY_UNKNOWN", f"no signing key {registered.key_id} is registered")
    key.require_good(environments, now_ms=ports.clock.machine_ms())
    text = signed_text(
        module=registered.module, version=registered.version, digest=registered.digest, size=registered.size
    )
    if not ports.signatures.verifies(public_key=key.public_key, signature=registered.signature, message=text):
        raise ArtifactRefused("ARTIFACT_SIGNATURE_INVALID", f"not signed by {registered.key_id}")
    return key.owner


def refuse_downgrade(registered: ModuleVersion, target: Environment, *, ports: Ports) -> None:
    """Who replays an old, rightly signed version must not get a hole back that was closed. Source: TUF, rollback attack.

    Raises:
        ArtifactRefused: the target runs a newer version.
    """
    assignment = ports.store.get(Assignment, target, registered.module)
    if assignment is None or assignment.stable_digest is None:
        return
    versions = ports.store.list(ModuleVersion, registered.module)
    running = [each.version for each in versions if each.digest == assignment.stable_digest]
    if running and precedence(registered.version) < max(map(precedence, running)):
        raise ArtifactRefused(
            "ARTIFACT_DOWNGRADE",
            f"{target} runs {running[0]}; an older version needs a rollback, or allowDowngrade",
        )


def _with(
    deployment: Deployment, name: StageName, status: StageStatus, message: str, started: int, *, ports: Ports
) -> Deployment:
    stage = Stage(name=name, status=status, started_at_ms=started, ended_at_ms=ports.clock.policy_ms(), message=message)
    return deployment.with_stage(stage)


def _entry(name: StageName, status: StageStatus, message: str) -> Entry:
    return Entry(type=EventType.STAGE_ENDED, detail={"stage": str(name), "status": str(status), "message": message})
