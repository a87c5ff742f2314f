"""Time in stories: it moves only when the story says so, and policy time runs faster than machine time."""

from __future__ import annotations

from infra.local.virtual_time import VirtualTime

SCALE = 300
"""Policy milliseconds per machine millisecond: a bake of fifteen minutes is three seconds of heartbeats."""


class StoryTime(VirtualTime):
    """Virtual machine time, and policy time that runs `SCALE` times as fast."""

    def __init__(self) -> None:
        super().__init__()
        self._started_ms = self.now_ms()

    def scaled(self, seconds: float, *, policy: bool) -> float:
        return seconds / SCALE if policy else seconds

    def machine_ms(self) -> int:
        return self.now_ms()

    def policy_ms(self) -> int:
        return self._started_ms + (self.now_ms() - self._started_ms) * SCALE
