"""A delegation: somebody answers questions for somebody else, for a time, and both are named wherever it counts."""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_DELEGATION_MS = 90 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """`delegate` may decide on approvals for `delegator`, with the rights the delegator has then; policy time."""

    delegator: str
    delegate: str
    from_ms: int
    until_ms: int
    reason: str = ""
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.delegator, self.delegate)

    def counts_at(self, now_ms: int) -> bool:
        """Whether it is on."""
        return self.from_ms <= now_ms < self.until_ms
