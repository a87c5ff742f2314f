"""What a node measured of one module version over a stretch of time, in a form that adds up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from itertools import pairwise
from operator import attrgetter

from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.histogram import Histogram, merged


class InvalidWindow(InvalidInput):
    """A window that cannot have been measured: negative, not whole, or at odds with itself."""

    def __init__(self, name: str, value: object, rule: str) -> None:
        self.name, self.value, self.rule = name, value, rule
        super().__init__(Violation(name, f"{rule}, got {value!r}"))


OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
"""What a metric of a module's own may be called."""

MOST_OWN = 20
LARGEST_COUNT = 10**12
LARGEST_LEVEL_MICROS = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMetric:
    """What a module said of itself: the integral over the `covered_ms` in which it said so, in millionths x ms.

    A level enters with its value, a count with its rate per second; so both add up, over time and over nodes, and
    where nothing was said nothing is covered.
    """

    name: str
    micros_ms: int
    covered_ms: int

    def __post_init__(self) -> None:
        if not OWN_NAME.fullmatch(self.name):
            raise InvalidWindow("own", self.name, f"names must match ^{OWN_NAME.pattern}$")
        for value in (self.micros_ms, self.covered_ms):
            if type(value) is not int:
                raise InvalidWindow("own", value, "must be integers")
        if self.covered_ms < 0:
            raise InvalidWindow("own", self.covered_ms, "must not cover less than nothing")


