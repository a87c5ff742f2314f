"""Whether bytes are the module version that was signed. Pure.

The signature covers name, version, digest and size in one text, so none of them can be exchanged for another's.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kernel.reasons import OrderError, Reason

MAX_ZIPPED_BYTES = 50 * 1024 * 1024
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRoot:
    """A key the node believes, from when until before when (milliseconds since the epoch; None: no limit)."""

    key: Ed25519PublicKey
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None


TrustRoots = Mapping[str, TrustRoot]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactRef:
    """Which artifact is meant, who vouches for it, and the revision of its configuration (0: none).

    Says nothing about whether that is true.
    """

    name: str
    version: str
    digest: str
    size: int
    signature: str
    key_id: str
    configuration: int = 0

    @property
    def edition(self) -> str:
        """What runs, in one word: the digest and, where it is configured, `+` and the revision."""
        return f"{self.digest}+{self.configuration}" if self.configuration else self.digest


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


def trust_roots_from(roots: Iterable[Mapping[str, object]]) -> dict[str, TrustRoot]:
    """Read trust roots as the control plane or a local file gives them.

    Raises:
        ValueError: a key is not 32 bytes in base64, its id is not its own, or a limit is no whole number.
    """
    keys: dict[str, TrustRoot] = {}
    for root in roots:
        raw = _decoded(root.get("publicKey"))
        if raw is None or len(raw) != 32:
            raise ValueError("publicKey must be 32 bytes in standard base64")
        if root.get("keyId") != key_id_of(raw):
            raise ValueError(f"keyId {root.get('keyId')!r} does not belong to its publicKey")
        keys[key_id_of(raw)] = TrustRoot(
            key=Ed25519PublicKey.from_public_bytes(raw),
            valid_from_ms=_limit(root, "validFrom"),
            valid_until_ms=_limit(root, "validUntil"),
        )
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
        roots[ref.key_id].key.verify(signature, signed_text(ref.name, ref.version, ref.digest, ref.size))
    except (InvalidSignature, ValueError) as error:
        raise OrderError(
            Reason.ARTIFACT_SIGNATURE_INVALID, f"{ref.key_id} did not sign this name, version, digest and size"
        ) from error


def verify_validity(ref: ArtifactRef, roots: TrustRoots, *, now_ms: int) -> None:
    """Return only when the key counts now. Asked before bytes are taken in, not when verified ones are started again.

    Raises:
        OrderError: ARTIFACT_KEY_NOT_YET_VALID or ARTIFACT_KEY_EXPIRED.
    """
    root = roots[ref.key_id]
    if root.valid_from_ms is not None and now_ms < root.valid_from_ms:
        raise OrderError(Reason.ARTIFACT_KEY_NOT_YET_VALID, f"{ref.key_id} does not count yet")
    if root.valid_until_ms is not None and now_ms >= root.valid_until_ms:
        raise OrderError(Reason.ARTIFACT_KEY_EXPIRED, f"{ref.key_id} counts no longer")


def verify_not_revoked(ref: ArtifactRef, revoked: Collection[str]) -> None:
    """Return only when the key was not revoked. Asked before bytes are taken in, as with `verify_validity`.

    Raises:
        OrderError: ARTIFACT_KEY_REVOKED.
    """
    if ref.key_id in revoked:
        raise OrderError(Reason.ARTIFACT_KEY_REVOKED, f"{ref.key_id} was revoked")


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


def _limit(root: Mapping[str, object], name: str) -> int | None:
    value = root.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ValueError(f"{name} must be a whole number of milliseconds")
    return value


def _decoded(text: object) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
