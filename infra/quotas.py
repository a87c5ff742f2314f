"""docs/quotas.md: what AWS allows an account by default, beside what we use of it: `python -m infra.quotas [--check]`.

What we use is reckoned with the constants that plans are priced with; what AWS allows has its source.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.domain.estimate import (
    BEFORE_AND_AFTER,
    FUNCTION_MS,
    PER_ENVIRONMENT,
    PER_WAVE,
    READS_PER_HEARTBEAT,
    WRITES_PER_HEARTBEAT,
)
from chalicelib.domain.timeline import MOST_NAMED
from chalicelib.usecases.report_heartbeat import ACTIVE_HEARTBEAT_MS
from infra.stack.stage import Stage

FILE: Final = Path(__file__).parents[1] / "docs" / "quotas.md"
FLEETS: Final = (10, 1_000, 100_000)
IDLE_MS: Final = 60_000
SLOW_MS: Final = 40_000
"""What `HOTSWAP_HEARTBEAT_MS` may be raised to for a very large fleet: a bad version is then found that much later."""
HISTORY_EVENTS_PER_STATE: Final = 5
CLUSTER_READS, CLUSTER_WRITES = 3, WRITES_PER_HEARTBEAT
"""Of one heartbeat, in the partition of its environment: the node, the assignments, the next look; the node again."""
EVENT_BYTES: Final = 256 * 1024
LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What is allowed, and what a fleet of so many nodes uses when each reports every so many milliseconds."""

    what: str
    allowed: int
    source: str
    used: Callable[[int, int], float]
    is_of_stack: bool = False


def requests(nodes: int, every_ms: int) -> float:
    """Heartbeats in a second."""
    return nodes * 1_000 / every_ms


def quotas() -> tuple[Quota, ...]:
    """What grows with the fleet."""
    docs = "https://docs.aws.amazon.com"
    dynamodb = f"{docs}/amazondynamodb/latest/developerguide/ServiceQuotas.html"
    partitions = f"{docs}/amazondynamodb/latest/developerguide/bp-partition-key-design.html"
    stage = Stage.from_context({"stage": "prod"}.get)
    return (
        Quota(what="API Gateway, requests a second in a region", allowed=10_000, used=requests,
              source=f"{docs}/apigateway/latest/developerguide/limits.html"),
        Quota(what="the stack's own limit, requests a second", allowed=stage.requests_per_second, used=requests,
              source="`requests_per_second` in `infra/stack/stage.py`", is_of_stack=True),
        Quota(what=f"Lambda, concurrent executions, at {FUNCTION_MS} ms a heartbeat", allowed=1_000,
              used=lambda nodes, every_ms: requests(nodes, every_ms) * FUNCTION_MS / 1_000,
              source=f"{docs}/lambda/latest/dg/gettingstarted-limits.html"),
        Quota(what="DynamoDB on demand, read units a second of a table", allowed=40_000, source=dynamodb,
              used=lambda nodes, every_ms: requests(nodes, every_ms) * READS_PER_HEARTBEAT),
        Quota(what="DynamoDB on demand, write units a second of a table", allowed=40_000, source=dynamodb,
              used=lambda nodes, every_ms: requests(nodes, every_ms) * WRITES_PER_HEARTBEAT),
        Quota(what="one item, read units a second: an environment's assignment of a module, if all nodes are in one environment",
              allowed=3_000, source=partitions, used=requests),
        Quota(what="one partition before it is split, read units a second: all nodes of one environment", allowed=3_000,
              source=partitions, used=lambda nodes, every_ms: requests(nodes, every_ms) * CLUSTER_READS),
        Quota(what="the same, write units a second", allowed=1_000, source=partitions,
              used=lambda nodes, every_ms: requests(nodes, every_ms) * CLUSTER_WRITES),
    )  # fmt: skip


def longest_list() -> int:
    """Bytes of the names in one event, of two lists as long as they may be with names as long as they may be."""
    return 2 * len(json.dumps(["x" * LONGEST_NAME] * MOST_NAMED))


def page() -> str:
    """The whole page."""
    states = BEFORE_AND_AFTER + 4 * PER_ENVIRONMENT + 10 * PER_WAVE
    lines = [
        "# Quotas",
        "",
        "Made by `python -m infra.quotas`: defaults of an account in us-east-1 (other regions have less; Service Quotas says what "
        "yours has) beside what we use, reckoned as [cost.md](cost.md) is. Nothing of it was measured in AWS. A node reports once a "
        f"minute while nothing happens (idle) and every {ACTIVE_HEARTBEAT_MS / 1_000:g} s while its environment changes (busy); the "
        "figures are for all nodes at once, which a canary of one environment is not. **Bold** is more than allowed.",
        "",
        f"| quota | allowed | {' | '.join(f'{nodes:,} nodes, idle / busy' for nodes in FLEETS)} | {FLEETS[-1]:,} nodes, busy every {SLOW_MS // 1_000} s |",
        f"|---|---|{'---|' * (len(FLEETS) + 1)}",
        *(_row(quota) for quota in quotas()),
        "",
        f"More nodes than the busy figures allow: set `HOTSWAP_HEARTBEAT_MS` to {SLOW_MS:,} and `requests_per_second` with it, or ask AWS "
        "for more, or spread the fleet: an item's limit is one that AWS does not raise, and 3,000 nodes of one environment that "
        "report every second are at it. A partition's limit is where a fleet begins: DynamoDB splits a busy partition by its sort "
        "keys by itself, within minutes; until then heartbeats are throttled (`table-throttles`), repeated by the adapter, and at "
        "last by the node.",
        "",
        "## What does not grow with the fleet",
        "",
        "| quota | allowed | used |",
        "|---|---|---|",
        "| Step Functions, StartExecution | 1,300 at once, 300 a second ([source](https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html)) | one a deployment; one more for each that lost its execution |",
        f"| history of an execution | 25,000 events (same source) | at most {states} states of about {HISTORY_EVENTS_PER_STATE} events for four environments and ten waves: {states * HISTORY_EVENTS_PER_STATE}; each hold {PER_WAVE * HISTORY_EVENTS_PER_STATE} more |",
        "| EventBridge, PutEvents a second | 10,000 ([source](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html)) | one a decision, none a node |",
        "| WAF, requests of one address or token | the stack's own rules | heartbeats are not counted |",
        f"| an event on the bus | {EVENT_BYTES // 1024} KB ([source](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html)) | at most {MOST_NAMED} nodes of a list are named: {longest_list() / 1024:.0f} KB with the longest names |",
        "",
        "What 100,000 nodes of one environment take in one plan was not measured.",
        "",
    ]
    return "\n".join(lines)


def _row(quota: Quota) -> str:
    cells = [f"{_figure(quota, nodes, IDLE_MS)} / {_figure(quota, nodes, ACTIVE_HEARTBEAT_MS)}" for nodes in FLEETS] + [
        _figure(quota, FLEETS[-1], SLOW_MS)
    ]
    source = quota.source if quota.is_of_stack else f"[source]({quota.source})"
    return f"| {quota.what} | {quota.allowed:,} ({source}) | {' | '.join(cells)} |"


def _figure(quota: Quota, nodes: int, every_ms: int) -> str:
    used = quota.used(nodes, every_ms)
    text = f"{used:,.0f}" if used >= 10 else f"{used:.2g}"
    return f"**{text}**" if used > quota.allowed else text


def main(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is fresh."""
    text = page()
    if "--check" not in arguments:
        FILE.write_text(text)
        return 0
    if FILE.exists() and FILE.read_text() == text:
        return 0
    print("docs/quotas.md is stale: run `make openapi`.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
