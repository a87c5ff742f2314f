"""What a node measured about each version it ran, in windows that can be merged by adding. Pure."""

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

BUCKETS_PER_DOUBLING = 16
LAST_BUCKET = 511
MAX_WINDOWS = 256
MOST_OWN = 20
MAX_WINDOWS_BYTES = 400 * 1024

Histogram = Mapping[int, int]
VersionKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What one version did in one reporting interval; `latency` counts requests per bucket of `bucket_of`.

    `counts` and `levels` (means, in millionths) are what the module said of itself.
    """

    module: str
    digest: str
    started_at_ms: int
    ended_at_ms: int
    requests: int
    errors: int
    latency: Histogram
    cpu_ms: int
    memory_bytes: int
    crashes: int
    counts: Mapping[str, int] = field(default_factory=dict)
    levels: Mapping[str, int] = field(default_factory=dict)


def bucket_of(latency_us: int) -> int:
    """The bucket, 0 to 511, that counts this latency: floor(16 * log2(max(t, 1)))."""
    return min(math.floor(BUCKETS_PER_DOUBLING * math.log2(max(latency_us, 1))), LAST_BUCKET)


def lower_bound_us(bucket: int) -> float:
    """The smallest latency a bucket counts; the true one is less than 4.5 % above it."""
    return float(2.0 ** (bucket / BUCKETS_PER_DOUBLING))


def merge(one: Histogram, other: Histogram) -> dict[int, int]:
    """The histogram of both sets of requests."""
    return dict(Counter(one) + Counter(other))


def quantile_us(latency: Histogram, quantile: float) -> float:
    """The latency that this part of the requests did not exceed, at most one bucket width too small.

    Raises:
        ValueError: nothing was counted, or the quantile is not from 0 to 1.
    """
    total = sum(latency.values())
    if total == 0 or not 0.0 <= quantile <= 1.0:
        raise ValueError("a quantile needs requests and must be from 0 to 1")
    rank, seen = max(1, math.ceil(quantile * total)), 0
    for bucket in sorted(latency):
        seen += latency[bucket]
        if seen >= rank:
            return lower_bound_us(bucket)
    raise AssertionError("the counts do not add up to their own sum")


class Meter:
    """Counts what one version does until the window is closed."""

    def __init__(self, module: str, digest: str, started_at_ms: int) -> None:
        self._module, self._digest = module, digest
        self._begin(started_at_ms)

    def _begin(self, started_at_ms: int) -> None:
        self._started_at_ms = started_at_ms
        self._errors = 0
        self._latency: Counter[int] = Counter()
        self._cpu_s = 0.0
        self._memory: list[int] = []
        self._crashes = 0
        self._counts: Counter[str] = Counter()
        self._levels: dict[str, list[int]] = {}

    def answered(self, *, latency_us: int, failed: bool) -> None:
        """Count one request, answered or failed."""
        self._latency[bucket_of(latency_us)] += 1
        self._errors += failed

    def crashed(self) -> None:
        """Count one death of the child."""
        self._crashes += 1

    def used(self, *, cpu_s: float, memory_bytes: int) -> None:
        """Add CPU time since the last sample, and one sample of resident memory."""
        self._cpu_s += max(cpu_s, 0.0)
        self._memory.append(memory_bytes)

    def said(self, *, counts: Mapping[str, int], levels: Mapping[str, int]) -> None:
        """Take what the module says of itself: what it counted since it was last asked, and its levels now."""
        # A window may see two versions of the document; what does not fit is left out, not guessed at.
        for name, count in counts.items():
            if name in self._counts or (name not in self._levels and self._own < MOST_OWN):
                self._counts[name] += count
        for name, level in levels.items():
            if name in self._levels or (name not in self._counts and self._own < MOST_OWN):
                self._levels.setdefault(name, []).append(level)

    @property
    def _own(self) -> int:
        return len(self._counts) + len(self._levels)

    @property
    def size_bytes(self) -> int:
        """About how long the window is when written as JSON."""
        return 400 + 14 * len(self._latency) + 90 * self._own

    def close(self, now_ms: int) -> Window:
        """Return what was counted and begin the next window where this one ends."""
        window = Window(
            module=self._module,
            digest=self._digest,
            started_at_ms=self._started_at_ms,
            ended_at_ms=max(now_ms, self._started_at_ms),
            requests=sum(self._latency.values()),
            errors=self._errors,
            latency=dict(self._latency),
            cpu_ms=round(self._cpu_s * 1000),
            memory_bytes=sum(self._memory) // max(len(self._memory), 1),
            crashes=self._crashes,
            counts=dict(self._counts),
            levels={name: sum(values) // len(values) for name, values in self._levels.items()},
        )
        self._begin(window.ended_at_ms)
        return window


class Meters:
    """The meters of one node, one per (module, digest)."""

    def __init__(self) -> None:
        self._meters: dict[VersionKey, Meter] = {}

    def of(self, module: str, digest: str, now_ms: int) -> Meter:
        """The meter of this version; its window begins now if it had none.

        Not to be kept: a version without a process is forgotten, and counts again under a new meter when it comes back.
        """
        meter = self._meters.get((module, digest))
        if meter is None:
            meter = self._meters[module, digest] = Meter(module, digest, now_ms)
        return meter

    def close(self, now_ms: int, running: Collection[VersionKey]) -> list[Window]:
        """Close every window that fits into one report; the others stay open and go on counting.

        A version that no longer runs is forgotten with its last window.
        """
        closed: list[Window] = []
        left = MAX_WINDOWS_BYTES
        for key, meter in list(self._meters.items()):
            left -= meter.size_bytes
            if left < 0 or len(closed) == MAX_WINDOWS:
                break
            closed.append(meter.close(now_ms))
            # Forgotten, or put at the end, so that the same ones are not left out every time.
            del self._meters[key]
            if key in running:
                self._meters[key] = meter
        return closed
