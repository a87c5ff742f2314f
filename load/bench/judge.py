"""How long a look and a verdict take by the size of the evidence, and our rank test beside scipy's with the same method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import mannwhitneyu

from chalicelib.domain.canary_analysis import AnalysisPolicy, find_harm, judge
from chalicelib.domain.statistics.ranks import mann_whitney
from load.bench.repeated import cpu_ms, paired, spread
from load.judge_quality.world import Change, Deployment, World

FLEETS = ((1, 30), (10, 6), (10, 30), (20, 30), (100, 30))
"""Nodes, and windows of each in the bake; a node answers fifty requests a second."""

SAMPLES = (10, 30, 100, 1_000, 10_000)
MOST_EXACT = 30
REPETITIONS = 5
ENOUGH_MS = 100.0
"""Each repetition takes about so long."""


def measure() -> dict[str, Any]:
    """Processor milliseconds of a look and of a verdict, and of a rank test beside scipy's."""
    return {
        "evidence": [_judged(nodes, windows) for nodes, windows in FLEETS],
        "rankTests": [_ranked(n) for n in SAMPLES],
    }


def _judged(nodes: int, windows: int) -> dict[str, Any]:
    deployment = Deployment(World(nodes=nodes, requests_per_second=50.0), Change(), np.random.default_rng(1))
    deployment.bake(0)
    evidence, policy = deployment.evidence(0, windows), AnalysisPolicy()
    return {
        "nodes": nodes,
        "windows": nodes * windows,
        "requests": sum(window.requests for node in (*evidence.canary, *evidence.control) for window in node.during),
        "lookMs": _spread(lambda: find_harm(evidence, policy)),
        "verdictMs": _spread(lambda: judge(evidence, policy)),
    }


def _ranked(size: int) -> dict[str, Any]:
    generator = np.random.default_rng(2)
    first, second = generator.standard_normal(size).tolist(), generator.standard_normal(size).tolist()
    method = "exact" if size <= MOST_EXACT else "asymptotic"

    def ours() -> object:
        return mann_whitney(first, second)

    compared = paired(
        ours, lambda: mannwhitneyu(first, second, method=method), times=_times(ours), repetitions=REPETITIONS
    )
    return {"samples": size, **compared}


def _spread(work: Callable[[], object]) -> dict[str, Any]:
    times = _times(work)
    return spread([cpu_ms(work, times) for _ in range(REPETITIONS)])


def _times(work: Callable[[], object]) -> int:
    return max(round(ENOUGH_MS / max(cpu_ms(work, 1), 0.001)), 1)
