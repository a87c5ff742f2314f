"""Artifacts and supply chain (rows X): what is refused, by the control plane and again by every node, and with which word."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import io
import itertools
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.artifact import check_artifact
from chalicelib.domain.deployment import Deployment, Kind, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ArtifactRefused, DeploymentEnded
from chalicelib.domain.module import ModuleVersion, SigningKey, VersionStatus, precedence, signed_text
from chalicelib.domain.timeline import AuditRecord
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.run_stage import build, scan_security
from kernel.artifact import ArtifactRef, digest_of, trust_roots_from, verify_bytes, verify_signature, verify_validity
from kernel.examples.build import new_signing_key, sign_artifact, trust_root, zip_of
from kernel.manifest import parse_manifest
from kernel.provision import Provision
from kernel.reasons import OrderError
from kernel.unpack import unpack
from tests.builders import MODULE, a_signing_key, a_version, an_assignment
from tests.fakes import FakeExecutions, fake_signature
from tests.usecases.scene import Scene, a_scene

KEY, OTHER = new_signing_key(), new_signing_key()
ROOTS = trust_roots_from([trust_root(KEY)])
MANIFEST = {"name": MODULE, "version": "2.0.0", "command": ["python3", "main.py"]}
GOOD = zip_of({"hotswap.json": json.dumps(MANIFEST).encode(), "main.py": b"print()"})


def ref_of(data: bytes, key: Any = KEY, **changes: Any) -> ArtifactRef:
    digest, size = digest_of(data), len(data)
    made = sign_artifact(key, MODULE, "2.0.0", digest, size)
    ref = ArtifactRef(
        name=MODULE, version="2.0.0", digest=digest, size=size, signature=made.signature, key_id=made.key_id
    )
    return dataclasses.replace(ref, **changes)


def registered(data: bytes = GOOD, **changes: Any) -> ModuleVersion:
    return a_version(**({"digest": digest_of(data), "size": len(data)} | changes))


def refused_by_a_node(check: Any, *arguments: Any, **named: Any) -> str:
    with pytest.raises(OrderError) as caught:
        check(*arguments, **named)
    return str(caught.value.reason)


def refused_by_the_control_plane(content: bytes | None, version: ModuleVersion) -> str:
    with pytest.raises(ArtifactRefused) as caught:
        check_artifact(content, version)
    return caught.value.reason


def refused_by_the_scan(scene: Scene, stage: Any = scan_security, **request: Any) -> str:
    return refused_after(scene.create(**request), scene, stage)


def refused_after(deployment: Deployment, scene: Scene, stage: Any = scan_security) -> str:
    with pytest.raises(DeploymentEnded):
        stage(deployment.id, ports=scene.ports)
    failure = scene.now(deployment).failure
    assert failure is not None
    return failure.code


def scanned(scene: Scene, **request: Any) -> Status:
    deployment = scene.create(**request)
    return Status(scan_security(deployment.id, ports=scene.ports).status)


def a_world() -> Scene:
    return a_scene(nodes=0, executions=FakeExecutions())


def change(scene: Scene, kind: Any, *key: str, **changes: Any) -> None:
    known = scene.store.get(kind, *key)
    scene.store.commit(Replace(dataclasses.replace(known, revision=known.revision + 1, **changes)))


CHANGED_BYTES = {
    "one bit": (bytes([GOOD[0] ^ 1]) + GOOD[1:], "ARTIFACT_DIGEST_MISMATCH"),
    "the last bit": (GOOD[:-1] + bytes([GOOD[-1] ^ 0x80]), "ARTIFACT_DIGEST_MISMATCH"),
    "truncated": (GOOD[:-1], "ARTIFACT_SIZE_MISMATCH"),
    "appended": (GOOD + b"\0", "ARTIFACT_SIZE_MISMATCH"),
    "empty": (b"", "ARTIFACT_SIZE_MISMATCH"),
    "another artifact of the same length": (bytes(len(GOOD)), "ARTIFACT_DIGEST_MISMATCH"),
}


@pytest.mark.parametrize("case", CHANGED_BYTES)
def test_x01_changed_bytes_are_refused_by_both_with_the_same_word(case: str) -> None:
    data, reason = CHANGED_BYTES[case]

    assert refused_by_the_control_plane(data, registered()) == reason
    assert refused_by_a_node(verify_bytes, data, ref_of(GOOD)) == reason


@pytest.mark.parametrize(
    "digest",
    ["md5:" + "0" * 32, "sha512:" + "0" * 128, "sha256:" + "A" * 64, "sha256:" + "0" * 63, "sha256:" + "0" * 65, ""],
)
def test_x01_another_algorithm_length_or_case_is_no_digest(digest: str) -> None:
    assert refused_by_a_node(verify_signature, ref_of(GOOD, digest=digest), ROOTS) == "ARTIFACT_DIGEST_MISMATCH"


def test_x01_what_was_never_uploaded_is_missing() -> None:
    assert refused_by_the_control_plane(None, registered()) == "ARTIFACT_MISSING"


NODE_REFUSALS = {
    "unsigned": (ref_of(GOOD, signature=""), "ARTIFACT_UNSIGNED"),
    "an unknown key": (ref_of(GOOD, OTHER), "ARTIFACT_KEY_UNKNOWN"),
    "no key": (ref_of(GOOD, key_id=""), "ARTIFACT_KEY_UNKNOWN"),
    "another's signature under a good name": (
        ref_of(GOOD, OTHER, key_id=ref_of(GOOD).key_id),
        "ARTIFACT_SIGNATURE_INVALID",
    ),
    "not base64": (ref_of(GOOD, signature="?"), "ARTIFACT_SIGNATURE_INVALID"),
}


@pytest.mark.parametrize("case", NODE_REFUSALS)
def test_x02_a_node_runs_only_what_a_pinned_key_signed(case: str) -> None:
    ref, reason = NODE_REFUSALS[case]

    assert refused_by_a_node(verify_signature, ref, ROOTS) == reason


def test_x02_a_signature_over_another_payload_type_does_not_count() -> None:
    data_text = signed_text(module=MODULE, version="2.0.0", digest=digest_of(GOOD), size=len(GOOD))
    other = data_text.replace(b"hotswap-artifact-v1", b"hotswap-manifest-v1")
    signature = base64.b64encode(KEY.sign(other)).decode()

    assert refused_by_a_node(verify_signature, ref_of(GOOD, signature=signature), ROOTS) == "ARTIFACT_SIGNATURE_INVALID"


SCAN_REFUSALS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "unsigned": ({"signature": ""}, {}, "ARTIFACT_UNSIGNED"),
    "an unknown key": ({"key_id": "ed25519:unknown"}, {}, "ARTIFACT_KEY_UNKNOWN"),
    "a forged signature": ({"signature": "forged"}, {}, "ARTIFACT_SIGNATURE_INVALID"),
    "another size than signed": ({"size": 7}, {}, "ARTIFACT_SIGNATURE_INVALID"),
    "in quarantine": ({"status": VersionStatus.QUARANTINED, "reason": "CVE"}, {}, "ARTIFACT_QUARANTINED"),
    "a revoked key": ({}, {"revoked_at_ms": 1}, "ARTIFACT_KEY_REVOKED"),
    "an expired key": ({}, {"valid_until_ms": 1}, "ARTIFACT_KEY_EXPIRED"),
    "a key of the future": ({}, {"valid_from_ms": 2**42}, "ARTIFACT_KEY_NOT_YET_VALID"),
    "a key for other environments": ({}, {"environments": (Environment.QA,)}, "ARTIFACT_KEY_ENVIRONMENT"),
}


@pytest.mark.parametrize("case", SCAN_REFUSALS)
def test_x02_the_scan_refuses_a_signer_who_does_not_count(case: str) -> None:
    version, key, reason = SCAN_REFUSALS[case]
    scene = a_world()
    asked_for_before = scene.create()
    change(scene, ModuleVersion, MODULE, "2.0.0", **version)
    change(scene, SigningKey, a_signing_key().key_id, **key)

    assert refused_after(asked_for_before, scene) == reason


def test_x02_a_key_counts_to_the_last_millisecond_and_in_every_environment_on_the_way() -> None:
    scene = a_world()
    now = scene.clock.machine_ms()
    path = Environment.PRODUCTION.path()
    change(scene, SigningKey, a_signing_key().key_id, valid_from_ms=now, valid_until_ms=now + 1, environments=path)

    assert scanned(scene) is Status.RUNNING


def test_x02_a_key_must_count_in_each_environment_the_deployment_passes() -> None:
    scene = a_world()
    change(scene, SigningKey, a_signing_key().key_id, environments=(Environment.PRODUCTION,))

    assert refused_by_the_scan(scene, target=Environment.PRODUCTION) == "ARTIFACT_KEY_ENVIRONMENT"


def test_x02_a_node_takes_nothing_new_from_a_key_outside_its_time() -> None:
    roots = trust_roots_from([trust_root(KEY) | {"validFrom": 1_000, "validUntil": 2_000}])  # type: ignore[operator]
    ref = ref_of(GOOD)

    verify_validity(ref, roots, now_ms=1_000)
    verify_validity(ref, roots, now_ms=1_999)
    assert refused_by_a_node(verify_validity, ref, roots, now_ms=999) == "ARTIFACT_KEY_NOT_YET_VALID"
    assert refused_by_a_node(verify_validity, ref, roots, now_ms=2_000) == "ARTIFACT_KEY_EXPIRED"


@pytest.mark.parametrize("limit", ["2026", True, 1.5])
def test_x02_a_limit_that_is_no_number_makes_no_trust_root(limit: object) -> None:
    with pytest.raises(ValueError, match="validUntil"):
        trust_roots_from([trust_root(KEY) | {"validUntil": limit}])  # type: ignore[operator]


def runs(scene: Scene, version: str) -> None:
    """Production runs this version already."""
    signed = scene.store.get(ModuleVersion, MODULE, version)
    scene.store.commit(
        Add(an_assignment(environment=Environment.PRODUCTION, module=MODULE, stable_digest=signed.digest))
    )


def has_version(scene: Scene, version: str) -> None:
    digest = "sha256:" + version[0] * 64
    text = signed_text(module=MODULE, version=version, digest=digest, size=1)
    key = a_signing_key()
    signature = fake_signature(key.public_key, text)
    scene.store.commit(Add(a_version(version=version, digest=digest, size=1, signature=signature, key_id=key.key_id)))


def test_x03_an_older_rightly_signed_version_is_refused_unless_somebody_says_so() -> None:
    scene = a_world()
    has_version(scene, "9.0.0")
    runs(scene, "9.0.0")

    assert refused_by_the_scan(scene, target=Environment.PRODUCTION) == "ARTIFACT_DOWNGRADE"
    assert scanned(scene, target=Environment.PRODUCTION, allow_downgrade=True) is Status.RUNNING
    assert scanned(scene, target=Environment.PRODUCTION, kind=Kind.ROLLBACK) is Status.RUNNING
    # Elsewhere nothing newer runs.
    assert scanned(scene, target=Environment.DEVELOPMENT) is Status.RUNNING


def test_x03_asking_for_an_older_version_is_in_the_audit() -> None:
    scene = a_world()
    deployment = scene.create(allow_downgrade=True)

    created = scene.store.list(AuditRecord, deployment.id)[0]

    assert (created.action, created.detail["allowDowngrade"]) == ("DeploymentCreated", True)


def test_x03_versions_are_ordered_as_semver_says() -> None:
    ordered = [
        *("1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"),
        *("1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "10.0.0"),
    ]

    assert all(precedence(low) < precedence(high) for low, high in itertools.pairwise(ordered))
    assert precedence("1.0.0+build.1") == precedence("1.0.0")
    with pytest.raises(ValueError, match="no semantic version"):
        precedence("1.0")


@pytest.mark.parametrize(
    "changes",
    [{"version": "1.0.0"}, {"name": "fraud-check"}, {"size": len(GOOD) + 1}, {"digest": digest_of(b"another")}],
    ids=lambda changes: next(iter(changes)),
)
def test_x03_parts_of_two_releases_cannot_be_mixed(changes: dict[str, Any]) -> None:
    assert refused_by_a_node(verify_signature, ref_of(GOOD, **changes), ROOTS) == "ARTIFACT_SIGNATURE_INVALID"


def test_x03_what_was_built_is_what_is_scanned() -> None:
    scene = a_world()
    deployment = scene.create()
    build(deployment.id, ports=scene.ports)
    change(scene, ModuleVersion, MODULE, "2.0.0", digest="sha256:" + "e" * 64)

    with pytest.raises(DeploymentEnded):
        scan_security(deployment.id, ports=scene.ports)

    failure = scene.now(deployment).failure
    assert failure is not None
    assert failure.code == "ARTIFACT_DIGEST_MISMATCH"


def an_archive(*entries: tuple[str, bytes, int]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("hotswap.json", json.dumps(MANIFEST))
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return stream.getvalue()


ARCHIVES = {
    "zip slip": (an_archive(("../evil", b"", 0o100644)), "ARTIFACT_UNSAFE_PATH"),
    "zip slip further in": (an_archive(("a/../../evil", b"", 0o100644)), "ARTIFACT_UNSAFE_PATH"),
    "an absolute name": (an_archive(("/etc/passwd", b"", 0o100644)), "ARTIFACT_UNSAFE_PATH"),
    "a drive": (an_archive(("C:evil", b"", 0o100644)), "ARTIFACT_UNSAFE_PATH"),
    "a backslash": (an_archive(("..\\evil", b"", 0o100644)), "ARTIFACT_UNSAFE_PATH"),
    "a link": (an_archive(("link", b"/etc/passwd", 0o120777)), "ARTIFACT_UNSAFE_PATH"),
    "a device": (an_archive(("device", b"", 0o020644)), "ARTIFACT_UNSAFE_PATH"),
    "a name twice, but for case": (an_archive(("A", b"", 0o100644), ("a", b"", 0o100644)), "ARTIFACT_UNSAFE_PATH"),
    "10,001 entries": (an_archive(*((f"f{n}", b"", 0o100644) for n in range(10_001))), "ARTIFACT_TOO_LARGE"),
    "no zip at all": (b"PK" + bytes(100), "ARTIFACT_NOT_A_ZIP"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_x04_a_hostile_archive_is_refused_by_both_before_anything_is_written(case: str, tmp_path: Path) -> None:
    data, reason = ARCHIVES[case]

    assert refused_by_the_control_plane(data, registered(data)) == reason
    assert refused_by_a_node(unpack, data, ref_of(data), tmp_path) == reason
    assert list(tmp_path.iterdir()) == []


def test_x04_a_bomb_is_refused_without_unpacking_it(tmp_path: Path) -> None:
    data = an_archive(("bomb", bytes(1024 * 1024), 0o100644))
    ref = ref_of(data)

    assert refused_by_a_node(unpack, data, ref, tmp_path, max_unpacked_bytes=1024 * 1024) == "ARTIFACT_TOO_LARGE"
    assert list(tmp_path.iterdir()) == []


class ChangingState:
    """A folder somebody writes into after the node has looked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "kept.zip"
        self.path.write_bytes(GOOD)

    def artifact_path(self, _digest: str) -> Path:
        return self.path

    def revoked_keys(self) -> frozenset[str]:
        return frozenset()


