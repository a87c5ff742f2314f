"""What a node measured, added up in the node's own row, so that a report costs no write of its own.

Two sums are kept: for each module the *open step*, the part of the series that is not over yet, and what was measured
since the bake that is on began. A step that is over is handed out once to be kept in the series.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.domain.metrics import Window, merged_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A window and the version it was measured of."""

    module: str
    digest: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """The step of the series that a node's windows fall into now; `begins_ms` is a multiple of the step's length."""

    module: str
    digest: str
    begins_ms: int
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class BakeSum:
    """Everything measured of one version since the bake named `bake` began."""

    bake: str
    module: str
    digest: str
    window: Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """The sums of one node."""

    open: tuple[OpenStep, ...] = ()
    bakes: tuple[BakeSum, ...] = ()


def metered(
    meters: Meters, reported: Iterable[Measured], *, bakes: Mapping[str, str], steps_ms: Mapping[str, int], step_ms: int
) -> tuple[Meters, tuple[OpenStep, ...]]:
    """The sums after a report, and the steps that are over and belong in the series.

    Args:
        bakes: module -> the bake that is on; sums of other bakes are dropped.
        steps_ms: module -> how long a step is, where it is not `step_ms`.
    """
    still_open = {(step.module, step.digest): step for step in meters.open}
    sums = {(each.module, each.digest): each for each in meters.bakes if bakes.get(each.module) == each.bake}
    over: list[OpenStep] = []
    for each in reported:
        key = (each.module, each.digest)
        length = steps_ms.get(each.module, step_ms)
        begins = each.window.started_at_ms // length * length
        known = still_open.get(key)
        window = each.window
        if known is not None and known.begins_ms == begins:
            window = merged_windows((known.window, window))
        elif known is not None:
            over.append(known)
        still_open[key] = OpenStep(module=each.module, digest=each.digest, begins_ms=begins, window=window)
        if each.module in bakes:
            since = sums.get(key)
            total = each.window if since is None else merged_windows((since.window, each.window))
            sums[key] = BakeSum(bake=bakes[each.module], module=each.module, digest=each.digest, window=total)
    return Meters(open=tuple(still_open.values()), bakes=tuple(sums.values())), tuple(over)
