"""Modules, their versions, and the rules for both."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import ArtifactRefused

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


def precedence(version: str) -> tuple[Any, ...]:
    """What orders two semantic versions; build parts do not count. Source: semver.org 2.0.0, section 11.

    Raises:
        ValueError: it is no semantic version.
    """
    match = SEMVER.fullmatch(version)
    if match is None:
        raise ValueError(f"{version!r} is no semantic version")
    release = tuple(int(part) for part in match.group(1, 2, 3))
    if match[4] is None:
        return (*release, 1)
    # Numbers come before words; of two that begin alike the shorter comes first, as tuples do.
    return (*release, 0, tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in match[4].split(".")))


def is_digest(text: str) -> bool:
    """`sha256:` and 64 lower-case hexadecimal digits."""
    return DIGEST.fullmatch(text) is not None


class VersionStatus(StrEnum):
    """What may be done with a version."""

    REGISTERED = "Registered"
    QUARANTINED = "Quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleVersion:
    """One registered version of a module: what it must be, byte for byte, and who said so.

    An `irreversible` one changes what it cannot change back (data, say); it pauses where others are rolled back.
    """

    module: str
    version: str
    digest: str
    size: int
    signature: str
    key_id: str
    status: VersionStatus = VersionStatus.REGISTERED
    reason: str = ""
    irreversible: bool = False
    registered_by: str
    registered_at_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.module, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key whose signatures are accepted. `public_key` is 32 bytes in standard base64.

    It counts from `valid_from_ms` until before `valid_until_ms` (machine time), in its environments; no limits where
    none are given.
    """

    key_id: str
    public_key: str
    owner: str
    added_by: str
    added_at_ms: int
    revoked_at_ms: int | None = None
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    environments: tuple[Environment, ...] = ()
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.key_id,)

    def counts_in(self, environment: Environment) -> bool:
        """Whether its signatures are meant for this environment."""
        return not self.environments or environment in self.environments

    def require_good(self, environments: Iterable[Environment], *, now_ms: int) -> None:
        """Nothing, if what it signed may be deployed to all of these environments now.

        Raises:
            ArtifactRefused: ARTIFACT_KEY_REVOKED, _KEY_NOT_YET_VALID, _KEY_EXPIRED or _KEY_ENVIRONMENT.
        """
        if self.revoked_at_ms is not None:
            raise ArtifactRefused("ARTIFACT_KEY_REVOKED", f"signing key {self.key_id} was revoked")
        if self.valid_from_ms is not None and now_ms < self.valid_from_ms:
            raise ArtifactRefused("ARTIFACT_KEY_NOT_YET_VALID", f"signing key {self.key_id} does not count yet")
        if self.valid_until_ms is not None and now_ms >= self.valid_until_ms:
            raise ArtifactRefused("ARTIFACT_KEY_EXPIRED", f"signing key {self.key_id} counts no longer")
        refused = [str(environment) for environment in environments if not self.counts_in(environment)]
        if refused:
            raise ArtifactRefused("ARTIFACT_KEY_ENVIRONMENT", f"{self.key_id} does not count in {', '.join(refused)}")


def signed_text(*, module: str, version: str, digest: str, size: int) -> bytes:
    """The bytes an artifact's signature covers. Source: docs/contracts/artifact.md."""
    return f"hotswap-artifact-v1\nname:{module}\nversion:{version}\ndigest:{digest}\nsize:{size}\n".encode()
