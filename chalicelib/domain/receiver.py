"""What a receiver of ours verifies with: which versions of its secret are valid, and rotation with an overlap."""

from __future__ import annotations

from dataclasses import dataclass, replace

HOOKS = "hooks"
"""The subject whose secret signs every hook call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverSecret:
    """The versions of one receiver's secret; the secret itself is derived and kept nowhere. Instants are machine time."""

    subject: str
    version: int = 1
    previous_until_ms: int = 0
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.subject,)

    def valid(self, now_ms: int) -> tuple[int, ...]:
        """The versions to sign with now, the newest first."""
        return (self.version, self.version - 1) if now_ms < self.previous_until_ms else (self.version,)


def rotated(secret: ReceiverSecret, *, overlap_seconds: int, now_ms: int) -> ReceiverSecret:
    """The next version; the one before stays valid for `overlap_seconds`, any older one ends now."""
    until = now_ms + overlap_seconds * 1000
    return replace(secret, version=secret.version + 1, previous_until_ms=until, revision=secret.revision + 1)
