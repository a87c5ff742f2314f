"""From what was heard to the figures that have limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from load.runs.artillery import Heard
from load.runs.latencies import Latencies
from load.runs.scenarios import Scenario

NORMAL_P95_MS = 100
NORMAL_FOR_S = 5
POINTS = 300
"""Most points of a series that is kept."""

BY_TIME = {"Window", "Session", "Checkpoint", "SealedHead", "NodeChange", "Node", "IdempotentAnswer", "Look"}
"""Records whose number follows time, nodes or callers, not deployments."""


def measured(heard: Heard, scenario: Scenario) -> Latencies:
    """Everything after the warm-up."""
    whole = Latencies()
    for second, each in heard.seconds.items():
        if second >= heard.first_second + scenario.measured_from_s:
            whole.plus(each)
    return whole


def by_phase(heard: Heard, scenario: Scenario) -> list[dict[str, Any]]:
    """The figures of each phase, and the rate that was wanted and answered in it."""
    begin, rows = heard.first_second, []
    for phase in scenario.phases:
        seconds = int(str(phase["duration"]))
        sums = Latencies()
        for second in range(begin, begin + seconds):
            sums.plus(heard.seconds.get(second, Latencies()))
        wanted = round(float(str(phase.get("rampTo", phase["arrivalRate"]))) * scenario.requests_each)
        rows.append(
            {
                "phase": phase["name"],
                "wantedPerSecond": wanted,
                "answeredPerSecond": round(sums.kinds["answered"] / seconds, 1),
                **sums.told(),
            }
        )
        begin += seconds
    return rows


def recovery_seconds(heard: Heard, scenario: Scenario) -> float | None:
    """From the end of the second phase to the first of five seconds in a row that are normal; None: it never was."""
    end = heard.first_second + sum(int(str(phase["duration"])) for phase in scenario.phases[:2])
    last = max(heard.seconds, default=0)
    normal = 0
    for second in range(end, last + 1):
        each = heard.seconds.get(second, Latencies())
        p95 = each.quantile_ms(0.95)
        normal = normal + 1 if each.errors == 0 and p95 is not None and p95 <= NORMAL_P95_MS else 0
        if normal == NORMAL_FOR_S:
            return second - NORMAL_FOR_S + 1 - end
    return None


def broke(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The first step that errs in more than one of a hundred, answers in more than a second, or falls behind by a tenth."""
    for row in rows:
        causes = []
        if row["errors"] > 0.01 * max(row["requests"], 1):
            causes.append("errors")
        if (row["p95Ms"] or 0) > 1_000:
            causes.append("latency")
        if row["answeredPerSecond"] < 0.9 * row["wantedPerSecond"]:
            causes.append("throughput")
        if causes:
            return {"phase": row["phase"], "causes": causes}
    return None


def growth(process: Sequence[Mapping[str, int]]) -> dict[str, float]:
    """What grew from the second quarter of the run to its last."""
    quarter = max(len(process) // 4, 1)
    early, late = process[quarter : 2 * quarter] or process, process[-quarter:]
    if not process:
        return {}

    def mean(rows: Sequence[Mapping[str, int]], name: str) -> float:
        return fmean(row[name] for row in rows)

    memory = mean(late, "memoryBytes") / mean(early, "memoryBytes") - 1
    return {
        "memoryGrowthPercent": round(100 * memory, 1),
        "threadGrowth": round(mean(late, "threads") - mean(early, "threads"), 1),
        "handleGrowth": round(mean(late, "handles") - mean(early, "handles"), 1),
    }


def bytes_per_deployment(tables: Sequence[Mapping[str, Mapping[str, int]]]) -> dict[str, float]:
    """What a deployment left in the table in each half of the run, and how much more in the second."""
    halves = []
    for before, after in pairwise(tables):
        grown = {kind: after[kind]["bytes"] - before.get(kind, {}).get("bytes", 0) for kind in after}
        made = after["Deployment"]["items"] - before["Deployment"]["items"]
        halves.append(sum(size for kind, size in grown.items() if kind not in BY_TIME) / max(made, 1))
    if not halves:
        return {}
    more = 100 * (halves[-1] / halves[0] - 1) if halves[0] else 0.0
    return {"bytesPerDeployment": round(halves[-1]), "bytesPerDeploymentGrowthPercent": round(more, 1)}


def series(heard: Heard, process: Sequence[Mapping[str, int]]) -> list[dict[str, Any]]:
    """The run over time, in at most POINTS steps of whole seconds."""
    if not heard.seconds:
        return []
    first, last = min(heard.seconds), max(heard.seconds)
    step = -(-(last - first + 1) // POINTS)
    seen = {row["second"]: row for row in process}
    rows = []
    for begin in range(first, last + 1, step):
        sums = Latencies()
        for second in range(begin, begin + step):
            sums.plus(heard.seconds.get(second, Latencies()))
        told = sums.told()
        row = {"at": begin - first, "perSecond": round(sums.requests / step, 1)}
        row |= {name: told[name] for name in ("p50Ms", "p95Ms", "p99Ms", "errors", "limited")}
        ours = [seen[second] for second in range(begin, begin + step) if second in seen]
        if ours:
            row |= {name: round(fmean(each[name] for each in ours)) for name in ("memoryBytes", "threads", "handles")}
        before, after = seen.get(begin - 1), seen.get(begin + step - 1)
        if before and after:
            row["cpuShare"] = round((after["cpuMs"] - before["cpuMs"]) / 1000 / step, 2)
        rows.append(row)
    return rows


def judged(figures: Mapping[str, Any], limits: Mapping[str, float]) -> list[dict[str, Any]]:
    """Each limit beside its figure. A figure that is missing has not been met."""
    return [
        {
            "figure": name,
            "limit": limit,
            "measured": figures.get(name),
            "met": figures.get(name) is not None and figures[name] <= limit,
        }
        for name, limit in limits.items()
    ]
