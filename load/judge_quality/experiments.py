"""What is run: which worlds, which changes, how often. Every run has its own seed, so any can be repeated alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from chalicelib.domain.canary_analysis import AnalysisPolicy, DeclaredMetric, Direction
from load.judge_quality.rules import (
    EVERY_WINDOW,
    Outcome,
    by_judge,
    by_rule,
    fixed_horizon_is_worse,
    predecessor_is_worse,
)
from load.judge_quality.world import DECLARED, Change, Deployment, World

HEALTHY = Change()
CHANGES = (
    (Change(name="errors 1 % to 2 %", error_rate=0.02), 0.01),
    (Change(name="errors 0.05 % to 1 %", error_rate=0.01), 0.0005),
    (Change(name="errors 1 % to 20 %", error_rate=0.20), 0.01),
    (Change(name="latency x1.2", latency=1.2), 0.01),
    (Change(name="latency x2", latency=2.0), 0.01),
    (Change(name="CPU +50 %", cpu=1.5), 0.01),
    (Change(name="leak 5 % a minute", leak_per_minute=0.05), 0.01),
    (Change(name="one bad node in ten", bad_node_error_rate=0.20), 0.01),
)
JUDGE, OFTEN, FULL = "judge", "judge, a look every 10 s", "judge, all evidence at looks"
DECLARING = "judge, with a declared metric"
OTHERS = ("predecessor", "fixed horizon")
QUEUE = DeclaredMetric(name=DECLARED, direction=Direction.INCREASE, change_pct=20, critical=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """One row of a table: a world and a change, decided by one rule in `runs` deployments."""

    table: str
    rule: str
    world: World
    change: Change
    runs: int


def experiments(quick: bool, times: float = 1.0) -> Iterator[Experiment]:
    """All rows, each run `times` as often; `quick` makes a few runs of a few, to see that the program works."""
    if quick:
        yield Experiment(table="healthy", rule=JUDGE, world=World(nodes=5), change=HEALTHY, runs=8)
        for change, base in CHANGES[:3]:
            yield Experiment(
                table="detection", rule=JUDGE, world=World(nodes=5, error_rate=base), change=change, runs=6
            )
        return
    for experiment in (*_healthy(), *_declared(), *_others(), *_traffic(), *_detection()):
        yield replace(experiment, runs=max(1, round(experiment.runs * times)))


def _healthy() -> Iterator[Experiment]:
    for nodes, runs in ((1, 300), (2, 200), (5, 100), (10, 80), (20, 40), (50, 12), (100, 6)):
        yield Experiment(table="healthy", rule=JUDGE, world=World(nodes=nodes), change=HEALTHY, runs=runs)
    for nodes, spread, runs in ((2, 0.3, 200), (5, 0.3, 80), (10, 0.0, 40), (10, 0.1, 40), (10, 0.3, 60)):
        world = World(nodes=nodes, node_spread=spread)
        yield Experiment(table="healthy", rule=JUDGE, world=world, change=HEALTHY, runs=runs)
    for rate in (1.0, 100.0):
        world = World(requests_per_second=rate)
        yield Experiment(table="healthy", rule=JUDGE, world=world, change=HEALTHY, runs=20)
    thin = World(nodes=5, requests_per_second=0.2)
    yield Experiment(table="healthy", rule=JUDGE, world=thin, change=HEALTHY, runs=60)
    for rule, fleets in ((OFTEN, ((1, 100), (2, 60), (5, 30))), (FULL, ((2, 60), (5, 30), (10, 12)))):
        for nodes, runs in fleets:
            world = World(nodes=nodes, node_spread=0.3)
            yield Experiment(table="healthy", rule=rule, world=world, change=HEALTHY, runs=runs)
    for rule in OTHERS:
        for world in (World(), World(node_spread=0.0), World(node_spread=0.3), World(requests_per_second=100.0)):
            yield Experiment(table="healthy", rule=rule, world=world, change=HEALTHY, runs=20)


def _declared() -> Iterator[Experiment]:
    """One declared level of noise 0.15 beside the usual metrics."""
    for nodes, spread, runs in ((2, 0.2, 100), (5, 0.2, 60), (10, 0.2, 40), (5, 0.3, 60)):
        world = World(nodes=nodes, node_spread=spread, declared_noise=0.15)
        yield Experiment(table="declared", rule=DECLARING, world=world, change=HEALTHY, runs=runs)
    for change in (Change(name="declared level x1.5", declared=1.5), Change(name="declared level x2", declared=2.0)):
        for nodes in (5, 10):
            world = World(nodes=nodes, declared_noise=0.15)
            yield Experiment(table="declared", rule=DECLARING, world=world, change=change, runs=20)


def _listed() -> Iterator[tuple[World, Change]]:
    for change, base in CHANGES:
        yield World(nodes=20, requests_per_second=50.0, error_rate=base), change


def _detection() -> Iterator[Experiment]:
    # 300 without a miss show 99 % at 95 % confidence, one-sided.
    for world, change in reversed(list(_listed())):
        yield Experiment(table="detection", rule=JUDGE, world=world, change=change, runs=300)


def _others() -> Iterator[Experiment]:
    for world, change in _listed():
        for rule in (FULL, *OTHERS):
            yield Experiment(table="detection", rule=rule, world=world, change=change, runs=10)


def _traffic() -> Iterator[Experiment]:
    for rate in (2.0, 10.0, 50.0, 200.0):
        for change, base in CHANGES:
            world = World(requests_per_second=rate, error_rate=base)
            yield Experiment(table="traffic", rule=JUDGE, world=world, change=change, runs=12)


def run(experiment: Experiment, pool: ProcessPoolExecutor, seed: int) -> list[Outcome]:
    """All deployments of one row, in parallel. A row's numbers depend on nothing but `seed` and what the row is."""
    name = crc32(repr((experiment.table, experiment.rule, experiment.world, experiment.change)).encode())
    jobs = [(experiment, [seed, name, number]) for number in range(experiment.runs)]
    return list(pool.map(_one, jobs, chunksize=2))


def _one(job: tuple[Experiment, Sequence[int]]) -> Outcome:
    experiment, seed = job
    deployment = Deployment(experiment.world, experiment.change, np.random.default_rng(seed))
    if experiment.rule == DECLARING:
        return by_judge(deployment, AnalysisPolicy(declared=(QUEUE,)))
    if experiment.rule == OFTEN:
        return by_judge(deployment, AnalysisPolicy(), looks=EVERY_WINDOW)
    if experiment.rule in (JUDGE, FULL):
        return by_judge(deployment, AnalysisPolicy(), full=experiment.rule == FULL)
    worse = predecessor_is_worse if experiment.rule == "predecessor" else fixed_horizon_is_worse
    return by_rule(deployment, worse)
