"""What decides in each row of the table: the judge, the predecessor's rule, and a fixed-horizon test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean

from chalicelib.domain.analysis.own_samples import own_samples
from chalicelib.domain.canary_analysis import AnalysisPolicy, Decision, Evidence, find_harm, judge
from chalicelib.domain.histogram import lower_bound_us
from chalicelib.domain.metrics import Window, merged_windows
from load.judge_quality.world import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a deployment ended. At the end: canary requests in the wave, requests since the start, looks, wave."""

    rolled_back: bool
    held: bool
    wave: int
    looks: int
    canary_requests: int
    seconds: int
    metric: str = ""


# Looks within a bake, in windows of ten seconds: closer together at the start, as a finding is worth most there.
LOOKS = (1, 3, 8, 18)
EVERY_WINDOW = tuple(range(1, 30))


def by_judge(
    deployment: Deployment, policy: AnalysisPolicy, *, looks: Sequence[int] = LOOKS, full: bool = False
) -> Outcome:
    """Our judge: looks during each bake, a verdict at its end; a hold ends the run.

    `full`: looks, too, read everything there is, not only what the use case gathers for them.
    """
    taken, served = 0, 0
    for wave in range(deployment.waves):
        deployment.bake(wave)
        end = deployment.world.bake_cells
        for cells in (*(look for look in looks if look < end), end):
            gather = deployment.evidence if full else deployment.gathered_evidence
            evidence = gather(wave, cells)
            taken += 1
            verdict = judge(_with_declared(evidence, policy), policy) if cells == end else find_harm(evidence, policy)
            seen = served + _requests(evidence)
            if verdict is not None and verdict.decision is not Decision.PROMOTE:
                return Outcome(
                    rolled_back=verdict.decision is Decision.ROLLBACK,
                    held=verdict.decision is Decision.HOLD,
                    wave=wave,
                    looks=taken,
                    canary_requests=seen,
                    seconds=(wave * end + cells) * 10,
                    metric=verdict.findings[0].metric if cells < end and verdict.findings else verdict.sentence[:60],
                )
        served = seen
    return Outcome(
        rolled_back=False, held=False, wave=wave, looks=taken, canary_requests=served, seconds=(wave + 1) * end * 10
    )


def _with_declared(evidence: Evidence, policy: AnalysisPolicy) -> Evidence:
    """With the samples of declared metrics, as adapters/heartbeat_metrics.py makes them of the same windows."""
    return replace(evidence, declared=tuple(own_samples(metric, evidence, policy) for metric in policy.declared))


def by_rule(deployment: Deployment, is_worse: Callable[[Evidence, tuple[Window, ...]], bool]) -> Outcome:
    """A rule asked once at the end of every wave but the last, as the predecessor did."""
    served = 0
    snapshot = tuple(windows[-1] for windows in deployment.before)
    for wave in range(deployment.waves):
        deployment.bake(wave)
        evidence = deployment.evidence(wave, deployment.world.bake_cells)
        served += _requests(evidence)
        seconds = (wave + 1) * deployment.world.bake_cells * 10
        if evidence.control and is_worse(evidence, snapshot):
            return Outcome(
                rolled_back=True, held=False, wave=wave, looks=wave + 1, canary_requests=served, seconds=seconds
            )
    return Outcome(rolled_back=False, held=False, wave=wave, looks=wave, canary_requests=served, seconds=seconds)


def predecessor_is_worse(evidence: Evidence, snapshot: tuple[Window, ...]) -> bool:
    """The predecessor's thresholds on averages: canary nodes' last ten seconds against one snapshot of the cluster."""
    base = [_averages([window]) for window in snapshot]
    now = [_averages(node.during[-1:]) for node in evidence.canary]
    errors, latency, cpu, memory = ((fmean(each[k] for each in now), fmean(each[k] for each in base)) for k in range(4))
    return (
        (errors[0] - errors[1]) / max(errors[1], 0.001) > 0.5
        or latency[0] > 2.0 * latency[1]
        or cpu[0] > 1.3 * cpu[1]
        or memory[0] > 1.3 * memory[1]
    )


def fixed_horizon_is_worse(evidence: Evidence, _: tuple[Window, ...]) -> bool:
    """The textbook: two-proportion z-test on errors and rank test on latencies over control, 1 % split over both."""
    canary = merged_windows(window for node in evidence.canary for window in node.during)
    control = merged_windows(window for node in evidence.control for window in node.during)
    if not canary.requests or not control.requests:
        return False
    limit = NormalDist().inv_cdf(1 - 0.005)
    pooled = (canary.errors + control.errors) / (canary.requests + control.requests)
    spread = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / canary.requests + 1 / control.requests))
    if (canary.errors / canary.requests - control.errors / control.requests) / spread > limit:
        return True
    return _rank_z(canary, control) > limit


def _rank_z(canary: Window, control: Window) -> float:
    """Mann-Whitney's z on bucket counts, ties one half."""
    theirs = dict(control.latency.counts)
    below, u = 0, 0.0
    for bucket in sorted({*theirs, *dict(canary.latency.counts)}):
        ours = dict(canary.latency.counts).get(bucket, 0)
        u += ours * (below + theirs.get(bucket, 0) / 2)
        below += theirs.get(bucket, 0)
    m, n = canary.requests, control.requests
    return (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)


def _averages(windows: Iterable[Window]) -> tuple[float, float, float, float]:
    window = merged_windows(windows)
    total = sum(lower_bound_us(bucket) * count for bucket, count in window.latency.counts)
    requests = max(1, window.requests)
    return window.errors / requests, total / requests, float(window.cpu_bp or 0), float(window.memory_bytes or 0)


def _requests(evidence: Evidence) -> int:
    return sum(window.requests for node in evidence.canary for window in node.during)
