"""What one request may change about a policy's strategy, and what it did change."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.policy import Overridable, Policy
from chalicelib.domain.strategies import Step, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyOverride:
    """Numbers of a strategy for one deployment's target; None leaves what the policy says."""

    kind: Strategy | None = None
    bake_seconds: int | None = None
    bake_requests: int | None = None
    batch: int | str | None = None
    minimum_healthy: int | str | None = None
    max_unavailable: int | str | None = None
    steps: tuple[Step, ...] | None = None
    by_zone: bool | None = None
    zone_bake_seconds: int | None = None
    first_zone_bake_seconds: int | None = None
    max_failed_nodes: int | None = None

    @property
    def given(self) -> tuple[Overridable, ...]:
        """The numbers it changes."""
        return tuple(Overridable[each.name.upper()] for each in fields(self) if getattr(self, each.name) is not None)


def overridden(policy: Policy, override: StrategyOverride | None) -> Policy:
    """The policy as it holds for one deployment.

    Raises:
        InvalidInput: the policy does not allow one of the numbers to be overridden, or they do not fit together; each
            is named as a field of `strategy`.
    """
    if override is None:
        return policy
    allowed = ", ".join(policy.overridable) or "nothing"
    violations = [
        Violation(f"strategy.{name}", f"may not be overridden in {policy.environment}; the policy allows {allowed}")
        for name in override.given
        if name not in policy.overridable
    ]
    changes = {each.name: value for each in fields(override) if (value := getattr(override, each.name)) is not None}
    failed = changes.pop("max_failed_nodes", policy.analysis.max_failed_nodes)
    strategy = replace(policy.strategy, **changes)
    if strategy.kind is Strategy.CANARY and not strategy.steps:
        violations.append(Violation("strategy.steps", "must have at least one for Canary"))
    if violations:
        raise InvalidInput(*violations)
    return replace(policy, strategy=strategy, analysis=replace(policy.analysis, max_failed_nodes=failed))
