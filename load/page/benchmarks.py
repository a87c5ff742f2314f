"""What the benchmarks counted and compared."""

from __future__ import annotations

from load.page.tables import NOTHING, Results, find, table


def bench(results: Results) -> str:
    """A table for each."""
    parts = []
    handlers = find(results, "bench/handlers", "handlers")
    if handlers:
        rows = [
            [
                name,
                row["calls"],
                row["ms"]["median"],
                row["otherMs"]["median"],
                row["ratio"]["median"],
                row["ratio"]["spreadPercent"],
                row["ratioTuned"]["median"],
            ]
            for name, row in handlers.items()
        ]
        head = (
            "handler, warm",
            "calls",
            "ours, CPU ms",
            "bare, CPU ms",
            "ratio",
            "spread %",
            "beside bare with our clients",
        )
        parts.append("### Handlers\n\n" + table(head, rows))
    functions = find(results, "bench/cold_starts", "functions")
    if functions:
        names = ("cpuMs", "ofThisBeforeTheCallMs", "timesBare")
        rows = [[name, *(row[each] for each in names)] for name, row in functions.items()]
        head = ("first call", "CPU ms", "of this before the call", "times bare")
        parts.append("### Cold starts\n\n" + table(head, rows))
    operations = find(results, "bench/calls", "operations")
    if operations:
        rows = [
            [
                name,
                row["calls"],
                row["mostCalls"],
                row["readUnits"],
                row["writeUnits"],
                row["bytesRead"],
                row["bytesWritten"],
            ]
            for name, row in operations.items()
        ]
        head = (
            "operation, 10 nodes",
            "table calls",
            "at most",
            "read units",
            "write units",
            "bytes read",
            "bytes written",
        )
        parts.append("### What each operation asks of the table\n\n" + table(head, rows))
        rows = [
            [row["key"], row["operation"], row["writeUnits"], row["mostASecond"]]
            for row in find(results, "bench/calls", "hotKeys")
        ]
        parts.append(
            "### Most operations a second on one partition key\n\n"
            + table(("key", "operation that writes most there", "write units", "a second, on one key"), rows)
        )
    kinds = find(results, "bench/deployments", "oneEnvironment")
    if kinds:
        whole = {
            "strategy": "four environments, delivered policies",
            **find(results, "bench/deployments", "fourEnvironments"),
        }
        rows = [
            [row["strategy"], row["nodes"], row["waves"], row["holds"], row["stateTransitions"], row["timelineEvents"]]
            for row in (*kinds, whole)
        ]
        parts.append(
            "### A deployment\n\n"
            + table(("strategy", "nodes", "waves", "holds", "state transitions", "timeline events"), rows)
        )
    parts += _scaling(results)
    parts += _judge(results)
    swap = results.get("bench/kernel_swap")
    if swap:
        rows = [
            [when, *(swap[name][f"p{share}"] for share in (50, 95, 99)), swap[name]["max"]]
            for when, name in (("during swaps", "latencyDuringSwapMs"), ("otherwise", "latencyOtherwiseMs"))
        ]
        parts.append(
            f"### Kernel\n\n{swap['swaps']} swaps: {swap['swapMs']['median']} ms to start a version and switch, {swap['swapToParkedMs']['median']} ms to one that is parked (medians); {swap['failedOrDropped']} of {swap['requests']:,} requests failed.\n\n"
            + table(("latency of requests", "p50 ms", "p95 ms", "p99 ms", "max ms"), rows)
        )
    emulator = find(results, "bench/emulator", "read")
    if emulator:
        rows = [
            [name, row["otherMs"]["median"], row["ms"]["median"], row["ratio"]["median"], row["ratio"]["spreadPercent"]]
            for name, row in emulator.items()
        ]
        parts.append(
            "### What was made faster: one read of the local table\n\n"
            + table(("change", "CPU ms without", "with", "ratio", "spread %"), rows)
        )
    return "\n\n".join(parts) or NOTHING


def _judge(results: Results) -> list[str]:
    evidence = find(results, "bench/judge", "evidence")
    if not evidence:
        return []
    rows = [
        [row["nodes"], row["windows"], row["requests"], row["lookMs"]["median"], row["verdictMs"]["median"]]
        for row in evidence
    ]
    head = ("nodes", "windows in the bake", "requests", "a look (find_harm), CPU ms", "a verdict (judge), CPU ms")
    ranks = [
        [row["samples"], row["ms"]["median"], row["otherMs"]["median"], row["ratio"]["median"]]
        for row in find(results, "bench/judge", "rankTests")
    ]
    return [
        "### The judge\n\n" + table(head, rows),
        table(("rank test: samples on each side", "ours, CPU ms", "scipy, same method", "ratio"), ranks),
    ]


def _scaling(results: Results) -> list[str]:
    fleets = find(results, "bench/scaling", "fleets")
    if not fleets:
        return []
    names = (
        "stateTransitions",
        "historyEvents",
        "timelineEvents",
        "largestState",
        "largestEvent",
        "largestItem",
        "largestTransaction",
        "secondsWithoutBakes",
    )
    limits = find(results, "bench/scaling", "limits")
    head = (
        "nodes, four waves",
        "transitions",
        "history events",
        "timeline",
        "state bytes",
        "event bytes",
        "item bytes",
        "transaction bytes",
        "seconds without bakes",
        "calls of a heartbeat",
        "of AdvanceWave",
        "read units of a heartbeat",
    )
    rows = [
        [
            int(nodes),
            *(row[name] for name in names),
            row["heartbeat"]["mostCalls"],
            row["states"]["AdvanceWave"]["mostCalls"],
            row["heartbeat"]["mostReadUnits"],
        ]
        for nodes, row in fleets.items()
    ]
    rows.append(["quota", None, *(limits.get(name) for name in names[1:]), None, None, None])
    plans = find(results, "bench/planner", "plans") or ()
    waves = [
        [int(count), row["stateTransitions"], row["historyEvents"], row["largestItem"], row["largestState"]]
        for count, row in find(results, "bench/scaling", "waves").items()
    ]
    parts = [
        "### How a deployment grows with nodes and waves\n\n" + table(head, rows),
        table(("waves", "transitions", "history events", "item bytes", "state bytes"), waves),
    ]
    if plans:
        head = ("planner: nodes", "strategy", "waves", "membership, CPU ms", "plan, CPU ms")
        parts.append(
            table(
                head,
                [
                    [
                        row["nodes"],
                        row["strategy"],
                        row["waves"],
                        row["membershipMs"]["median"],
                        row["planMs"]["median"],
                    ]
                    for row in plans
                ],
            )
        )
    return parts
