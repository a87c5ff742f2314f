"""Windows sorted onto a fixed grid of time, so that it does not matter how finely they came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from chalicelib.domain.metrics import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one node measured in grid cell `index`: the windows that began in it, added up."""

    index: int
    duration_ms: int
    requests: int
    errors: int
    cpu_ms: int
    memory_byte_ms: int


def on_grid(windows: Iterable[Window], grain_ms: int, *, from_ms: int = 0) -> tuple[Cell, ...]:
    """The cells of one node's windows, ascending; windows that began before `from_ms` are left out.

    Merging windows that begin in the same cell changes nothing, nor does their order.
    """
    sums: dict[int, list[int]] = {}
    for window in windows:
        if window.started_at_ms < from_ms:
            continue
        cell = sums.setdefault(window.started_at_ms // grain_ms, [0, 0, 0, 0, 0])
        cell[0] += window.duration_ms
        cell[1] += window.requests
        cell[2] += window.errors
        cell[3] += window.cpu_ms
        cell[4] += window.memory_byte_ms
    return tuple(
        Cell(index=index, duration_ms=d, requests=r, errors=e, cpu_ms=c, memory_byte_ms=m)
        for index, (d, r, e, c, m) in sorted(sums.items())
    )
