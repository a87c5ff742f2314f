"""Each target beside its figure and its command."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from load.page.tables import NOTHING, Results, cell, find, table

COLD_MAY_BE = 1.8


def _target(
    results: Results,
    what: str,
    limit: str,
    name: str,
    path: Sequence[str],
    met: Callable[[Any], bool],
    command: str,
    unit: str = "",
) -> list[str]:
    value = find(results, name, *path)
    if value is None:
        return [what, limit, NOTHING, "–", f"`{command}`"]
    return [what, limit, f"{cell(value)}{unit}", "met" if met(value) else "**not met**", f"`{command}`"]


def targets(results: Results) -> str:
    """The targets of the design and of the original requirements."""

    def load(what: str, limit: float, scenario: str, figure: str, unit: str = "") -> list[str]:
        command = f"make load SCENARIO={scenario}"
        path = ("figures", figure)
        return _target(
            results, what, f"≤ {cell(limit)}{unit}", f"load/{scenario}", path, lambda v: v <= limit, command, unit
        )

    rows = [
        load("100 requests/s of the mix: p95", 100, "sustained", "p95Ms", " ms"),
        load("… p99", 250, "sustained", "p99Ms", " ms"),
        load("… unintended errors", 0, "sustained", "unintendedErrors"),
        load("the original requirements, the same run: p50", 200, "sustained", "p50Ms", " ms"),
        load("… p95", 500, "sustained", "p95Ms", " ms"),
        load("… p99", 1_000, "sustained", "p99Ms", " ms"),
        load("… errors", 0.5, "sustained", "unintendedErrorsPercent", " %"),
        load("spike to 500 requests/s: errors", 1, "spike", "unintendedErrorsPercent", " %"),
        load("… back to normal after", 10, "spike", "recoverySeconds", " s"),
        load("soak at 50 requests/s: memory", 10, "soak", "memoryGrowthPercent", " %"),
        load("… threads", 4, "soak", "threadGrowth"),
        load("… handles", 8, "soak", "handleGrowth"),
        load(
            "… bytes a deployment leaves in the table, second half beside the first",
            10,
            "soak",
            "bytesPerDeploymentGrowthPercent",
            " %",
        ),
        load("200 deployments at once (and 20, 50, 100): lost", 0, "concurrent", "lost"),
        load("… doubled", 0, "concurrent", "doubled"),
        load("… not completed", 0, "concurrent", "notCompleted"),
    ]
    swap = "bench/kernel_swap"
    rows.append(
        _target(
            results,
            "requests failed or dropped by a swap",
            "0",
            swap,
            ("failedOrDropped",),
            lambda v: v == 0,
            "make bench BENCH=kernel_swap",
        )
    )
    rollback = ("seconds", "p95")
    rows.append(
        _target(
            results,
            "rollback, 20 kernel nodes: p95",
            "< 3 s",
            "bench/rollback",
            rollback,
            lambda v: v < 3,
            "make bench BENCH=rollback",
            " s",
        )
    )
    for row in find(results, "bench/deployments", "oneEnvironment") or ():
        if "target" in row:
            verdict = "met" if row["met"] else "**not met**"
            rows.append(
                [
                    f"state transitions, {row['waves']} waves, one environment",
                    f"≤ {row['target']}",
                    cell(row["stateTransitions"]),
                    verdict,
                    "`make bench BENCH=deployments`",
                ]
            )
    for name, row in (find(results, "bench/handlers", "handlers") or {}).items():
        verdict = "met" if row["met"] else "**not met**"
        rows.append(
            [
                f"warm handler beside bare boto3: {name}",
                "≤ 1.5 x",
                f"{row['ratio']['median']} x",
                verdict,
                "`make bench BENCH=handlers`",
            ]
        )
    for name, row in (find(results, "bench/cold_starts", "functions") or {}).items():
        if not name.startswith("bare"):
            verdict = "met" if row["timesBare"] <= COLD_MAY_BE else "**not met**"
            rows.append(
                [
                    f"cold start beside bare boto3: {name}",
                    f"≤ {COLD_MAY_BE} x",
                    f"{row['timesBare']} x",
                    verdict,
                    "`make bench BENCH=cold_starts`",
                ]
            )
    return "### Targets and what was measured\n\n" + table(("what", "target", "measured", "", "command"), rows)
