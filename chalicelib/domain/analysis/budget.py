"""One false-alarm budget per deployment, split over waves and metrics before any number is seen.

Splitting (Bonferroni) needs no independence. Looks need no share: the tests hold at every look.
"""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.analysis.evidence import Evidence
from chalicelib.domain.analysis.policy import AnalysisPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The false-alarm probability each test of this wave may spend: two latencies, three levels, and errors twice."""

    errors: float
    node_errors: float
    latency: float
    level: float
    declared: float


def budget(evidence: Evidence, policy: AnalysisPolicy) -> Budget:
    """The shares of this wave. User-declared metrics, where there are any, get half of it all.

    A rank test has no sequential form here, so of a wave's share its n-th judgement spends 1/(n(n+1)): all of them
    together no more than the share.
    """
    wave = policy.alpha_bp / 10_000 / max(1, evidence.waves)
    count = len(policy.declared)
    built_in = wave / 2 if count else wave
    nth = evidence.looks + 1
    return Budget(
        errors=built_in / 4,
        node_errors=built_in / 4,
        latency=built_in / 8,
        level=built_in / 12,
        declared=(wave - built_in) / count / (nth * (nth + 1)) if count else 0.0,
    )
