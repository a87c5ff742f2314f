"""What schemathesis asked in this process, and how it was answered; tests/conftest.py adds up and prints it at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

counted: Counter[str] = Counter()
operations: set[str] = set()
fulfilled: set[str] = set()
"""Operations that did at least once what they were asked."""


def figures() -> dict[str, object]:
    """This process's share, as one worker of pytest-xdist hands it over."""
    return {"counted": dict(counted), "operations": sorted(operations), "fulfilled": sorted(fulfilled)}


def sentence(shares: list[Mapping[str, object]]) -> str:
    """All shares in one line; empty when nothing was asked."""
    total: Counter[str] = Counter()
    asked: set[str] = set()
    done: set[str] = set()
    for share in shares:
        done.update(share.get("fulfilled", []))  # type: ignore[call-overload]
        total.update(share["counted"])  # type: ignore[call-overload]
        asked.update(share["operations"])  # type: ignore[arg-type, call-overload]
    if not total["requests"]:
        return ""
    answers = ", ".join(f"{total[kind]} {kind}" for kind in sorted(total) if kind.endswith("xx"))
    return (
        f"schemathesis: {total['requests']} requests to {len(asked)} operations ({len(done)} did what was asked), {answers}; "
        f"{total['cpuMs'] / 1000:.0f} s of CPU to ask and judge"
    )
