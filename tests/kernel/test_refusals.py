"""What a node says when it is ordered to run something it must not run: the named reason, and the old one serves on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kernel.artifact import digest_of, trust_roots_from
from kernel.examples.build import BuiltArtifact, new_signing_key, sign_artifact, trust_root, zip_of
from tests.kernel.conftest import Builder, Fleet
from tests.kernel.fake_control_plane import FakeControlPlane


def tampered(artifact: BuiltArtifact, folder: Path, data: bytes) -> BuiltArtifact:
    """The same registration with other bytes behind it."""
    path = folder / "tampered.zip"
    path.write_bytes(data)
    return replace(artifact, path=path)


async def refused(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, bad: BuiltArtifact, **lies: Any
) -> dict[str, Any]:
    """Order the bad one beside a good one that serves; the ack."""
    good = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(good, 1)
    control_plane.publish(bad, **lies)
    control_plane.order(name, 2, bad.digest)
    ack = await control_plane.settled(name, 2, bad.digest)
    assert (await fleet.charge())[0] == 200
    assert control_plane.node(name).module()["active"] == good
    return ack


def one_bit_off(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (one_bit_off, "ARTIFACT_DIGEST_MISMATCH"),
        (lambda data: data[:-1], "ARTIFACT_SIZE_MISMATCH"),
        (lambda data: data + b"\0", "ARTIFACT_SIZE_MISMATCH"),
        (lambda data: data + bytes(1_000_000), "ARTIFACT_SIZE_MISMATCH"),
    ],
    ids=["one bit", "cut off", "one byte more", "a megabyte more"],
)
async def test_other_bytes_than_were_signed_are_refused(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, tmp_path: Path, change: Any, reason: str
) -> None:
    artifact = built("2.0.0")

    ack = await refused(control_plane, fleet, built, tampered(artifact, tmp_path, change(artifact.path.read_bytes())))

    assert (ack["outcome"], ack["reason"]) == ("failed", reason)


@pytest.mark.parametrize("lie", ["unsigned", "unknown key", "mix and match"])
async def test_what_nobody_trusted_vouches_for_is_not_even_downloaded(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, lie: str
) -> None:
    artifact, other = built("2.0.0"), built("2.1.0")
    by_stranger = sign_artifact(new_signing_key(), artifact.name, "2.0.0", artifact.digest, artifact.size)
    of_other = sign_artifact(control_plane.key, other.name, other.version, other.digest, other.size)
    lies: dict[str, tuple[dict[str, Any], str]] = {
        "unsigned": ({"signature": None, "keyId": None}, "ARTIFACT_UNSIGNED"),
        "unknown key": (
            {"signature": by_stranger.signature, "keyId": by_stranger.key_id},
            "ARTIFACT_KEY_UNKNOWN",
        ),
        "mix and match": ({"signature": of_other.signature}, "ARTIFACT_SIGNATURE_INVALID"),
    }
    told, reason = lies[lie]

    ack = await refused(control_plane, fleet, built, artifact, **told)

    assert ack["reason"] == reason
    assert artifact.digest not in control_plane.downloads


async def test_a_signed_zip_that_leaves_its_folder_is_refused(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, tmp_path: Path
) -> None:
    data = zip_of({"hotswap.json": b"{}", "../../evil.py": b""})
    path = tmp_path / "evil.zip"
    path.write_bytes(data)
    digest = digest_of(data)
    evil = BuiltArtifact(name="payment-processor", version="2.0.0", digest=digest, size=len(data), path=path)

    ack = await refused(control_plane, fleet, built, evil)

    assert ack["reason"] == "ARTIFACT_UNSAFE_PATH"
    assert not list(tmp_path.rglob("evil.py"))


async def test_an_artifact_that_was_never_uploaded_is_missing(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    artifact = built("2.0.0")
    control_plane.publish(artifact)
    name = await fleet.start()
    del control_plane.bytes[artifact.digest]

    control_plane.order(name, 1, artifact.digest)
    ack = await control_plane.settled(name, 1, artifact.digest)

    assert ack["reason"] == "ARTIFACT_MISSING"


async def test_with_trust_roots_of_its_own_a_node_believes_nobody_else(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    own_key = new_signing_key()
    artifact = built("1.0.0")
    own = sign_artifact(own_key, artifact.name, artifact.version, artifact.digest, artifact.size)
    name = await fleet.start(trust_roots=trust_roots_from([trust_root(own_key)]))

    control_plane.order(name, 1, control_plane.publish(artifact))
    refusal = await control_plane.settled(name, 1, artifact.digest)
    control_plane.publish(artifact, signature=own.signature, keyId=own.key_id)
    control_plane.order(name, 2, artifact.digest)
    ack = await control_plane.settled(name, 2, artifact.digest)

    assert (refusal["reason"], ack["outcome"]) == ("ARTIFACT_KEY_UNKNOWN", "succeeded")


async def test_bytes_that_cannot_be_written_are_a_full_disk(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    artifact = built("1.0.0")
    name = await fleet.start()
    (fleet.data_dir / name / "artifacts").write_bytes(b"a file where the folder should be")

    control_plane.order(name, 1, control_plane.publish(artifact))
    ack = await control_plane.settled(name, 1, artifact.digest)

    assert ack["reason"] == "DISK_FULL"
    assert not list((fleet.data_dir / name / "unpacked").iterdir())


async def test_a_revoked_key_brings_in_nothing_new_and_what_runs_goes_on(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    first, second, third = built("1.0.0"), built("2.0.0"), built("2.1.0")
    old, new = control_plane.publish(first), control_plane.publish(second)
    name = await fleet.start()
    await fleet.runs(old, 1)
    control_plane.revoked_keys = [control_plane.artifacts[old]["keyId"]]

    control_plane.order(name, 2, new)
    ack = await control_plane.settled(name, 2, new)

    assert (ack["outcome"], ack["reason"]) == ("failed", "ARTIFACT_KEY_REVOKED")
    assert new not in control_plane.downloads
    assert (await fleet.charge())[0] == 200
    assert control_plane.node(name).module()["active"] == old
    # Neither what the control plane says later nor a restart takes the revocation back.
    control_plane.revoked_keys = []
    await fleet.stop(name)
    await fleet.start(name)
    control_plane.order(name, 3, control_plane.publish(third))
    ack = await control_plane.settled(name, 3, third.digest)
    assert ack["reason"] == "ARTIFACT_KEY_REVOKED"
    assert (await fleet.charge())[0] == 200
