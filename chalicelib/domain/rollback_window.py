"""Going back fast: what ran here within the policy's rollback window may return without bakes and without being asked for.

Source of the idea: `rollbackWindow` of Argo Rollouts, which counts revisions; here it is time, because what makes going
back safe is that the environment around a version has not moved on.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.analysis.policy import AnalysisMode
from chalicelib.domain.assignment import Assignment, ran_lately
from chalicelib.domain.policy import Policy
from chalicelib.domain.strategies import Strategy, StrategySpec


def is_return(policy: Policy, assignment: Assignment | None, wanted: str | None, *, now_ms: int) -> bool:
    """Whether the edition `wanted` ran here within the window. `now_ms` is policy time."""
    return ran_lately(assignment, wanted, window_ms=policy.rollback_window_seconds * 1000, now_ms=now_ms)


def returning(policy: Policy) -> Policy:
    """The terms of a return: every node at once, no bake, no approval of the policy's, judged on answers and health."""
    return replace(
        policy,
        strategy=StrategySpec(kind=Strategy.DIRECT, bake_seconds=0),
        analysis=replace(policy.analysis, mode=AnalysisMode.HEALTH_ONLY),
        approval=replace(policy.approval, required=False),
    )
