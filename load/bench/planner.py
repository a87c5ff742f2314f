"""Plans for 10 to 100,000 nodes: who changes in which order, which waves, and the hash approvers are bound to."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.membership import members_of
from chalicelib.domain.plan import plan_environment
from chalicelib.domain.strategies import Strategy, StrategySpec
from load.bench.repeated import cpu_ms, spread
from load.bench.scaling import CANARY
from tests.builders import MODULE, NEW_DIGEST, OLD_DIGEST, a_node, a_policy

FLEETS = (10, 100, 1_000, 10_000, 100_000)
STRATEGIES = {
    "Direct": StrategySpec(kind=Strategy.DIRECT),
    "Canary, 4 steps": CANARY,
    "Rolling, 1 % at once": StrategySpec(kind=Strategy.ROLLING, batch="1%"),
}
ENOUGH_NODES = 20_000
"""So many nodes are planned in each measurement, in repetitions of small fleets."""


def measure() -> dict[str, Any]:
    """Processor milliseconds of the membership and of the plan, and how many waves there are."""
    rows = []
    for fleet in FLEETS:
        nodes = [a_node(id=f"p-{number:026d}", name=f"node-{number:06d}") for number in range(fleet)]
        for name, spec in STRATEGIES.items():
            policy = a_policy(strategy=spec)
            times = max(min(ENOUGH_NODES // fleet, 200), 1)
            members = members_of(nodes, deployment_id="d", module=MODULE, spec=spec)
            plan = plan_environment(policy, members, digest=NEW_DIGEST, from_digest=OLD_DIGEST)

            def ranked(spec: StrategySpec = spec) -> object:
                return members_of(nodes, deployment_id="d", module=MODULE, spec=spec)  # noqa: B023 (called at once)

            def planned(policy: Any = policy, members: Any = members) -> object:
                return plan_environment(policy, members, digest=NEW_DIGEST, from_digest=OLD_DIGEST)

            rows.append(
                {
                    "nodes": fleet,
                    "strategy": name,
                    "waves": len(plan.waves),
                    "membershipMs": spread([cpu_ms(ranked, times) for _ in range(3)]),
                    "planMs": spread([cpu_ms(planned, times) for _ in range(3)]),
                }
            )
    return {"plans": rows}
