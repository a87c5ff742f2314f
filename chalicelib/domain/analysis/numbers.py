"""Numbers as findings store and sentences show them: whole units and text, never floats."""

from __future__ import annotations

import math

LARGEST_BP = 10**9


def relative_bp(ratio: float | None) -> int | None:
    """A ratio as relative change in ten-thousandths: 2.0 is 10000; None for none, capped where it is infinite."""
    if ratio is None or math.isnan(ratio):
        return None
    return min(LARGEST_BP, round((ratio - 1) * 10_000)) if math.isfinite(ratio) else LARGEST_BP


def plain_p(log_e: float) -> str:
    """The p-value min(1, 1/e) of an e-value given by its logarithm, as text with two digits."""
    return f"{math.exp(-min(max(log_e, 0.0), 700.0)):.2g}"


def per_cent(rate: float) -> str:
    """A share as per cent with as many digits as it needs: 0.05 %, 1.2 %, 20 %."""
    percent = rate * 100
    if percent >= 10 or percent == 0:
        return f"{percent:.0f} %"
    return f"{percent:.{2 if percent < 1 else 1}f} %"


def milliseconds(us: float) -> str:
    """A latency for people: 0.8 ms, 12 ms, 3400 ms."""
    return f"{us / 1000:.1f} ms" if us < 10_000 else f"{us / 1000:.0f} ms"


def megabytes(count: float) -> str:
    """An amount of memory for people, in MiB."""
    return f"{count / 1024 / 1024:.0f} MiB"


def change(ratio: float) -> str:
    """A ratio for people: "+50 %", "-10 %", "4.0 times"."""
    if not math.isfinite(ratio):
        return "from nothing"
    return f"{ratio:.1f} times" if ratio >= 3 else f"{(ratio - 1) * 100:+.0f} %"
