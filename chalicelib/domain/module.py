"""Modules, their versions, and the rules for both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MODULE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
SEMVER = re.compile(
    r"(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})\.(0|[1-9][0-9]{0,15})"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?"
)
MAX_VERSION_LENGTH = 128
MAX_ARTIFACT_BYTES = 50 * 1024 * 1024


def is_module_name(text: str) -> bool:
    """3 to 64 lower-case letters, digits and hyphens; no hyphen at either end."""
    return MODULE_NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Semantic version 2.0.0 with optional pre-release and build parts. Source: semver.org."""
    return len(text) <= MAX_VERSION_LENGTH and SEMVER.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """`sha256:` and 64 lower-case hexadecimal digits."""
    return DIGEST.fullmatch(text) is not None


class VersionStatus(StrEnum):
    """What may be done with a version."""

    REGISTERED = "Registered"
    QUARANTINED = "Quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleVersion:
    """One registered version of a module: what it must be, byte for byte, and who said so."""

    module: str
    version: str
    digest: str
    size: int
    signature: str
    key_id: str
    status: VersionStatus = VersionStatus.REGISTERED
    reason: str = ""
    registered_by: str
    registered_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.module, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key whose signatures are accepted. `public_key` is 32 bytes in standard base64."""

    key_id: str
    public_key: str
    owner: str
    added_by: str
    added_at_ms: int
    revoked_at_ms: int | None = None
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.key_id,)


def signed_text(*, module: str, version: str, digest: str, size: int) -> bytes:
    """The bytes an artifact's signature covers. Source: docs/contracts/artifact.md."""
    return f"hotswap-artifact-v1\nname:{module}\nversion:{version}\ndigest:{digest}\nsize:{size}\n".encode()
