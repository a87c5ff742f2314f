"""How long it takes until all is well again after a fault: measured, kept, and held against an objective."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = Path(__file__).parents[2] / ".hotswap" / "e2e" / "recovery.jsonl"

OBJECTIVES_S = {"control plane killed": 30.0, "network": 30.0, "node": 30.0, "disk and bytes": 30.0, "clock": 30.0}
"""From the end of a fault until all is as it would have been."""


@contextmanager
def recovers(group: str, fault: str) -> Iterator[None]:
    """What stands inside waits until all is well again after `fault`, which has just ended.

    On a machine that does other things besides, the time is kept and not judged: it says nothing about us. The waits
    inside have bounds of their own.

    Raises:
        AssertionError: it took longer than the objective of its group.
    """
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    busy = os.getloadavg()[0] > 1.5 * (os.cpu_count() or 1)
    note(group=group, fault=fault, seconds=round(took, 2), busy=busy)
    limit = OBJECTIVES_S[group]
    assert busy or took <= limit, f"after {fault} it took {took:.1f} s, more than {limit:.0f} s"


def note(**figures: object) -> None:
    """Keep figures of a run for the report."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open("a") as kept:
        kept.write(json.dumps(figures) + "\n")