def own_metrics(
    counts: Mapping[str, int], level_micros: Mapping[str, int], *, covered_ms: int
) -> tuple[OwnMetric, ...]:
    """What a module said over `covered_ms`: how often things happened, and how high levels stood (millionths).

    Raises:
        InvalidWindow: a name or number that cannot be, a name on both sides, or more than MOST_OWN.
    """
    if len(counts) + len(level_micros) > MOST_OWN:
        raise InvalidWindow("own", len(counts) + len(level_micros), f"must be at most {MOST_OWN}")
    for name, count in counts.items():
        if type(count) is not int or not 0 <= count <= LARGEST_COUNT:
            raise InvalidWindow("counts", f"{name}: {count}", f"must be whole numbers from 0 to {LARGEST_COUNT}")
        if name in level_micros:
            raise InvalidWindow("levels", name, "must not be named as counts, too")
    for name, level in level_micros.items():
        if type(level) is not int or abs(level) > LARGEST_LEVEL_MICROS:
            raise InvalidWindow("levels", f"{name}: {level}", f"must be millionths up to {LARGEST_LEVEL_MICROS}")
    # A count of one in a second is one per second: 10^6 millionths over 1000 ms.
    found = {name: count * 10**9 for name, count in counts.items()}
    found |= {name: level * covered_ms for name, level in level_micros.items()}
    own = tuple(OwnMetric(name=name, micros_ms=found[name], covered_ms=covered_ms) for name in sorted(found))
    # Over no time nothing can have been measured.
    return own if covered_ms else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Requests, latencies, CPU time, memory and crashes of one module version between two instants.

    Every number is a sum over the time covered, so that merging windows, of one node or of many, is adding:
    `duration_ms` is the time measured (gaps left out, nodes added up), `memory_byte_ms` the integral of resident
    memory over it. `requests` equals the total of `latency`. `own` is what the module said of itself, by name.

    Raises:
        InvalidWindow: a field is no integer (so never NaN), is negative, or contradicts another one.
    """

    started_at_ms: int
    ended_at_ms: int
    duration_ms: int
    requests: int = 0
    errors: int = 0
    latency: Histogram = field(default_factory=Histogram)
    cpu_ms: int = 0
    memory_byte_ms: int = 0
    crashes: int = 0
    own: tuple[OwnMetric, ...] = ()

    def __post_init__(self) -> None:
        numbers = _numbers_of(self)
        # All at once, for this runs for every window that is read.
        if set(map(type, numbers)) != _ONLY_INTEGERS or min(numbers) < 0:
            _require_numbers(numbers)
        if self.ended_at_ms < self.started_at_ms:
            raise InvalidWindow("ended_at_ms", self.ended_at_ms, "must not lie before started_at_ms")
        if self.errors > self.requests:
            raise InvalidWindow("errors", self.errors, "must not exceed requests")
        if self.latency.total != self.requests:
            raise InvalidWindow("latency", self.latency.total, "must count each of the requests once")
        if self.own and any(a.name >= b.name for a, b in pairwise(self.own)):
            raise InvalidWindow("own", [metric.name for metric in self.own], "must be in order, each name once")

    @classmethod
    def measured(
        cls,
        *,
        started_at_ms: int,
        ended_at_ms: int,
        requests: int,
        errors: int,
        latency: Histogram,
        cpu_ms: int,
        memory_bytes: int,
        crashes: int,
        own: tuple[OwnMetric, ...] = (),
    ) -> Window:
        """One window as a node reports it: memory as the mean over the window, the time covered without gaps."""
        if not isinstance(memory_bytes, int) or isinstance(memory_bytes, bool):
            raise InvalidWindow("memory_bytes", memory_bytes, "must be an integer")
        duration_ms = ended_at_ms - started_at_ms
        return cls(
            started_at_ms=started_at_ms,
            ended_at_ms=ended_at_ms,
            duration_ms=duration_ms,
            requests=requests,
            errors=errors,
            latency=latency,
            cpu_ms=cpu_ms,
            memory_byte_ms=memory_bytes * duration_ms,
            crashes=crashes,
            own=own,
        )

    @classmethod
    def empty(cls, *, at_ms: int) -> Window:
        """Nothing measured, at one instant."""
        return cls(started_at_ms=at_ms, ended_at_ms=at_ms, duration_ms=0)

    @property
    def cpu_bp(self) -> int | None:
        """Mean CPU use in ten-thousandths of one core; None where no time was measured."""
        return self.cpu_ms * 10_000 // self.duration_ms if self.duration_ms else None

    @property
    def memory_bytes(self) -> int | None:
        """Mean resident memory; None where no time was measured."""
        return self.memory_byte_ms // self.duration_ms if self.duration_ms else None

    @property
    def error_rate_bp(self) -> int | None:
        """Errors in ten thousand requests, rounded down; None without requests."""
        return self.errors * 10_000 // self.requests if self.requests else None

    def merge(self, other: Window) -> Window:
        """Both windows as one: sums, and the span from the earlier start to the later end."""
        return merged_windows((self, other))


def merged_windows(windows: Iterable[Window]) -> Window:
    """All windows as one, in any order; no windows make the empty window at instant 0."""
    several = tuple(windows)
    if not several:
        return Window.empty(at_ms=0)
    return Window(
        started_at_ms=min(window.started_at_ms for window in several),
        ended_at_ms=max(window.ended_at_ms for window in several),
        duration_ms=sum(window.duration_ms for window in several),
        requests=sum(window.requests for window in several),
        errors=sum(window.errors for window in several),
        latency=merged(window.latency for window in several),
        cpu_ms=sum(window.cpu_ms for window in several),
        memory_byte_ms=sum(window.memory_byte_ms for window in several),
        crashes=sum(window.crashes for window in several),
        own=_merged_own(several),
    )


def _require_numbers(numbers: tuple[object, ...]) -> None:
    for name, value in zip(_NUMBERS, numbers, strict=True):
        if not isinstance(value, int) or isinstance(value, bool):
            raise InvalidWindow(name, value, "must be an integer")
        if value < 0:
            raise InvalidWindow(name, value, "must not be negative")


def _merged_own(windows: Iterable[Window]) -> tuple[OwnMetric, ...]:
    """The first MOST_OWN names: nobody can make a row grow by new names, and the order of merging still does not matter."""
    sums: dict[str, tuple[int, int]] = {}
    for window in windows:
        for metric in window.own:
            micros_ms, covered_ms = sums.get(metric.name, (0, 0))
            sums[metric.name] = micros_ms + metric.micros_ms, covered_ms + metric.covered_ms
    return tuple(
        OwnMetric(name=name, micros_ms=sums[name][0], covered_ms=sums[name][1]) for name in sorted(sums)[:MOST_OWN]
    )


_NUMBERS = tuple(each.name for each in fields(Window) if each.name not in ("latency", "own"))
_ONLY_INTEGERS = {int}
_numbers_of = attrgetter(*_NUMBERS)
