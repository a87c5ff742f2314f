"""A node as the control plane sees it: it speaks the wire protocol, and does what the story says its versions do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Call = Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a version does to a node's numbers, and whether it comes up at all."""

    error_rate: float = 0.001
    latency_ms: float = 5.0
    cpu_share: float = 0.05
    memory_mb: int = 40
    starts: bool = True
    smoke_passes: bool = True
    crashes_per_beat: int = 0


@dataclass(kw_only=True)
class ScriptedNode:
    """One node: its enrolment, what it runs, and its traffic (`requests_per_second` of machine time)."""

    name: str
    environment: str
    node_id: str
    credential: str
    call: Call
    behaviours: dict[str, Behaviour]
    requests_per_second: int = 1_000
    alive: bool = True
    stuck: bool = False
    configurations: dict[str, dict[str, Any]] = field(default_factory=dict)
    interval: int = 0
    fence: dict[str, int] = field(default_factory=dict)
    active: dict[str, str | None] = field(default_factory=dict)
    staged: dict[str, list[str]] = field(default_factory=dict)
    acks: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: list[tuple[str, str | None]] = field(default_factory=list)
    measured_until_ms: int = 0
    correlation_ids: set[str] = field(default_factory=set)
    _carry: dict[str, float] = field(default_factory=dict)

    def beat(self, now_ms: int) -> None:
        """Report, obey, and report again at once when something was carried out."""
        if not self.alive:
            return
        for _ in range(3):
            answer = self._report(now_ms)
            if self.stuck or not self._obey(answer["modules"]):
                return

    def configured(self, module: str) -> dict[str, Any] | None:
        """The values the active version was started with, None where it was configured with nothing."""
        return self.configurations.get(self.active.get(module) or "")

    def _report(self, now_ms: int) -> dict[str, Any]:
        self.interval += 1
        windows = self._windows(now_ms)
        self.measured_until_ms = now_ms
        modules = [
            {
                "module": module,
                "fence": fence,
                "active": self.active.get(module),
                "staged": self.staged.get(module, []),
                "healthy": True,
                **({"ack": self.acks[module]} if module in self.acks else {}),
            }
            for module, fence in self.fence.items()
        ]
        body = {
            "interval": self.interval,
            "sentAt": now_ms,
            "kernelVersion": "story",
            "modules": modules,
            "windows": windows,
        }
        response = self.call("POST", f"/api/v1/nodes/{self.node_id}/heartbeat", json=body, token=self.credential)
        assert response.status == 200, f"heartbeat of {self.name}: {response.status} {response.body!r}"
        answer: dict[str, Any] = response.json()
        return answer

    def _windows(self, now_ms: int) -> list[dict[str, Any]]:
        passed = now_ms - self.measured_until_ms
        if passed <= 0 or self.measured_until_ms == 0:
            return []
        return [
            self._window(module, digest, now_ms, passed) for module, digest in self.active.items() if digest is not None
        ]

    def _window(self, module: str, digest: str, now_ms: int, passed: int) -> dict[str, Any]:
        behaviour = self._behaviour(digest)
        requests = self.requests_per_second * passed // 1000
        # Errors that do not come to a whole one now are carried over, so that rates hold over any number of beats.
        owed = requests * behaviour.error_rate + self._carry.get(digest, 0.0)
        errors = min(int(owed), requests)
        self._carry[digest] = owed - errors
        bucket = int(16 * math.log2(behaviour.latency_ms * 1000))
        spread = {str(bucket - 8): requests // 4, str(bucket + 8): requests // 4}
        spread[str(bucket)] = requests - sum(spread.values())
        return {
            "module": module,
            "digest": digest,
            "startedAt": self.measured_until_ms,
            "endedAt": now_ms,
            "requests": requests,
            "errors": errors,
            "latency": {bucket: count for bucket, count in spread.items() if count},
            "cpuMs": int(passed * behaviour.cpu_share),
            "memoryBytes": behaviour.memory_mb * 1024 * 1024,
            "crashes": behaviour.crashes_per_beat,
        }

    def _obey(self, orders: list[dict[str, Any]]) -> bool:
        changed = False
        for order in orders:
            if order["fence"] < self.fence.get(order["module"], 0):
                continue
            changed |= self._carry_out(order)
        return changed

    def _carry_out(self, order: dict[str, Any]) -> bool:
        module, fence = order["module"], order["fence"]
        self.correlation_ids.add(order.get("correlationId", ""))
        wanted = self._edition(order["active"]) if order["active"] else None
        staged = [self._edition(artifact) for artifact in order["staged"]]
        before = (self.fence.get(module), self.active.get(module), self.staged.get(module), self.acks.get(module))
        self.fence[module] = fence
        kept = self.staged.get(module, [])
        self.staged[module] = [digest for digest in staged if digest in kept or self._stages(module, fence, digest)]
        if wanted != self.active.get(module):
            if wanted is not None and not self._behaviour(wanted).starts:
                self.acks[module] = _failed(fence, wanted, "activate", "START_FAILED")
            else:
                if self.active.get(module) in staged:
                    self.staged[module] = sorted({*self.staged[module], str(self.active[module])})
                self.active[module] = wanted
                self.history.append((module, wanted))
                self.acks.pop(module, None)
        return before != (
            self.fence.get(module),
            self.active.get(module),
            self.staged.get(module),
            self.acks.get(module),
        )

    def _edition(self, artifact: dict[str, Any]) -> str:
        """What an order names, in the word a node reports it by; what it is configured with is kept."""
        configured = artifact.get("configuration")
        if configured is None:
            return str(artifact["digest"])
        edition = f"{artifact['digest']}+{configured['revision']}"
        if "values" in configured:
            self.configurations[edition] = configured["values"]
        return edition

    def _behaviour(self, edition: str) -> Behaviour:
        """What an edition does: what the story says of it, or of its digest."""
        return self.behaviours.get(edition) or self.behaviours[edition.partition("+")[0]]

    def _stages(self, module: str, fence: int, digest: str) -> bool:
        behaviour = self._behaviour(digest)
        if behaviour.starts and behaviour.smoke_passes:
            return True
        if digest != self.active.get(module):
            reason = "SMOKE_TEST_FAILED" if behaviour.starts else "START_FAILED"
            self.acks[module] = _failed(fence, digest, "stage", reason)
        return False


def _failed(fence: int, digest: str, action: str, reason: str) -> dict[str, Any]:
    return {
        "fence": fence,
        "digest": digest,
        "action": action,
        "outcome": "failed",
        "reason": reason,
        "detail": "as the story says",
    }
