"""How long it takes until all is well again after a fault: measured, kept, and held against an objective."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE = Path(__file__).parents[2] / ".hotswap" / "e2e" / "recovery.jsonl"

OBJECTIVES_S = {"control plane killed": 60.0, "network": 60.0, "node": 60.0, "disk and bytes": 60.0, "clock": 60.0}
"""From the end of a fault until all is as it would have been. A busy machine is given time; the figures in
docs/reliability.md are of a quiet one."""


@contextmanager
def recovers(group: str, fault: str) -> Iterator[None]:
    """What stands inside waits until all is well again after `fault`, which has just ended.

    Raises:
        AssertionError: it took longer than the objective of its group.
    """
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    note(group=group, fault=fault, seconds=round(took, 2))
    assert took <= OBJECTIVES_S[group], f"after {fault} it took {took:.1f} s, more than {OBJECTIVES_S[group]:.0f} s"


def note(**figures: object) -> None:
    """Keep figures of a run for the report."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    with FILE.open("a") as kept:
        kept.write(json.dumps(figures) + "\n")
