"""Limits on guessing passwords: wrong ones are counted by user name, by source address, and over all."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from chalicelib.domain.rate import counted_source

WINDOW_MS = 15 * 60 * 1000
MOST_BY_NAME = 5
MOST_BY_SOURCE = 50
MOST_OVER_ALL = 1_000
SHARDS_OVER_ALL = 16
EVERYWHERE = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongGuesses:
    """Wrong passwords of one scope, in one of its shards, since its window began (machine time)."""

    scope: str
    shard: int = 0
    count: int = 0
    began_ms: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.scope, f"{self.shard:02d}")

    @property
    def ends_ms(self) -> int:
        """When they are forgotten."""
        return self.began_ms + WINDOW_MS

    def counted(self, now_ms: int) -> WrongGuesses:
        """One more; a window that is over begins anew, and the one that reaches the limit begins with it.

        So an account stays locked for the whole window after its last try.
        """
        if now_ms >= self.ends_ms:
            return replace(self, count=1, began_ms=now_ms, revision=self.revision + 1)
        began = now_ms if self.count + 1 == MOST_BY_NAME and self.scope.startswith("name:") else self.began_ms
        return replace(self, count=self.count + 1, began_ms=began, revision=self.revision + 1)


def by_name(username: str) -> str:
    """The scope of a user name, known or not. People type passwords into the wrong field: only a hash is kept."""
    return "name:" + hashlib.sha256(username.encode()).hexdigest()


def by_source(address: str) -> str:
    """The scope of a source address."""
    return f"source:{counted_source(address)}"


def most(scope: str) -> int:
    """How many wrong passwords a scope may have in a window."""
    if scope == EVERYWHERE:
        return MOST_OVER_ALL
    return MOST_BY_NAME if scope.startswith("name:") else MOST_BY_SOURCE


def waits_ms(scope: str, shards: tuple[WrongGuesses, ...], now_ms: int) -> int:
    """How long nobody may log in under this scope; 0 when they may."""
    current = [each for each in shards if now_ms < each.ends_ms]
    if sum(each.count for each in current) < most(scope):
        return 0
    return min(each.ends_ms for each in current) - now_ms
