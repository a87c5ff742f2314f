"""A line chart as SVG: seconds along, a value up from zero, one colour a line."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT, LEFT, BELOW, ABOVE = 960, 220, 70, 24, 20
COLOURS = ("#3b6fb6", "#d9822b", "#b3261e")
STEPS = 4


def chart(lines: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The lines with axes and a legend."""
    points = [point for line in lines.values() for point in line]
    most_x = max((x for x, _ in points), default=1) or 1
    most_y = _round_up(max((y for _, y in points), default=1))
    across, up = WIDTH - LEFT - 10, HEIGHT - BELOW - ABOVE

    def place(x: float, y: float) -> str:
        return f"{LEFT + across * x / most_x:.1f},{HEIGHT - BELOW - up * y / most_y:.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="100%" role="img" font-size="12" fill="#666">']
    for step in range(STEPS + 1):
        y, x = most_y * step / STEPS, most_x * step / STEPS
        height = HEIGHT - BELOW - up * step / STEPS
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{height:.1f}" y2="{height:.1f}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{height + 4:.1f}" text-anchor="end">{_short(y)}</text>')
        parts.append(
            f'<text x="{LEFT + across * step / STEPS:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{_short(x)} s</text>'
        )
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(f'<text x="{LEFT + 110 * number}" y="12" fill="{colour}">{html.escape(name)}</text>')
    return "".join([*parts, "</svg>"])


def _round_up(value: float) -> float:
    """A little more than the value, with a round number at every step."""
    if value <= 0:
        return 1.0
    size = 10.0 ** (len(str(int(value))) - 1)
    return next(size * factor for factor in (1, 2, 4, 5, 8, 10, 20) if size * factor >= value)


def _short(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
