"""Counts of answers by what they were, and their latencies in buckets 4 % wide. Sums of sums are sums."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SMALLEST_MS = 0.1
GROWTH = 1.04
"""As in load/artillery/processor.cjs."""

ANSWERED, LIMITED = "answered", "limited"


@dataclass(slots=True)
class Latencies:
    """`kinds` counts answers; everything but answered and limited is an error nobody intended."""

    kinds: Counter[str] = field(default_factory=Counter)
    buckets: Counter[int] = field(default_factory=Counter)

    def add(self, told: Mapping[str, Any]) -> None:
        """Add what the processor wrote."""
        for name, value in told.items():
            if name == "ms":
                self.buckets.update({int(bucket): count for bucket, count in value.items()})
            else:
                self.kinds[name] += value

    def plus(self, other: Latencies) -> None:
        """Add another sum."""
        self.kinds.update(other.kinds)
        self.buckets.update(other.buckets)

    @property
    def requests(self) -> int:
        return self.kinds.total()

    @property
    def errors(self) -> int:
        return self.requests - self.kinds[ANSWERED] - self.kinds[LIMITED]

    def quantile_ms(self, share: float) -> float | None:
        """The latency that this share of the answers did not exceed; None where nothing was answered."""
        wanted = math.ceil(share * self.buckets.total())
        reached = 0
        for bucket in sorted(self.buckets):
            reached += self.buckets[bucket]
            if reached >= wanted:
                return round(SMALLEST_MS * GROWTH**bucket, 2)
        return None

    def told(self) -> dict[str, Any]:
        """The usual figures."""
        return {
            "requests": self.requests,
            "errors": self.errors,
            "limited": self.kinds[LIMITED],
            "kinds": dict(sorted(self.kinds.items())),
            "p50Ms": self.quantile_ms(0.5),
            "p95Ms": self.quantile_ms(0.95),
            "p99Ms": self.quantile_ms(0.99),
            "maxMs": self.quantile_ms(1.0),
        }
