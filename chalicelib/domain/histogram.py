"""Latency histograms that can be merged, in the bucket layout of docs/contracts/node-protocol.md.

Bucket *i* holds the latencies *t* (whole microseconds) with ``floor(16 * log2(max(t, 1))) == i``. Sixteen buckets to a
doubling make each 4.4 % wide, which bounds the error of every quantile read from one; merging adds counts and loses
nothing. The layout is the base-2 exponential histogram at scale 4 of OpenTelemetry and Prometheus native histograms.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.domain.errors import InvalidInput, Violation

BUCKETS_PER_DOUBLING = 16
LAST_BUCKET = 511


class InvalidHistogram(InvalidInput):
    """A bucket index outside 0..511, doubled or out of order, or a count that is no whole number of requests."""

    def __init__(self, bucket: object, count: object) -> None:
        self.bucket, self.count = bucket, count
        super().__init__(
            Violation("latency", f"bucket {bucket!r} must be 0 to 511, its count {count!r} a whole number")
        )


def bucket_of(latency_us: int) -> int:
    """The bucket that counts a latency of `latency_us`; what is too long for the layout goes to the last bucket."""
    return min(LAST_BUCKET, math.floor(BUCKETS_PER_DOUBLING * math.log2(max(latency_us, 1))))


def lower_bound_us(bucket: int) -> float:
    """The smallest latency bucket `bucket` stands for, in microseconds; `bucket` 512 is the end of the last one."""
    return math.exp2(bucket / BUCKETS_PER_DOUBLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many requests fell into each latency bucket: pairs (bucket, count), ascending, counts above zero.

    Raises:
        InvalidHistogram: unordered, doubled or unknown buckets; counts that are no positive integers.
    """

    counts: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        previous = -1
        for bucket, count in self.counts:
            # type() and not isinstance(): a bool is no count, and this runs for every bucket of every window.
            if type(bucket) is not int or type(count) is not int or not previous < bucket <= LAST_BUCKET or count < 1:
                raise InvalidHistogram(bucket, count)
            previous = bucket

    @classmethod
    def from_mapping(cls, counts: Mapping[str, int] | Mapping[int, int]) -> Histogram:
        """Read the wire form, a JSON object from bucket index to count; zero counts are left out.

        Raises:
            InvalidHistogram: a key that is no bucket index, or a count that is negative, fractional or NaN.
        """
        pairs: dict[int, int] = {}
        for key, count in counts.items():
            bucket = _bucket_index(key, count)
            if not _is_int(count) or count < 0 or bucket in pairs:
                raise InvalidHistogram(key, count)
            if count:
                pairs[bucket] = count
        return cls(counts=tuple(sorted(pairs.items())))

    @classmethod
    def from_latencies(cls, latencies_us: Iterable[int]) -> Histogram:
        """Count single latencies, in microseconds."""
        pairs: dict[int, int] = {}
        for latency_us in latencies_us:
            bucket = bucket_of(latency_us)
            pairs[bucket] = pairs.get(bucket, 0) + 1
        return cls(counts=tuple(sorted(pairs.items())))

    def to_mapping(self) -> dict[str, int]:
        """The wire form: bucket index as text to count."""
        return {str(bucket): count for bucket, count in self.counts}

    @property
    def total(self) -> int:
        """How many requests were counted."""
        return sum([count for _, count in self.counts])

    def merge(self, other: Histogram) -> Histogram:
        """The histogram of both sets of requests. Commutative and associative; the empty histogram changes nothing."""
        return merged((self, other))

    def quantile_us(self, quantile_bp: int) -> int | None:
        """The latency below which `quantile_bp` ten-thousandths of the requests lie; None without requests.

        The inverse of the empirical distribution (Hyndman and Fan 1996, type 1: the smallest value with at least that
        share at or below it) finds the bucket; within it latencies are taken as spread evenly on the logarithmic
        scale. At most one bucket, 4.4 %, away from the true quantile.
        """
        total = self.total
        if total == 0:
            return None
        wanted = max(1.0, total * quantile_bp / 10_000)
        below = 0
        for bucket, count in self.counts:
            if below + count >= wanted:
                return round(math.exp2((bucket + (wanted - below) / count) / BUCKETS_PER_DOUBLING))
            below += count
        return round(lower_bound_us(self.counts[-1][0] + 1))

    def count_above(self, latency_us: float) -> float:
        """How many requests took longer than `latency_us`; the bucket it falls into is divided as in `quantile_us`."""
        edge = BUCKETS_PER_DOUBLING * math.log2(max(latency_us, 1.0))
        return sum(count * min(1.0, max(0.0, bucket + 1 - edge)) for bucket, count in self.counts)


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of all requests of all `histograms`."""
    sums = [0] * (LAST_BUCKET + 1)
    for histogram in histograms:
        for bucket, count in histogram.counts:
            sums[bucket] += count
    return Histogram(counts=tuple([(bucket, count) for bucket, count in enumerate(sums) if count]))


def mixed(parts: Iterable[tuple[float, Histogram]]) -> Histogram:
    """The histogram of a million requests of which each part has its share: (share, histogram), shares adding to 1."""
    sums = [0.0] * (LAST_BUCKET + 1)
    for share, histogram in parts:
        scale = share * 1_000_000 / max(1, histogram.total)
        for bucket, count in histogram.counts:
            sums[bucket] += count * scale
    rounded = ((bucket, round(count)) for bucket, count in enumerate(sums))
    return Histogram(counts=tuple((bucket, count) for bucket, count in rounded if count))


def _bucket_index(key: object, count: object) -> int:
    if _is_int(key):
        return int(key)  # type: ignore[call-overload, no-any-return]  # narrowed by _is_int, which rules out bool
    if isinstance(key, str) and key.isascii() and key.isdigit() and len(key) <= 3:
        return int(key)
    raise InvalidHistogram(key, count)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
