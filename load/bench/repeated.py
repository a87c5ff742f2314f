"""Medians over repetitions, with their spread; two things that are compared take turns."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def spread(values: Sequence[float], digits: int = 3) -> dict[str, Any]:
    """Median, and the range of the middle half as a share of it."""
    middle = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else (middle,) * 3
    return {
        "median": round(middle, digits),
        "low": round(min(values), digits),
        "high": round(max(values), digits),
        "spreadPercent": round(100 * (high - low) / middle, 1) if middle else 0.0,
        "repetitions": len(values),
    }


def cpu_ms(work: Callable[[], object], times: int) -> float:
    """Processor milliseconds of this thread for one of `times` calls; garbage is collected before, not during."""
    gc.collect()
    gc.disable()
    try:
        begun = time.thread_time_ns()
        for _ in range(times):
            work()
        return (time.thread_time_ns() - begun) / times / 1_000_000
    finally:
        gc.enable()


def paired(
    first: Callable[[], object], second: Callable[[], object], *, times: int, repetitions: int
) -> dict[str, Any]:
    """How long each takes, and how many times as long the first takes as the second, block by block in turns."""
    cpu_ms(first, times), cpu_ms(second, times)
    pairs = [(cpu_ms(first, times), cpu_ms(second, times)) for _ in range(repetitions)]
    return {
        "ms": spread([one for one, _ in pairs]),
        "otherMs": spread([other for _, other in pairs]),
        "ratio": spread([one / other for one, other in pairs], 2),
    }
