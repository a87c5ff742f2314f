"""Which bytes a node refuses, and with which word."""

import base64
import contextlib
import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.artifact import (
    MAX_ZIPPED_BYTES,
    ArtifactRef,
    digest_of,
    signed_text,
    trust_roots_from,
    verify_bytes,
    verify_signature,
)
from kernel.examples.build import new_signing_key, sign_artifact, trust_root, zip_of
from kernel.reasons import OrderError, Reason
from kernel.unpack import unpack
from tests.kernel.conftest import Builder

KEY = new_signing_key()
ROOTS = trust_roots_from([trust_root(KEY)])
MANIFEST = {"name": "payment-processor", "version": "2.0.0", "command": ["python3", "main.py"]}


def signed(data: bytes, key: Ed25519PrivateKey = KEY) -> ArtifactRef:
    digest, size = digest_of(data), len(data)
    signature = sign_artifact(key, "payment-processor", "2.0.0", digest, size)
    return ArtifactRef(
        name="payment-processor",
        version="2.0.0",
        digest=digest,
        size=size,
        signature=signature.signature,
        key_id=signature.key_id,
    )


def a_zip(**files: bytes) -> bytes:
    return zip_of({"hotswap.json": json.dumps(MANIFEST).encode(), "main.py": b"print()"} | files)


def reason_of(refuse: Callable[[], object]) -> Reason:
    with pytest.raises(OrderError) as caught:
        refuse()
    assert caught.value.detail
    return caught.value.reason


def test_the_signed_text_is_exactly_what_the_contract_shows() -> None:
    digest = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

    assert signed_text("payment-processor", "2.0.0", digest, 48213) == (
        b"hotswap-artifact-v1\nname:payment-processor\nversion:2.0.0\n"
        + f"digest:{digest}\n".encode()
        + b"size:48213\n"
    )


def test_a_line_feed_cannot_smuggle_another_line_into_the_signed_text() -> None:
    with pytest.raises(ValueError, match="line feed"):
        signed_text("a-module\nversion:9.9.9", "1.0.0", "sha256:00", 1)


def test_a_key_is_named_after_its_own_bytes() -> None:
    root = trust_root(KEY)

    raw = base64.b64decode(root["publicKey"])
    assert root["keyId"] == "ed25519:" + hashlib.sha256(raw).hexdigest()[:32]
    with pytest.raises(ValueError, match="does not belong"):
        trust_roots_from([root | {"keyId": "ed25519:" + "0" * 32}])


GOOD = signed(a_zip())
OTHER_KEY = new_signing_key()
REFS = {
    "no signature": (replace(GOOD, signature=""), Reason.ARTIFACT_UNSIGNED),
    "a key nobody trusts": (signed(a_zip(), OTHER_KEY), Reason.ARTIFACT_KEY_UNKNOWN),
    "no key named": (replace(GOOD, key_id=""), Reason.ARTIFACT_KEY_UNKNOWN),
    "another key's signature under a trusted name": (
        replace(signed(a_zip(), OTHER_KEY), key_id=GOOD.key_id),
        Reason.ARTIFACT_SIGNATURE_INVALID,
    ),
    "a signature that is not base64": (replace(GOOD, signature="?"), Reason.ARTIFACT_SIGNATURE_INVALID),
    "half a signature": (replace(GOOD, signature=GOOD.signature[:44]), Reason.ARTIFACT_SIGNATURE_INVALID),
    "the version of another release": (replace(GOOD, version="1.0.0"), Reason.ARTIFACT_SIGNATURE_INVALID),
    "the name of another module": (replace(GOOD, name="fraud-check"), Reason.ARTIFACT_SIGNATURE_INVALID),
    "another size": (replace(GOOD, size=GOOD.size + 1), Reason.ARTIFACT_SIGNATURE_INVALID),
    "the digest of another release": (
        replace(GOOD, digest=digest_of(b"another")),
        Reason.ARTIFACT_SIGNATURE_INVALID,
    ),
    "another algorithm": (replace(GOOD, digest="md5:" + "0" * 32), Reason.ARTIFACT_DIGEST_MISMATCH),
    "a digest in capitals": (replace(GOOD, digest=GOOD.digest.upper()), Reason.ARTIFACT_DIGEST_MISMATCH),
    "a digest cut short": (replace(GOOD, digest=GOOD.digest[:-1]), Reason.ARTIFACT_DIGEST_MISMATCH),
    "more than may be zipped": (replace(GOOD, size=MAX_ZIPPED_BYTES + 1), Reason.ARTIFACT_TOO_LARGE),
}


