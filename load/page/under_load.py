"""What came of the runs under load."""

from __future__ import annotations

from load.page.tables import NOTHING, Results, find, table


def runs(results: Results) -> str:
    """Every phase of every scenario, and what broke."""
    parts = ["### Load\n"]
    rows = []
    for name, result in sorted(results.items()):
        if name.startswith("load/") and "byPhase" in result:
            rows += [
                [
                    result["scenario"],
                    row["phase"],
                    row["wantedPerSecond"],
                    row["answeredPerSecond"],
                    row["p50Ms"],
                    row["p95Ms"],
                    row["p99Ms"],
                    row["errors"],
                    row["limited"],
                ]
                for row in result["byPhase"]
            ]
    head = ("scenario", "phase", "wanted/s", "answered/s", "p50 ms", "p95 ms", "p99 ms", "errors", "refused by a limit")
    parts.append(table(head, rows) if rows else NOTHING)
    for name in ("stress", "requirements", "heartbeats"):
        result = results.get(f"load/{name}")
        if result:
            broke = result.get("broke")
            text = f"broke at {broke['phase']}: {', '.join(broke['causes'])}" if broke else "did not break"
            parts.append(f"\n`{name}` {text}.")
    rounds = find(results, "load/concurrent", "rounds")
    if rounds:
        head = ("at once", "accepted", "lost", "doubled", "not completed", "seconds to the last end", "create p95 ms")
        parts.append(
            "\n"
            + table(
                head,
                [
                    [
                        r["atOnce"],
                        r["accepted"],
                        r["lost"],
                        r["doubled"],
                        r["notCompleted"],
                        r["secondsToTheLastEnd"],
                        r["create"]["p95Ms"],
                    ]
                    for r in rounds
                ],
            )
        )
    return "\n".join(parts)


def server(results: Results) -> str:
    """Our time and the emulator's."""
    calls = find(results, "load/sustained", "serverByCall")
    title = "### Where a request's processor time goes (sustained)\n\n"
    if not calls:
        return title + NOTHING
    names = ("callsEach", "ownCpuMs", "emulatorCpuMs", "wallMs", "emulatorWallMs")
    head = ("call", "table calls", "ours, ms", "emulator, ms", "wall, ms", "of which in the emulator, ms")
    return title + table(
        head, [[name, *(row[each] for each in names)] for name, row in calls.items() if row["count"] >= 10]
    )
