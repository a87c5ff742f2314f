"""Whether bytes are the module version that was signed. Pure.

The signature covers name, version, digest and size in one text, so none of them can be exchanged for another's.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kernel.reasons import OrderError, Reason

MAX_ZIPPED_BYTES = 50 * 1024 * 1024
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

TrustRoots = Mapping[str, Ed25519PublicKey]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """Which artifact is meant, and who vouches for it. Says nothing about whether that is true."""

    name: str
    version: str
    digest: str
    size: int
    signature: str
    key_id: str


def signed_text(name: str, version: str, digest: str, size: int) -> bytes:
    """The exact bytes that are signed for an artifact.

    Raises:
        ValueError: a part holds a line feed, so another text could be meant.
    """
    lines = ("hotswap-artifact-v1", f"name:{name}", f"version:{version}", f"digest:{digest}", f"size:{size}")
    if any("\n" in line for line in lines):
        raise ValueError("a part of a signed text must not hold a line feed")
    return "".join(line + "\n" for line in lines).encode("utf-8")


def digest_of(data: bytes) -> str:
    """The address of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def key_id_of(public_key: bytes) -> str:
    """The name of a 32-byte Ed25519 public key."""
    return "ed25519:" + hashlib.sha256(public_key).hexdigest()[:32]


def trust_roots_from(roots: Iterable[Mapping[str, object]]) -> dict[str, Ed25519PublicKey]:
    """Read trust roots as the control plane or a local file gives them.

    Raises:
        ValueError: a key is not 32 bytes in base64, or its id is not its own.
    """
    keys: dict[str, Ed25519PublicKey] = {}
    for root in roots:
        raw = _decoded(root.get("publicKey"))
        if raw is None or len(raw) != 32:
            raise ValueError("publicKey must be 32 bytes in standard base64")
        if root.get("keyId") != key_id_of(raw):
            raise ValueError(f"keyId {root.get('keyId')!r} does not belong to its publicKey")
        keys[key_id_of(raw)] = Ed25519PublicKey.from_public_bytes(raw)
    return keys


def verify_signature(ref: ArtifactRef, roots: TrustRoots) -> None:
    """Return only when a trusted key signed exactly this name, version, digest and size.

    Needs no bytes of the artifact, so it comes before the download.

    Raises:
        OrderError: ARTIFACT_TOO_LARGE, _DIGEST_MISMATCH (no SHA-256 digest at all), _UNSIGNED, _KEY_UNKNOWN or
            _SIGNATURE_INVALID.
    """
    if DIGEST.fullmatch(ref.digest) is None:
        raise OrderError(Reason.ARTIFACT_DIGEST_MISMATCH, f"{ref.digest!r} is not a sha256 digest")
    if ref.size > MAX_ZIPPED_BYTES:
        raise OrderError(Reason.ARTIFACT_TOO_LARGE, f"{ref.size} bytes zipped, allowed are {MAX_ZIPPED_BYTES}")
    if not ref.signature:
        raise OrderError(Reason.ARTIFACT_UNSIGNED, "no signature")
    if ref.key_id not in roots:
        raise OrderError(Reason.ARTIFACT_KEY_UNKNOWN, f"{ref.key_id or 'no key id'} is not among the trust roots")
    signature = _decoded(ref.signature)
    try:
        if signature is None or len(signature) != 64:
            raise InvalidSignature
        roots[ref.key_id].verify(signature, signed_text(ref.name, ref.version, ref.digest, ref.size))
    except (InvalidSignature, ValueError) as error:
        raise OrderError(
            Reason.ARTIFACT_SIGNATURE_INVALID, f"{ref.key_id} did not sign this name, version, digest and size"
        ) from error


def verify_bytes(data: bytes, ref: ArtifactRef) -> None:
    """Return only when these bytes have the signed length and digest.

    Raises:
        OrderError: ARTIFACT_SIZE_MISMATCH or ARTIFACT_DIGEST_MISMATCH.
    """
    if len(data) != ref.size:
        raise OrderError(Reason.ARTIFACT_SIZE_MISMATCH, f"{len(data)} bytes, signed were {ref.size}")
    found = digest_of(data)
    if found != ref.digest:
        raise OrderError(Reason.ARTIFACT_DIGEST_MISMATCH, f"the bytes are {found}")


def _decoded(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
