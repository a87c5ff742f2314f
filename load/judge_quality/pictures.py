"""The two pictures of docs/judge.md, written as SVG by hand: no plotting library for two sets of lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from load.judge_quality.tables import Row

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 860, 430, 60, 230, 40, 50
COLOURS = ("#0b6e4f", "#c1292e", "#235789", "#f1a208", "#6a4c93", "#3d3d3d", "#1b998b", "#b5838d")
STYLE = "font-family='system-ui, sans-serif' font-size='13'"


def detection_against_requests(rows: Sequence[Row], path: Path) -> None:
    """For each change, which part of the deployments was found after how many canary requests."""
    chosen = [row for row in rows if row["table"] == "detection" and row["rule"] == "judge" and row["requests"]]
    if not chosen:
        return
    low = math.floor(math.log10(max(1, min(row["requests"][0] for row in chosen))))
    high = math.ceil(math.log10(max(row["requests"][-1] for row in chosen)))
    parts = _frame("Regressions found against canary requests served (20 nodes, 50 requests/s each)")
    for decade in range(low, high + 1):
        x = _x(10**decade, low, high)
        parts.append(f"<line x1='{x:.1f}' y1='{TOP}' x2='{x:.1f}' y2='{HEIGHT - BOTTOM}' stroke='#ddd'/>")
        parts.append(f"<text x='{x:.1f}' y='{HEIGHT - BOTTOM + 20}' text-anchor='middle' {STYLE}>{10**decade:,}</text>")
    for number, row in enumerate(chosen):
        colour = COLOURS[number % len(COLOURS)]
        points = [(_x(10**low, low, high), _y(0.0))]
        for found, requests in enumerate(row["requests"], start=1):
            x = _x(requests, low, high)
            points += [(x, points[-1][1]), (x, _y(found / row["runs"]))]
        points.append((_x(10**high, low, high), points[-1][1]))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += _legend(number, colour, row["change"])
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def detection_by_traffic(rows: Sequence[Row], path: Path) -> None:
    """For each change, the part of the deployments found, by requests a second of each of ten nodes."""
    chosen = [row for row in rows if row["table"] == "traffic"]
    if not chosen:
        return
    rates = sorted({row["requestsPerSecondAndNode"] for row in chosen})
    low, high = math.floor(math.log10(rates[0])), math.ceil(math.log10(rates[-1]))
    parts = _frame("Regressions found in a deployment against requests/s of each node (10 nodes)")
    for rate in rates:
        x = _x(rate, low, high)
        parts.append(f"<text x='{x:.1f}' y='{HEIGHT - BOTTOM + 20}' text-anchor='middle' {STYLE}>{rate:g}</text>")
    for number, change in enumerate(dict.fromkeys(row["change"] for row in chosen)):
        colour = COLOURS[number % len(COLOURS)]
        own = sorted((r["requestsPerSecondAndNode"], r["rate"]) for r in chosen if r["change"] == change)
        line = " ".join(f"{_x(rate, low, high):.1f},{_y(part):.1f}" for rate, part in own)
        parts.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [f"<circle cx='{_x(r, low, high):.1f}' cy='{_y(p):.1f}' r='3' fill='{colour}'/>" for r, p in own]
        parts += _legend(number, colour, change)
    path.write_text("\n".join([*parts, "</svg>", ""]), encoding="utf-8")


def _frame(title: str) -> list[str]:
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>",
        f"<title>{title}</title><rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        f"<text x='{LEFT}' y='24' font-weight='600' {STYLE}>{title}</text>",
    ]
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent / 100)
        parts.append(f"<line x1='{LEFT}' y1='{y:.1f}' x2='{WIDTH - RIGHT}' y2='{y:.1f}' stroke='#ddd'/>")
        parts.append(f"<text x='{LEFT - 8}' y='{y + 4:.1f}' text-anchor='end' {STYLE}>{percent} %</text>")
    return parts


def _legend(number: int, colour: str, name: str) -> list[str]:
    y = TOP + 14 + number * 22
    x = WIDTH - RIGHT + 20
    return [
        f"<line x1='{x}' y1='{y - 4}' x2='{x + 22}' y2='{y - 4}' stroke='{colour}' stroke-width='3'/>",
        f"<text x='{x + 28}' y='{y}' {STYLE}>{name}</text>",
    ]


def _x(value: float, low: int, high: int) -> float:
    return LEFT + (WIDTH - RIGHT - LEFT) * (math.log10(max(value, 1e-9)) - low) / max(1, high - low)


def _y(part: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * part
