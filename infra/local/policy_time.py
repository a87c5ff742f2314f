"""The policy clock: real time, or faster by a fixed factor, and never backwards, not even over a restart."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class PolicyTime:
    """Milliseconds of policy time: stored anchor + elapsed wall time x factor.

    With factor 1 it is the wall clock for as long as the wall clock does not go backwards. The anchor lies in
    `data_dir`, so policy time goes on after a restart where it would have been without one, whatever the factor was
    before. Without `data_dir` the clock starts at the wall clock.
    """

    def __init__(self, data_dir: Path | None, factor: float = 1.0, *, wall_ms: Callable[[], int] = _wall_ms) -> None:
        if factor <= 0:
            raise ValueError(f"the time scale must be positive, not {factor}")
        self._wall_ms = wall_ms
        self._factor = factor
        self._file = None if data_dir is None else data_dir / "policy-time.json"
        self._lock = threading.Lock()
        wall = wall_ms()
        self._anchor_wall_ms = wall
        self._anchor_policy_ms = self._stored_now(wall)
        self._latest_ms = self._anchor_policy_ms
        self.keep()

    def now_ms(self) -> int:
        """Policy time now. Never smaller than any value returned before by this object."""
        with self._lock:
            elapsed = self._wall_ms() - self._anchor_wall_ms
            self._latest_ms = max(self._latest_ms, self._anchor_policy_ms + int(elapsed * self._factor))
            return self._latest_ms

    def keep(self) -> None:
        """Write the anchor, atomically."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        anchor = {
            "wallMs": self._anchor_wall_ms,
            "policyMs": self._anchor_policy_ms,
            "factor": self._factor,
        }
        partial = self._file.with_suffix(".tmp")
        partial.write_text(json.dumps(anchor))
        os.replace(partial, self._file)  # noqa: PTH105

    def _stored_now(self, wall: int) -> int:
        if self._file is None or not self._file.exists():
            return wall
        anchor = json.loads(self._file.read_text())
        # A wall clock that was set back must not take policy time with it.
        elapsed = max(0, wall - int(anchor["wallMs"]))
        return int(anchor["policyMs"]) + int(elapsed * float(anchor["factor"]))