def test_x05_the_bytes_that_were_verified_are_the_bytes_that_run(tmp_path: Path) -> None:
    state = ChangingState(tmp_path)
    unused: Any = None
    provision = Provision(
        state=state,  # type: ignore[arg-type]
        control_plane=unused,
        trust_roots=ROOTS,
        node_id="n",
        meters=unused,
        records=unused,
        pace=unused,
    )
    ref = ref_of(GOOD)
    kept = provision._kept(ref)
    assert kept is not None

    # The file changes between the check and the use; what was read is what is unpacked.
    state.path.write_bytes(b"evil")
    manifest, folder = provision._unpack(ref, kept)

    assert (manifest.name, (folder / "main.py").read_bytes()) == (MODULE, b"print()")
    # And the next time the changed file is not believed.
    assert provision._kept(ref) is None
    with pytest.raises(OrderError, match="ARTIFACT_MISSING"):
        asyncio.run(provision.remembered(ref))


@pytest.mark.parametrize(
    "text",
    [
        b'{"name":"payment-processor","version":"2.0.0","command":["a"],"name":"evil-module"}',
        b'{"name":"payment-processor","version":"2.0.0","command":["a"],"startTimeoutMs":100.5}',
        b'{"name":"payment-processor","version":"2.0.0","command":["a"],"startTimeoutMs":NaN}',
        b'{"name":"payment-processor","version":"2.0.0","command":["a"],"startTimeoutMs":true}',
        b'{"name":"payment-processor","version":"2.0.0","command":["a"],"extra":1}',
        b"\xff\xfe{}",
        b"[" * 100_000,
    ],
)
def test_x06_a_manifest_two_readers_could_read_differently_is_refused_by_both(text: bytes) -> None:
    data = zip_of({"hotswap.json": text, "main.py": b""})

    assert refused_by_the_control_plane(data, registered(data)) == "ARTIFACT_MANIFEST_INVALID"
    assert refused_by_a_node(parse_manifest, text) == "ARTIFACT_MANIFEST_INVALID"


def test_x06_the_order_of_keys_changes_the_digest_and_so_the_signature() -> None:
    reordered = zip_of({"hotswap.json": json.dumps(dict(reversed(MANIFEST.items()))).encode(), "main.py": b"print()"})

    assert parse_manifest(json.dumps(MANIFEST).encode()) == parse_manifest(
        json.dumps(dict(reversed(MANIFEST.items()))).encode()
    )
    assert refused_by_the_control_plane(reordered, registered()) == "ARTIFACT_DIGEST_MISMATCH"
