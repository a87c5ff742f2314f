"""docs/cost.md from the price table that plans are reckoned with: `python -m infra.cost [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chalicelib.domain.estimate import (
    BEFORE_AND_AFTER,
    EVENTS_BEFORE_AND_AFTER,
    EVENTS_PER_ENVIRONMENT,
    EVENTS_PER_WAVE,
    FUNCTION_MB,
    FUNCTION_MS,
    PER_ENVIRONMENT,
    PER_WAVE,
    READS_PER_HEARTBEAT,
    WRITES_PER_EVENT,
    WRITES_PER_HEARTBEAT,
    WRITES_PER_NODE,
)
from chalicelib.domain.prices import PRICES, PRICES_AS_OF, PRICES_REGION, Item, cost_of
from chalicelib.domain.telemetry import series
from infra.generated import write_or_check
from infra.resources import HOTSWAP
from infra.stack.alarms import alarms
from infra.stack.firewall import rules
from infra.stack.stage import Stage

FILE: Final = Path(__file__).parents[1] / "docs" / "cost.md"
NANO: Final = 1_000_000_000
MONTH_S: Final = 30 * 24 * 3_600
IDLE_BEAT_S: Final = 60
SWEEPS: Final = MONTH_S // HOTSWAP.schedules[0].every_s
READS_PER_SWEEP, WRITES_PER_SWEEP, MS_PER_SWEEP = 10, 2, 100
"""Assumed: a few queries that find nothing, and a checkpoint where something was written."""
METRIC_USD, LOG_USD_A_GB, LINE_BYTES = 0.30, 0.50, 600
"""https://aws.amazon.com/cloudwatch/pricing/; a line as the tests write it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What is paid by the month whether anything happens or not."""

    what: str
    count: int
    usd: float
    source: str
    dev: bool = True


def fixed() -> tuple[Fixed, ...]:
    """Every resource that has a price of its own."""
    stage = Stage.from_context({"stage": "prod"}.get)
    cloudwatch = "https://aws.amazon.com/cloudwatch/pricing/"
    waf = "https://aws.amazon.com/waf/pricing/"
    return (
        Fixed(what="KMS key", count=1, usd=1.0, source="https://aws.amazon.com/kms/pricing/"),
        Fixed(what="secret", count=len(HOTSWAP.secrets), usd=0.4, source="https://aws.amazon.com/secrets-manager/pricing/"),
        Fixed(what="alarm", count=len(alarms(HOTSWAP, stage, "")), usd=0.1, source=cloudwatch),
        Fixed(what="dashboard", count=1, usd=3.0, source=cloudwatch),
        Fixed(what="web ACL", count=1, usd=5.0, source=waf, dev=False),
        Fixed(what="rule of the web ACL", count=len(rules()), usd=1.0, source=waf, dev=False),
    )  # fmt: skip


def deployment(*, nodes: int, waves: int, minutes: int) -> dict[Item, int]:
    """What one deployment to one environment uses: the estimate's own numbers, on whole sizes."""
    states = BEFORE_AND_AFTER + PER_ENVIRONMENT + PER_WAVE * waves
    beats, events = nodes * minutes * 60, 10 + 3 * waves
    calls = states - waves - 4 + beats
    return {
        Item.STATE_TRANSITIONS: states,
        Item.FUNCTION_REQUESTS: calls,
        Item.FUNCTION_GB_SECONDS: _gb_seconds(calls),
        Item.TABLE_WRITES: beats * WRITES_PER_HEARTBEAT + events * WRITES_PER_EVENT + nodes * WRITES_PER_NODE,
        Item.TABLE_READS: beats * READS_PER_HEARTBEAT + events * 8,
        Item.API_REQUESTS: beats,
        Item.EVENTS: events,
    }


def node_month() -> dict[Item, int]:
    """What one node uses in a month in which nothing is deployed to it."""
    beats = MONTH_S // IDLE_BEAT_S
    return {
        Item.FUNCTION_REQUESTS: beats,
        Item.FUNCTION_GB_SECONDS: _gb_seconds(beats),
        Item.TABLE_WRITES: beats * WRITES_PER_HEARTBEAT,
        Item.TABLE_READS: beats * READS_PER_HEARTBEAT,
        Item.API_REQUESTS: beats,
    }