def test_a_good_artifact_is_verified() -> None:
    verify_signature(GOOD, ROOTS)
    verify_bytes(a_zip(), GOOD)


@pytest.mark.parametrize(("ref", "reason"), REFS.values(), ids=REFS.keys())
def test_a_reference_nobody_vouches_for_is_refused(ref: ArtifactRef, reason: Reason) -> None:
    assert reason_of(lambda: verify_signature(ref, ROOTS)) is reason


@given(position=st.integers(0, len(a_zip()) * 8 - 1))
def test_one_bit_changed_is_another_digest(position: int) -> None:
    data = bytearray(a_zip())
    data[position // 8] ^= 1 << position % 8

    assert reason_of(lambda: verify_bytes(bytes(data), GOOD)) is Reason.ARTIFACT_DIGEST_MISMATCH


@pytest.mark.parametrize("data", [a_zip()[:-1], a_zip() + b"\0", b""])
def test_bytes_cut_off_or_added_are_another_size(data: bytes) -> None:
    assert reason_of(lambda: verify_bytes(data, GOOD)) is Reason.ARTIFACT_SIZE_MISMATCH


def entry(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, mode << 16
    return info


def with_entries(*entries: tuple[zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr(entry("hotswap.json"), json.dumps(MANIFEST))
        for info, data in entries:
            archive.writestr(info, data, compression)
    return buffer.getvalue()


def named(*names: str) -> bytes:
    return with_entries(*((entry(name), b"") for name in names))


def renamed(placeholder: str, name: bytes) -> bytes:
    """A zip with a name zipfile would not write."""
    assert len(placeholder) == len(name)
    return named(placeholder).replace(placeholder.encode(), name)


def lying(data: bytes) -> bytes:
    """A zip of zeros whose directory says it holds one byte."""
    packed = with_entries((entry("zeros"), data))
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = packed.rfind(signature)
        packed = packed[: at + offset] + struct.pack("<L", 1) + packed[at + offset + 4 :]
    return packed


UNSAFE = Reason.ARTIFACT_UNSAFE_PATH
ZIPS = {
    "parent folder": (named("../evil.py"), UNSAFE),
    "parent folder inside": (named("a/../../evil.py"), UNSAFE),
    "absolute": (named("/etc/evil"), UNSAFE),
    "drive": (named("C:/evil"), UNSAFE),
    "backslash": (renamed("..#evil", b"..\\evil"), UNSAFE),
    "NUL hides the end": (renamed("good.py#x", b"good.py\0x"), UNSAFE),
    "dot": (named("./main.py"), UNSAFE),
    "empty part": (named("a//b"), UNSAFE),
    "part too long": (named("a" * 256), UNSAFE),
    "symlink": (with_entries((entry("link", stat.S_IFLNK | 0o777), b"/etc/passwd")), UNSAFE),
    "device": (with_entries((entry("device", stat.S_IFCHR | 0o666), b"")), UNSAFE),
    "pipe": (with_entries((entry("pipe", stat.S_IFIFO | 0o666), b"")), UNSAFE),
    "twice in other case": (named("Main.py", "main.py"), UNSAFE),
    "twice in other composition": (named("caf\u00e9.py", "cafe\u0301.py"), UNSAFE),
    "below a file": (named("a", "a/b"), UNSAFE),
    "too many entries": (named(*(f"f{number}" for number in range(10_000))), Reason.ARTIFACT_TOO_LARGE),
    "bomb": (with_entries((entry("zeros"), bytes(1_000_001))), Reason.ARTIFACT_TOO_LARGE),
    "bomb in parts": (
        with_entries(*((entry(f"zeros{number}"), bytes(100_000)) for number in range(11))),
        Reason.ARTIFACT_TOO_LARGE,
    ),
    "bomb that says it is small": (lying(bytes(5_000_000)), Reason.ARTIFACT_NOT_A_ZIP),
    "not a zip": (b"#!/bin/sh\nrm -rf /\n", Reason.ARTIFACT_NOT_A_ZIP),
    "empty": (b"", Reason.ARTIFACT_NOT_A_ZIP),
    "cut short": (named("main.py")[:-30], Reason.ARTIFACT_NOT_A_ZIP),
    "compressed in another way": (
        with_entries((entry("main.py"), b"x" * 99), compression=zipfile.ZIP_BZIP2),
        Reason.ARTIFACT_NOT_A_ZIP,
    ),
    "no manifest": (zip_of({"main.py": b""}), Reason.ARTIFACT_MANIFEST_INVALID),
    "manifest elsewhere": (zip_of({"a/hotswap.json": b"{}"}), Reason.ARTIFACT_MANIFEST_INVALID),
    "manifest too long": (zip_of({"hotswap.json": b" " * 70_000}), Reason.ARTIFACT_MANIFEST_INVALID),
    "another version": (
        zip_of({"hotswap.json": json.dumps(MANIFEST | {"version": "1.0.0"}).encode()}),
        Reason.ARTIFACT_MANIFEST_MISMATCH,
    ),
    "another module": (
        zip_of({"hotswap.json": json.dumps(MANIFEST | {"name": "fraud-check"}).encode()}),
        Reason.ARTIFACT_MANIFEST_MISMATCH,
    ),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("data", "reason"), ZIPS.values(), ids=ZIPS.keys())
def test_a_zip_that_may_not_be_unpacked_is_refused_before_anything_is_written(
    data: bytes, reason: Reason, tmp_path: Path
) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()

    assert reason_of(lambda: unpack(data, signed(data), folder, max_unpacked_bytes=1_000_000)) is reason

    assert [path.name for path in tmp_path.iterdir()] == ["unpacked"]
    written = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    # Only the zip that lies about its sizes gets as far as writing, and then no further than it said.
    assert written <= (1_000 if reason is Reason.ARTIFACT_NOT_A_ZIP else 0)


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = named("main.py", "main.py")

    assert reason_of(lambda: unpack(data, signed(data), tmp_path)) is UNSAFE


def test_a_good_zip_is_unpacked_byte_for_byte_and_keeps_what_may_be_run(tmp_path: Path) -> None:
    data = with_entries(
        (entry("bin/run", stat.S_IFREG | 0o755), b"#!/bin/sh\n"),
        (entry("empty/", stat.S_IFDIR | 0o755), b""),
        (entry("data.txt"), b"x" * 200_000),
    )

    manifest = unpack(data, signed(data), tmp_path)

    assert manifest.command == ("python3", "main.py")
    assert (tmp_path / "data.txt").read_bytes() == b"x" * 200_000
    assert (tmp_path / "bin/run").stat().st_mode & 0o111
    assert not (tmp_path / "data.txt").stat().st_mode & 0o111
    assert (tmp_path / "empty").is_dir()


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, len(a_zip()) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_zip_is_refused_with_a_name_or_unpacks_inside_its_folder(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("damaged")
    folder = outside / "unpacked"
    folder.mkdir()
    data = bytearray(a_zip())
    for position, value in changes:
        data[position] = value

    with contextlib.suppress(OrderError):
        unpack(bytes(data), signed(bytes(data)), folder)

    assert [path.name for path in outside.iterdir()] == ["unpacked"]


def test_the_same_version_is_always_the_same_bytes(built: Builder, tmp_path: Path) -> None:
    one, other = built("2.1.0"), built("2.1.0")

    assert one.digest == other.digest
    assert len({built(version).digest for version in ("1.0.0", "2.0.0", "2.1.0", "2.2.0")}) == 4
