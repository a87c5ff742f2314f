"""Outcomes as rows with confidence intervals, and rows as the text tables that docs/judge.md quotes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from statistics import median
from typing import Any

from scipy.stats import beta

from load.judge_quality.experiments import Experiment
from load.judge_quality.rules import Outcome

Row = dict[str, Any]


def row_of(experiment: Experiment, outcomes: list[Outcome]) -> Row:
    """One row: counts, the rollback rate with its 95 % interval, and what detection took."""
    found = [outcome for outcome in outcomes if outcome.rolled_back]
    low, high = clopper_pearson(len(found), len(outcomes))
    return {
        "table": experiment.table,
        "rule": experiment.rule,
        "change": experiment.change.name,
        "nodes": experiment.world.nodes,
        "requestsPerSecondAndNode": experiment.world.requests_per_second,
        "nodeSpread": experiment.world.node_spread,
        "runs": len(outcomes),
        "rolledBack": len(found),
        "held": sum(1 for outcome in outcomes if outcome.held),
        "rate": len(found) / len(outcomes),
        "low": low,
        "high": high,
        "atLeast": at_least(len(found), len(outcomes)),
        "medianRequests": median([outcome.canary_requests for outcome in found]) if found else None,
        "p99Requests": sorted(o.canary_requests for o in found)[int(0.99 * (len(found) - 1))] if found else None,
        "medianSeconds": median([outcome.seconds for outcome in found]) if found else None,
        "medianLooks": median([outcome.looks for outcome in found]) if found else None,
        "requests": sorted(outcome.canary_requests for outcome in found),
        "metrics": sorted({outcome.metric for outcome in found if len(outcome.metric) < 20}),
        "world": _plain(experiment),
    }


def is_of(row: Row, experiment: Experiment) -> bool:
    """Whether a row is of this experiment, with as many runs."""
    same = (experiment.table, experiment.rule, experiment.change.name, experiment.runs, _plain(experiment))
    return (row["table"], row["rule"], row["change"], row["runs"], row["world"]) == same


def _plain(experiment: Experiment) -> Row:
    plain: Row = json.loads(json.dumps(asdict(experiment.world)))
    return plain


def clopper_pearson(hits: int, runs: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of a proportion (Clopper and Pearson 1934)."""
    tail = (1 - level) / 2
    low = beta.ppf(tail, hits, runs - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, runs - hits) if hits < runs else 1.0
    return float(low), float(high)


def at_least(hits: int, runs: int, level: float = 0.95) -> float:
    """The proportion that is exceeded with this confidence: the one-sided Clopper-Pearson bound."""
    return float(beta.ppf(1 - level, hits, runs - hits + 1)) if hits else 0.0


def pooled(rows: Iterable[Row], rule: str = "judge") -> Row:
    """The healthy rows of one rule together."""
    several = [row for row in rows if row["change"] == "healthy" and row["rule"] == rule]
    hits, runs = sum(row["rolledBack"] for row in several), sum(row["runs"] for row in several)
    low, high = clopper_pearson(hits, runs) if runs else (0.0, 1.0)
    return {"rolledBack": hits, "runs": runs, "low": low, "high": high}


def as_text(rows: list[Row]) -> str:
    """The tables in Markdown."""
    lines: list[str] = []
    headings = {
        "healthy": "Healthy versions rolled back",
        "declared": "With a declared metric (10 requests/s per node, threshold 20 %)",
        "detection": "Regressions found (20 nodes, 50 requests/s each, spread 0.2)",
        "traffic": "Regressions found by traffic (10 nodes, spread 0.2)",
    }
    for table, heading in headings.items():
        chosen = [row for row in rows if row["table"] == table]
        if not chosen:
            continue
        lines += [f"### {heading}", ""]
        lines.append(
            "| rule | version | nodes | requests/s per node | spread | rolled back | 95 % interval | held | median requests, time, looks |"
        )
        lines.append("|---|---|---|---|---|---|---|---|---|")
        lines += [_line(row) for row in chosen]
        healthy = dict.fromkeys(row["rule"] for row in chosen if row["change"] == "healthy")
        lines += [_whole(rows, rule) for rule in healthy]
        lines.append("")
    return "\n".join(lines)


def _whole(rows: list[Row], rule: str) -> str:
    whole = pooled(rows, rule)
    span = f"{whole['low']:.2%} to {whole['high']:.2%}"
    return (
        f"| **{rule}** | **healthy, all rows** | | | | **{whole['rolledBack']} of {whole['runs']}** | **{span}** | | |"
    )


def _line(row: Row) -> str:
    took = "–"
    if row["medianRequests"] is not None:
        took = f"{row['medianRequests']:,.0f}, {row['medianSeconds']:.0f} s, {row['medianLooks']:.0f}"
    rolled = f"{row['rolledBack']} of {row['runs']} ({row['rate']:.1%})"
    return (
        f"| {row['rule']} | {row['change']} | {row['nodes']} | {row['requestsPerSecondAndNode']:g} | {row['nodeSpread']:g} "
        f"| {rolled} | {row['low']:.1%} to {row['high']:.1%} | {row['held']} | {took} |"
    )
