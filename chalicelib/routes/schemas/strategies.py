"""How a version spreads, as callers write it: whole in a policy, in parts in a request."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from chalicelib.domain.errors import InvalidInput, Violation
from chalicelib.domain.override import StrategyOverride
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.routes.fields import Seconds, Share, one_of
from chalicelib.routes.validation import Received, broken, broken_inside

MOST_REQUESTS = 10**9


class StepBody(Received):
    """One step of a canary: `percent` of the fleet or a count of `nodes`, and its own bake."""

    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    nodes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    bake_seconds: Seconds
    bake_requests: Annotated[int, Field(ge=0, le=MOST_REQUESTS)] = 0

    @model_validator(mode="after")
    def _has_one_size(self) -> Self:
        if (self.percent is None) == (self.nodes is None):
            raise broken_inside(InvalidInput(Violation("percent", "exactly one of percent and nodes must be given")))
        return self

    def step(self) -> Step:
        """The same for the domain."""
        return Step(
            percent=self.percent or 0,
            nodes=self.nodes or 0,
            bake_seconds=self.bake_seconds,
            bake_requests=self.bake_requests,
        )


def _changes_somebody(batch: int | str) -> int | str:
    if batch in (0, "0%"):
        raise broken("must change at least one node")
    return batch


def _lets_somebody_change(healthy: int | str) -> int | str:
    if healthy == "100%":
        raise broken("must let at least one node change")
    return healthy


def _grow(steps: list[StepBody]) -> list[StepBody]:
    for sizes in ([step.percent for step in steps if step.percent], [step.nodes for step in steps if step.nodes]):
        if sizes != sorted(set(sizes)):
            raise broken("must grow from step to step")
    return steps


def _never_surges(surge: int | str) -> int | str:
    if surge not in (0, "0%"):
        raise broken("must be 0 (FIXED_FLEET): nodes are enrolled, not added, so there is nothing to surge with")
    return surge


Batch = Annotated[Share, AfterValidator(_changes_somebody)]
MinimumHealthy = Annotated[Share, AfterValidator(_lets_somebody_change)]
MaxSurge = Annotated[Share, AfterValidator(_never_surges)]
Requests = Annotated[int, Field(ge=0, le=MOST_REQUESTS)]
Steps = Annotated[list[StepBody], Field(max_length=50), AfterValidator(_grow)]


class StrategyBody(Received):
    """How a version spreads; docs/plans-and-policies.md has every field with an example."""

    kind: Annotated[Strategy, one_of(Strategy)]
    bake_seconds: Seconds = 60
    bake_requests: Requests = 0
    batch: Batch = 2
    minimum_healthy: MinimumHealthy = 0
    max_unavailable: Batch | None = None
    max_surge: MaxSurge = 0
    steps: Steps = Field(default_factory=list)
    by_zone: bool = False
    zone_bake_seconds: Seconds = 0
    first_zone_bake_seconds: Seconds = 0

    @model_validator(mode="after")
    def _has_steps(self) -> Self:
        if self.kind is Strategy.CANARY and not self.steps:
            raise broken_inside(InvalidInput(Violation("steps", "must have at least one for Canary")))
        return self

    def spec(self) -> StrategySpec:
        """The same for the domain."""
        return StrategySpec(
            kind=self.kind,
            bake_seconds=self.bake_seconds,
            bake_requests=self.bake_requests,
            batch=self.batch,
            minimum_healthy=self.minimum_healthy,
            max_unavailable=self.max_unavailable,
            steps=tuple(step.step() for step in self.steps),
            by_zone=self.by_zone,
            zone_bake_seconds=self.zone_bake_seconds,
            first_zone_bake_seconds=self.first_zone_bake_seconds,
        )


class StrategyOverrideBody(Received):
    """Numbers of the target's strategy for this deployment only; the policy's `overridable` names those allowed."""

    kind: Annotated[Strategy, one_of(Strategy)] | None = None
    bake_seconds: Seconds | None = None
    bake_requests: Requests | None = None
    batch: Batch | None = None
    minimum_healthy: MinimumHealthy | None = None
    max_unavailable: Batch | None = None
    max_surge: MaxSurge | None = None
    steps: Annotated[Steps, Field(min_length=1)] | None = None
    by_zone: bool | None = None
    zone_bake_seconds: Seconds | None = None
    first_zone_bake_seconds: Seconds | None = None
    max_failed_nodes: Annotated[int, Field(ge=0, le=100_000)] | None = None

    def override(self) -> StrategyOverride:
        """The same for the domain."""
        return StrategyOverride(
            kind=self.kind,
            bake_seconds=self.bake_seconds,
            bake_requests=self.bake_requests,
            batch=self.batch,
            minimum_healthy=self.minimum_healthy,
            max_unavailable=self.max_unavailable,
            steps=None if self.steps is None else tuple(step.step() for step in self.steps),
            by_zone=self.by_zone,
            zone_bake_seconds=self.zone_bake_seconds,
            first_zone_bake_seconds=self.first_zone_bake_seconds,
            max_failed_nodes=self.max_failed_nodes,
        )
