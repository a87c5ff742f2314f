"""What will happen in one environment, computed before it happens by the code that will do it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from chalicelib.domain.environment import Environment
from chalicelib.domain.membership import fleet_of_members, is_by_weight
from chalicelib.domain.node import Member
from chalicelib.domain.policy import Policy
from chalicelib.domain.strategies import PlannedWave, Strategy, plan_waves
from chalicelib.domain.weight import FLEET_BY_WEIGHT, spec_by_weight


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentPlan:
    """The plan of one environment, and the hash an approval is bound to. `by_weight`: waves are percent of traffic."""

    environment: Environment
    strategy: Strategy
    fleet: int
    waves: tuple[PlannedWave, ...]
    from_digest: str | None
    plan_hash: str
    bake_seconds: int
    by_weight: bool = False


def plan_environment(
    policy: Policy, members: Sequence[Member], *, digest: str, from_digest: str | None
) -> EnvironmentPlan:
    """The waves for a membership under `policy`, and the hash of everything an approver agrees to.

    PlanWaves and the dry run both call it, and nothing else makes waves.

    Raises:
        ValueError: no nodes, or the policy's numbers cannot move this fleet.
    """
    by_weight = is_by_weight(members)
    if by_weight:
        waves = plan_waves(spec_by_weight(policy.strategy, len(members)), FLEET_BY_WEIGHT)
    else:
        waves = plan_waves(policy.strategy, fleet_of_members(members, policy.strategy))
    return EnvironmentPlan(
        environment=policy.environment,
        strategy=policy.strategy.kind,
        fleet=len(members),
        waves=waves,
        from_digest=from_digest,
        plan_hash=plan_hash(policy, digest=digest, from_digest=from_digest),
        bake_seconds=sum(wave.bake_seconds for wave in waves),
        by_weight=by_weight,
    )


def plan_hash(policy: Policy, *, digest: str, from_digest: str | None) -> str:
    """SHA-256 over what an approval is bound to: both digests, the policy revision and the strategy's numbers.

    Node ids, instants and cost are left out: they change without changing what was agreed.
    """
    agreed = {
        "environment": policy.environment,
        "digest": digest,
        "fromDigest": from_digest,
        "policyRevision": policy.revision,
        "strategy": asdict(policy.strategy),
        "maxFailedNodes": policy.analysis.max_failed_nodes,
    }
    return hashlib.sha256(json.dumps(agreed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
