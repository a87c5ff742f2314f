"""Build, Test and SecurityScan: each runs once, and what is refused says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment, StageName, StageStatus, Status
from chalicelib.domain.errors import DeploymentEnded
from chalicelib.domain.hook import EVERY_MODULE, HookTarget, StageHooks
from chalicelib.domain.module import ModuleVersion, SigningKey, VersionStatus
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.ports import Remove, Replace
from chalicelib.usecases.run_stage import build, run_tests, scan_security
from chalicelib.usecases.stage_hooks import change_hooks
from tests.builders import MODULE, a_signing_key
from tests.fakes import FakeExecutions
from tests.usecases.scene import DANA, Scene, a_scene


def created() -> tuple[Scene, Deployment]:
    scene = a_scene(nodes=0, executions=FakeExecutions())
    return scene, scene.create()


def change_version(scene: Scene, **changes: object) -> None:
    registered = scene.store.get(ModuleVersion, MODULE, "2.0.0")
    scene.store.commit(Replace(replace(registered, revision=registered.revision + 1, **changes)))


def change_key(scene: Scene, **changes: object) -> None:
    key = scene.store.get(SigningKey, a_signing_key().key_id)
    scene.store.commit(Replace(replace(key, revision=key.revision + 1, **changes)))


def test_the_stages_say_what_was_checked_and_by_whom_it_was_signed() -> None:
    scene, deployment = created()

    for stage in (build, run_tests, scan_security):
        deployment = stage(deployment.id, ports=scene.ports)

    assert [(stage.name, stage.status) for stage in deployment.stages] == [
        (StageName.BUILD, StageStatus.SUCCEEDED),
        (StageName.TEST, StageStatus.SKIPPED),
        (StageName.SECURITY_SCAN, StageStatus.SUCCEEDED),
    ]
    assert "starts with python3" in deployment.stages[0].message
    assert deployment.stages[1].message == "No test is configured."
    assert "signed by ci" in deployment.stages[2].message
    assert (deployment.status, deployment.digest) == (Status.RUNNING, scene.digests["2.0.0"])


@pytest.mark.parametrize("stage", [build, run_tests, scan_security])
def test_a_stage_that_ran_does_not_run_again(stage) -> None:  # type: ignore[no-untyped-def]
    scene, deployment = created()
    done = stage(deployment.id, ports=scene.ports)
    scene.ports.artifacts.contents.clear()  # type: ignore[attr-defined]

    assert stage(deployment.id, ports=scene.ports) == done


def refused(scene: Scene, deployment: Deployment, stage) -> str:  # type: ignore[no-untyped-def]
    """The code the deployment failed with."""
    with pytest.raises(DeploymentEnded):
        stage(deployment.id, ports=scene.ports)
    ended = scene.now(deployment)
    assert ended.failure is not None
    assert ended.status is Status.FAILED
    assert ended.stages[-1].status is StageStatus.FAILED
    assert scene.events(deployment)[-2:] == ["StageEnded", "DeploymentEnded"]
    return ended.failure.code


def test_an_artifact_that_was_never_uploaded_fails_the_build() -> None:
    scene, deployment = created()
    scene.ports.artifacts.contents.clear()  # type: ignore[attr-defined]

    assert refused(scene, deployment, build) == "ARTIFACT_MISSING"


def test_other_bytes_than_registered_fail_the_build() -> None:
    scene, deployment = created()
    scene.ports.artifacts.contents[scene.digests["2.0.0"]] = b"x"  # type: ignore[attr-defined]

    assert refused(scene, deployment, build) == "ARTIFACT_SIZE_MISMATCH"


def test_a_version_that_is_gone_fails_the_build() -> None:
    scene, deployment = created()
    scene.store.commit(Remove(scene.store.get(ModuleVersion, MODULE, "2.0.0")))

    assert refused(scene, deployment, build) == "MODULE_VERSION_UNKNOWN"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"status": VersionStatus.QUARANTINED, "reason": "CVE"}, "ARTIFACT_QUARANTINED"),
        ({"status": VersionStatus.QUARANTINED}, "ARTIFACT_QUARANTINED"),
        ({"signature": ""}, "ARTIFACT_UNSIGNED"),
        ({"key_id": "ed25519:unknown"}, "ARTIFACT_KEY_UNKNOWN"),
        ({"signature": "forged"}, "ARTIFACT_SIGNATURE_INVALID"),
        ({"size": 7}, "ARTIFACT_SIGNATURE_INVALID"),
    ],
)
def test_the_scan_refuses_what_is_not_rightly_signed(changes: dict[str, object], code: str) -> None:
    scene, deployment = created()
    change_version(scene, **changes)

    assert refused(scene, deployment, scan_security) == code


def test_the_scan_refuses_a_key_that_was_revoked() -> None:
    scene, deployment = created()
    change_key(scene, revoked_at_ms=1)

    assert refused(scene, deployment, scan_security) == "ARTIFACT_KEY_REVOKED"


@pytest.mark.parametrize("stage", [build, run_tests, scan_security])
def test_a_deployment_that_ended_runs_no_stage(stage) -> None:  # type: ignore[no-untyped-def]
    scene, deployment = created()
    ended = replace(deployment, status=Status.CANCELLED, revision=deployment.revision + 1)
    scene.store.commit(Replace(ended))

    with pytest.raises(DeploymentEnded):
        stage(deployment.id, ports=scene.ports)

    assert scene.now(deployment) == ended


def test_a_stage_whose_hook_has_not_answered_when_its_deployment_is_cancelled_has_failed() -> None:
    scene = a_scene()
    scene.set_policy()
    change_hooks(
        StageHooks(scope=EVERY_MODULE, test=HookTarget(url="https://x.example")), caller=DANA, ports=scene.ports
    )
    deployment = scene.run(scene.create(), until=lambda d: bool(d.hooks))

    ended = cancel_deployment(deployment.id, reason="", caller=DANA, ports=scene.ports)

    waited = ended.stage(StageName.TEST)
    assert waited is not None
    assert (waited.status, waited.ended_at_ms) == (StageStatus.FAILED, ended.ended_at_ms)
    assert "the deployment ended Cancelled" in waited.message
