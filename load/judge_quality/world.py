"""The world the judge is measured in. Written before the judge was tuned; change it only with a note in docs/judge.md.

It is unkind on purpose where real fleets are: nodes differ and stay different, a restart moves them a little, load
and latency drift over the day, noise is correlated in time, errors come in bursts, and new processes are slow at first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from chalicelib.domain.canary_analysis import Evidence, NodeEvidence
from chalicelib.domain.histogram import BUCKETS_PER_DOUBLING, Histogram
from chalicelib.domain.metrics import OwnMetric, Window, merged_windows

Floats = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything about the fleet but the new version. Spreads and noises are deviations of logarithms."""

    nodes: int = 10
    requests_per_second: float = 10.0  # of each node
    error_rate: float = 0.01
    latency_median_us: float = 40_000.0
    latency_sigma: float = 0.6
    cpu_share: float = 0.30  # of a core at the usual load, a quarter of it whatever the load
    memory_bytes: float = 200e6
    node_spread: float = 0.2  # how nodes differ and keep differing: errors, latency, CPU; half of it for memory
    restart_spread: float = 0.03  # what a restart alone does to a node, each metric drawn anew
    daily_amplitude: float = 0.2  # errors and latency over 24 h; load moves half as much again
    load_noise: float = 0.05  # of the whole fleet, ten-second steps, correlation 0.9
    cpu_noise: float = 0.10  # of each node, correlation 0.8
    memory_noise: float = 0.02  # of each node, correlation 0.95
    burst_noise: float = 0.3  # errors of each node in each ten seconds
    declared_noise: float = 0.0  # of a level each node reports of itself (a queue), correlation 0.8; 0: none reported
    warm_up: float = 0.5  # a new process: latency up by half, CPU doubled, fading with 10 s
    warm_up_s: float = 10.0
    before_windows: int = 20  # idle heartbeats: a minute each
    bake_cells: int = 30  # windows of ten seconds
    percent: tuple[int, ...] = (10, 30, 50, 100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the new version does: factors on the old behaviour."""

    name: str = "healthy"
    error_rate: float | None = None  # the new rate, where it differs
    latency: float = 1.0
    cpu: float = 1.0
    leak_per_minute: float = 0.0
    bad_node_error_rate: float = 0.0  # of one touched node in ten
    declared: float = 1.0


CELL_MS = 10_000
BEFORE_MS = 60_000
START_MS = 1_700_000_000_000
DECLARED, DECLARED_LEVEL = "queueDepth", 20.0
_EDGES = np.arange(0, 512) * np.log(2) / BUCKETS_PER_DOUBLING


class Deployment:
    """One deployment in the world, made as it goes on: windows of each node before, and of each wave's bake."""

    def __init__(self, world: World, change: Change, rng: np.random.Generator) -> None:
        self.world, self.change, self._rng = world, change, rng
        n, spread = world.nodes, world.node_spread
        self._own = {name: np.exp(spread * rng.standard_normal(n)) for name in ("errors", "latency", "cpu")}
        self._own["memory"] = np.exp(spread / 2 * rng.standard_normal(n))
        self._restart = {name: np.exp(world.restart_spread * rng.standard_normal(n)) for name in self._own}
        self._load = np.exp(0.1 * rng.standard_normal(n))
        self._declared = _Declared(world, change, rng) if world.declared_noise else None
        self._bad = rng.random(n) < 0.1 if n < 10 else np.arange(n) % 10 == rng.integers(10)
        if change.bad_node_error_rate and not self._bad.any():
            self._bad[rng.integers(n)] = True
        self._phase = rng.uniform(0, 2 * np.pi)
        self._noise = {"load": rng.standard_normal(1), "cpu": rng.standard_normal(n), "memory": rng.standard_normal(n)}
        self.upto = _cuts(n, world.percent)
        self._touched_at = np.full(n, np.inf)
        self._now_s = 0.0
        self.before = self._before()
        self.bakes: list[list[list[Window]]] = []

    @property
    def waves(self) -> int:
        return len(self.upto)

    def bake(self, wave: int) -> None:
        """Change the wave's nodes; they bake as far as somebody looks."""
        first = self.upto[wave - 1] if wave else 0
        self._touched_at[first : self.upto[wave]] = self._now_s
        self.bakes.append([[] for _ in range(self.world.nodes)])

    def _bake_on(self, wave: int, upto: int) -> None:
        """Windows of ten seconds for all nodes, until there are `upto` of this bake."""
        missing = upto - len(self.bakes[wave][0])
        if missing > 0:
            made = self._windows([self._step(CELL_MS) for _ in range(missing)], CELL_MS)
            for windows, more in zip(self.bakes[wave], made, strict=True):
                windows.extend(more)

    def evidence(self, wave: int, cells: int) -> Evidence:
        """All there is after `cells` windows of the wave's bake."""
        self._bake_on(wave, cells)
        bake, cut = self.bakes[wave], self.upto[wave]
        touched_in = np.searchsorted(self.upto, np.arange(self.world.nodes), side="right")
        nodes = [
            NodeEvidence(
                node_id=f"n{i:03}",
                before=self.before[i],
                during=tuple(bake[i][:cells]),
                earlier=tuple(
                    window for past in range(touched_in[i] if i < cut else 0, wave) for window in self.bakes[past][i]
                ),
            )
            for i in range(self.world.nodes)
        ]
        return Evidence(canary=tuple(nodes[:cut]), control=tuple(nodes[cut:]), wave=wave, waves=self.waves)

    def gathered_evidence(self, wave: int, cells: int) -> Evidence:
        """What usecases/gather_evidence.py gathers of it: everything at the end of the bake; at a look the sums since
        the bake began, and `before` only where there is no control."""
        full = self.evidence(wave, cells)
        if cells == self.world.bake_cells:
            return full

        def summed(node: NodeEvidence) -> NodeEvidence:
            before = () if full.control else node.before
            return NodeEvidence(node_id=node.node_id, before=before, during=(merged_windows(node.during),))

        return replace(full, canary=tuple(map(summed, full.canary)), control=tuple(map(summed, full.control)))

    def _before(self) -> list[tuple[Window, ...]]:
        steps = [[self._step(CELL_MS) for _ in range(6)] for _ in range(self.world.before_windows)]
        cells = [{name: np.mean([step[name] for step in minute], axis=0) for name in minute[0]} for minute in steps]
        return [tuple(windows) for windows in self._windows(cells, BEFORE_MS)]

    def _step(self, step_ms: int) -> dict[str, Floats]:
        """The rates of all nodes over the next `step_ms`."""
        world, rng, change = self.world, self._rng, self.change
        self._now_s += step_ms / 1000
        for name, correlation in (("load", 0.9), ("cpu", 0.8), ("memory", 0.95)):
            fresh = rng.standard_normal(len(self._noise[name]))
            self._noise[name] = correlation * self._noise[name] + np.sqrt(1 - correlation**2) * fresh
        day = np.sin(2 * np.pi * self._now_s / 86_400 + self._phase)
        load = self._load * (1 + 1.5 * world.daily_amplitude * day) * np.exp(world.load_noise * self._noise["load"])
        new = self._touched_at < self._now_s
        age_s = np.where(new, self._now_s - step_ms / 2000 - self._touched_at, 0.0)
        slow = np.where(new, np.exp(-age_s / world.warm_up_s), 0.0)
        drift = 1 + world.daily_amplitude * day
        moved = {name: np.where(new, self._restart[name], 1.0) * self._own[name] for name in self._own}
        rate = np.where(new & (change.error_rate is not None), change.error_rate or 0.0, world.error_rate)
        errors = rate * moved["errors"] * drift * np.exp(world.burst_noise * rng.standard_normal(world.nodes))
        if change.bad_node_error_rate:
            errors = np.where(new & self._bad, change.bad_node_error_rate, errors)
        busy = np.exp(0.5 * world.load_noise * self._noise["load"])
        reported = {"declared": self._declared.step(new, drift)} if self._declared else {}
        return reported | {
            "requests": world.requests_per_second * load,
            "errors": np.minimum(errors, 1.0),
            "median": world.latency_median_us
            * (moved["latency"] * drift * busy * np.where(new, change.latency, 1.0) * (1 + world.warm_up * slow)),
            "cpu": world.cpu_share
            * (0.25 + 0.75 * load)
            * (moved["cpu"] * np.where(new, change.cpu, 1.0) * (1 + slow))
            * np.exp(world.cpu_noise * self._noise["cpu"]),
            "memory": world.memory_bytes
            * (moved["memory"] * np.exp(world.memory_noise * self._noise["memory"]))
            * (1 + np.where(new, change.leak_per_minute * age_s / 60, 0.0)),
        }

    def _windows(self, cells: list[dict[str, Floats]], step_ms: int) -> list[list[Window]]:
        """Draw what the nodes report from the rates: one list of windows for each node."""
        rates = {name: np.array([cell[name] for cell in cells]) for name in cells[0]}
        requests = self._rng.poisson(rates["requests"] * step_ms / 1000)
        errors = self._rng.binomial(requests, rates["errors"])
        below = ndtr((_EDGES - np.log(rates["median"])[..., None]) / self.world.latency_sigma)
        shares = np.diff(below, axis=-1, append=1.0)
        shares[..., 0] += below[..., 0]
        counts = self._rng.multinomial(requests, shares)
        ended_s = self._now_s
        windows: list[list[Window]] = [[] for _ in range(self.world.nodes)]
        for k in range(len(cells)):
            start = START_MS + round(ended_s * 1000) - (len(cells) - k) * step_ms
            for i in range(self.world.nodes):
                seen = counts[k, i]
                buckets = np.flatnonzero(seen)
                histogram = Histogram(counts=tuple(zip(buckets.tolist(), seen[buckets].tolist(), strict=True)))
                windows[i].append(
                    Window.measured(
                        started_at_ms=start,
                        ended_at_ms=start + step_ms,
                        requests=int(requests[k, i]),
                        errors=int(errors[k, i]),
                        latency=histogram,
                        cpu_ms=int(rates["cpu"][k, i] * step_ms),
                        memory_bytes=int(rates["memory"][k, i]),
                        crashes=0,
                        own=_own(rates["declared"][k, i], step_ms) if self._declared else (),
                    )
                )
        return windows


class _Declared:
    """A level that every node reports of itself: it differs, stays different, drifts and wanders as CPU does."""

    def __init__(self, world: World, change: Change, rng: np.random.Generator) -> None:
        self._noise, self._change, self._rng = world.declared_noise, change.declared, rng
        self._own = np.exp(world.node_spread * rng.standard_normal(world.nodes))
        self._restart = np.exp(world.restart_spread * rng.standard_normal(world.nodes))
        self._state = rng.standard_normal(world.nodes)

    def step(self, new: Floats, drift: float) -> Floats:
        self._state = 0.8 * self._state + 0.6 * self._rng.standard_normal(len(self._state))
        moved = self._own * np.where(new, self._restart * self._change, 1.0)
        return DECLARED_LEVEL * drift * moved * np.exp(self._noise * self._state)


def _own(level: float, covered_ms: int) -> tuple[OwnMetric, ...]:
    return (OwnMetric(name=DECLARED, micros_ms=round(level * 1e6) * covered_ms, covered_ms=covered_ms),)


def _cuts(nodes: int, percent: tuple[int, ...]) -> tuple[int, ...]:
    """How many nodes have changed after each wave; waves that change none are left out."""
    cuts: list[int] = []
    for share in percent:
        upto = -(-nodes * share // 100)
        if not cuts or upto > cuts[-1]:
            cuts.append(upto)
    return tuple(cuts)