def sweeps_month() -> dict[Item, int]:
    """What the clock uses in a month."""
    return {
        Item.FUNCTION_REQUESTS: SWEEPS,
        Item.FUNCTION_GB_SECONDS: -(-SWEEPS * MS_PER_SWEEP * FUNCTION_MB // (1_000 * 1_024)),
        Item.TABLE_WRITES: SWEEPS * WRITES_PER_SWEEP,
        Item.TABLE_READS: SWEEPS * READS_PER_SWEEP,
    }


def _lines(*, nodes: int, waves: int) -> int:
    """Lines of log: one for each event, one for each answer of a node, and the measurements of verdicts and the end."""
    return EVENTS_BEFORE_AND_AFTER + EVENTS_PER_ENVIRONMENT + EVENTS_PER_WAVE * waves + nodes + waves + 2


def page() -> str:
    """The whole page."""
    sizes = [(10, 4, 20), (10, 10, 60), (100, 4, 20), (1_000, 4, 20)]
    month, clock = _usd(node_month()), _usd(sweeps_month())
    always = fixed()
    dev = sum(each.count * each.usd for each in always if each.dev)
    prod = sum(each.count * each.usd for each in always)
    lines = [
        "# Cost",
        "",
        f"Made by `python -m infra.cost` from the table that plans are priced with (`chalicelib/domain/prices.py`): {PRICES_REGION}, "
        f"prices as of {PRICES_AS_OF}, beyond the free tiers, before taxes. State transitions are exact; everything else is reckoned "
        "from record sizes and call counts (`chalicelib/domain/estimate.py`) and was not measured in AWS. "
        f"A function call is taken for {FUNCTION_MS} ms of {FUNCTION_MB} MB.",
        "",
        "## A deployment to one environment",
        "",
        "| nodes | waves | minutes | state transitions | cost of these | whole cost | of which heartbeats of busy nodes |",
        "|---|---|---|---|---|---|---|",
    ]
    for nodes, waves, minutes in sizes:
        used = deployment(nodes=nodes, waves=waves, minutes=minutes)
        states = used[Item.STATE_TRANSITIONS]
        without = _usd(deployment(nodes=nodes, waves=waves, minutes=0))
        whole = _usd(used)
        lines.append(
            f"| {nodes:,} | {waves} | {minutes} | {states} | ${_usd({Item.STATE_TRANSITIONS: states}):.5f} | ${whole:.4f} "
            f"| ${whole - without:.4f} |"
        )
    lines += [
        "",
        "Nodes report once a second while their environment changes; that, not the machine, is what a deployment costs. "
        "`POST /api/v1/deployments/plan` prices a deployment before it happens.",
        "",
        "## A month",
        "",
        "| what | a month |",
        "|---|---|",
        f"| one idle node, a heartbeat a minute | ${month:.3f} |",
        f"| the sweeps, once a minute | ${clock:.2f} |",
        f"| what stands there, stage `dev` | ${dev:.2f} |",
        f"| what stands there, any other stage | ${prod:.2f} |",
        f"| **idle, no node, stage `dev`** | **${dev + clock:.2f}** |",
        f"| **idle, no node, any other stage** | **${prod + clock:.2f}** |",
        f"| 100 idle nodes and 100 deployments to 10 of them (4 waves, 20 minutes), besides | ${100 * month + 100 * _usd(deployment(nodes=10, waves=4, minutes=20)):.2f} |",
        "",
        f"Metrics: at most {series()} series of $0.30 a month, each paid for the hours in which something is written to it "
        f"(${series() * METRIC_USD:.2f} if all are, in every hour); an idle installation writes none. A deployment to 10 nodes in 4 waves "
        f"writes about {_lines(nodes=10, waves=4)} lines of log of {LINE_BYTES} bytes: ${_lines(nodes=10, waves=4) * LINE_BYTES * LOG_USD_A_GB / 2**30:.5f}.",
        "",
        "Storage and data out are not in it: a GB-month of table is $0.25, of artifacts $0.023, a GB of logs $0.50.",
        "",
        "| what stands there | number | each | source |",
        "|---|---|---|---|",
        *(f"| {each.what} | {each.count} | ${each.usd:.2f} | {each.source} |" for each in always),
        "",
        "## Beside others",
        "",
        "| | idle | for 100 deployments a month of 20 minutes | what it does not do |",
        "|---|---|---|---|",
        f"| HotSwap, stage `dev`, 10 nodes | ${dev + clock + 10 * month:.2f} | ${100 * _usd(deployment(nodes=10, waves=4, minutes=20)):.2f} | |",
        "| AWS CodePipeline V2 | $0 | $4.00 at $0.002 an action minute, if one action waits the whole 20 minutes ([source](https://aws.amazon.com/codepipeline/pricing/)) | no judging, no waves |",
        "| AWS CodeDeploy | $0 | $0 to EC2, Lambda and ECS; $0.02 an instance on premises: $20 for 10 of them ([source](https://aws.amazon.com/codedeploy/pricing/)) | judges by alarms only; no approvals or queue |",
        f"| a resident controller: one t4g.small | ${0.0168 * MONTH_S / 3_600:.2f} ([source](https://aws.amazon.com/ec2/pricing/on-demand/), $0.0168 an hour) | $0 | one machine, without the cluster that controllers usually need |",
        f"| a cluster's control plane for it: EKS | ${0.10 * MONTH_S / 3_600:.2f} ([source](https://aws.amazon.com/eks/pricing/), $0.10 an hour) | $0 | nodes not included |",
        "",
        "## Prices",
        "",
        "| unit | dollars a million | source |",
        "|---|---|---|",
        *(f"| {price.unit} | {price.nano_usd * 1_000_000 / NANO:,.3f} | {price.source} |" for price in PRICES),
        "",
    ]
    return "\n".join(lines)


def _gb_seconds(calls: int) -> int:
    return -(-calls * FUNCTION_MS * FUNCTION_MB // (1_000 * 1_024))


def _usd(usage: Mapping[Item, int]) -> float:
    return sum(line.nano_usd for line in cost_of(usage)) / NANO


def main(arguments: list[str]) -> int:
    """Write the file, or with --check say whether it is fresh."""
    return write_or_check(FILE, page(), arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
