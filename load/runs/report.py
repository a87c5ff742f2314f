"""The results of all scenarios as one page of HTML: limits, charts over time, tables. No script, nothing from elsewhere."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from load.runs.charts import chart

STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}.met{color:#176f2c}.missed{color:#b3261e;font-weight:600}
.note{color:#666;font-size:13px}svg{display:block;margin:.5em 0 1.5em}"""

LINES = (
    ("Latency, ms", ("p50Ms", "p95Ms", "p99Ms")),
    ("Requests a second", ("perSecond",)),
    ("Errors, and refusals by a limit", ("errors", "limited")),
    ("Processor of the server, cores", ("cpuShare",)),
    ("Memory of the server, bytes", ("memoryBytes",)),
    ("Threads and handles of the server", ("threads", "handles")),
)


def write_report(folder: Path) -> None:
    """Make `report.html` of every result in `folder`."""
    results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))]
    parts = ["<!doctype html><html lang=en><meta charset=utf-8><title>HotSwap under load</title>"]
    parts += [f"<style>{STYLE}</style><h1>HotSwap under load</h1>"]
    parts += [_section(result) for result in results]
    (folder / "report.html").write_text("\n".join(parts) + "\n", encoding="utf-8")


def _section(result: Mapping[str, Any]) -> str:
    machine = result["machine"]
    where = (
        f"{result['command']} · commit {result['commit'][:10]}"
        f"{' with uncommitted changes' if result['hasUncommittedChanges'] else ''} · {result['measuredAt']} · {machine['cores']} "
        f"cores, {machine['processor']}, Python {machine['python']}, load before {machine['loadAverageBefore']} · {result['target']}"
    )
    parts = [f"<h2>{html.escape(result['scenario'])}</h2><p>{html.escape(result['what'])}</p>"]
    parts.append(f"<p class=note>{html.escape(where)}</p>")
    parts.append(_limits(result["limits"]))
    if result.get("broke"):
        parts.append(
            f"<p>Broke at {html.escape(str(result['broke']['phase']))}: {', '.join(result['broke']['causes'])}.</p>"
        )
    parts.append(
        _table("Call", result["byCall"].items(), ("requests", "errors", "limited", "p50Ms", "p95Ms", "p99Ms", "maxMs"))
    )
    if "byPhase" in result:
        rows = [(row["phase"], row) for row in result["byPhase"]]
        parts.append(
            _table("Phase", rows, ("wantedPerSecond", "answeredPerSecond", "errors", "p50Ms", "p95Ms", "p99Ms"))
        )
    if "rounds" in result:
        rows = [(f"{row['atOnce']} at once", row) for row in result["rounds"]]
        names = ("accepted", "lost", "doubled", "notCompleted", "timelinesWithGaps", "secondsToTheLastEnd")
        parts.append(_table("Round", rows, names))
    if "serverByCall" in result:
        names = ("count", "callsEach", "ownCpuMs", "emulatorCpuMs", "wallMs", "emulatorWallMs")
        parts.append(_table("Where the server's time goes", result["serverByCall"].items(), names))
    parts += [_lines(title, names, result["series"]) for title, names in LINES]
    return "\n".join(parts)


def _limits(limits: Sequence[Mapping[str, Any]]) -> str:
    if not limits:
        return "<p class=note>This scenario looks for a bound; it has no limits.</p>"
    rows = "".join(
        f"<tr><td>{row['figure']}</td><td>{row['limit']}</td><td>{row['measured']}</td>"
        f"<td class={'met' if row['met'] else 'missed'}>{'met' if row['met'] else 'not met'}</td></tr>"
        for row in limits
    )
    return f"<table><tr><th>Figure<th>limit<th>measured<th></tr>{rows}</table>"


def _table(first: str, rows: Iterable[tuple[Any, Mapping[str, Any]]], names: Sequence[str]) -> str:
    head = "".join(f"<th>{name}" for name in names)
    body = "".join(
        f"<tr><td>{html.escape(str(name))}</td>"
        + "".join(f"<td>{_said(row.get(each))}</td>" for each in names)
        + "</tr>"
        for name, row in rows
    )
    return f"<table><tr><th>{first}{head}</tr>{body}</table>"


def _said(value: Any) -> str:
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _lines(title: str, names: Sequence[str], series: Sequence[Mapping[str, Any]]) -> str:
    lines = {name: [(row["at"], row[name]) for row in series if row.get(name) is not None] for name in names}
    if not any(lines.values()):
        return ""
    return f"<h3>{title}</h3>{chart(lines)}"
