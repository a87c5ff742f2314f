"""The ports in memory, with the answers of the real adapters; tests/contracts proves it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.heartbeat_metrics import HeartbeatMetrics
from chalicelib.domain.analysis.evidence import Source
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.metering import OpenStep
from chalicelib.domain.metrics import Window
from chalicelib.domain.telemetry import Measurement
from chalicelib.usecases.ports import Ports
from tests import canaries
from tests.event_schema import check_event
from tests.fake_store import FakeStore

__all__ = [
    "FakeArtifacts",
    "FakeAuditKeys",
    "FakeBus",
    "FakeCalls",
    "FakeClock",
    "FakeExecutions",
    "FakeMetrics",
    "FakeSignatures",
    "FakeStore",
    "FakeTelemetry",
    "fake_ports",
    "fake_signature",
]


class FakeMetrics:
    """The series in memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[tuple[str, ...], Window] = {}

    def keep(self, *, environment: str, node_id: str, step: OpenStep) -> None:
        key = (environment, step.module, f"{step.begins_ms:013d}", node_id, step.digest)
        with self._lock:
            known = self._windows.get(key)
            if known is None or known.duration_ms <= step.window.duration_ms:
                self._windows[key] = step.window

    def series(
        self, *, environment: str, module: str, nodes: Collection[str], from_ms: int, to_ms: int
    ) -> tuple[tuple[str, str, Window], ...]:
        with self._lock:
            rows = [
                (key[3], key[4], window)
                for key, window in self._windows.items()
                if key[:2] == (environment, module) and key[3] in nodes and from_ms <= window.started_at_ms < to_ms
            ]
        return tuple(sorted(rows, key=lambda row: (row[2].started_at_ms, row[0], row[1])))


class FakeClock:
    """Both times, moved by hand. `advance` moves both, as in AWS."""

    def __init__(self, machine_ms: int = 1_790_000_000_000, policy_ms: int | None = None) -> None:
        self._machine_ms = machine_ms
        self._policy_ms = machine_ms if policy_ms is None else policy_ms

    def machine_ms(self) -> int:
        return self._machine_ms

    def policy_ms(self) -> int:
        return self._policy_ms

    def advance(self, ms: int = 0, *, seconds: int = 0) -> None:
        """Both times go on."""
        self.advance_machine(ms + seconds * 1000)
        self.advance_policy(ms + seconds * 1000)

    def advance_machine(self, ms: int) -> None:
        self._machine_ms += ms

    def advance_policy(self, ms: int) -> None:
        self._policy_ms += ms


@dataclass
class FakeExecutions:
    """Records starts and answers. `waiting` holds the tokens that may still be answered; None: every token."""

    started: dict[str, str] = field(default_factory=dict)
    correlation_ids: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    answers: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refusals: list[tuple[str, str, str]] = field(default_factory=list)
    waiting: set[str] | None = None
    unavailable: bool = False
    _over: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, name: str, deployment_id: str, correlation_id: str) -> None:
        if self.unavailable:
            raise Unavailable("The state machine does not answer.")
        with self._lock:
            self.started.setdefault(name, deployment_id)
            self.correlation_ids.setdefault(name, correlation_id)

    def is_running(self, name: str) -> bool:
        return name in self.started and name not in self.ended

    def is_waiting(self, token: str) -> bool:
        if self.unavailable:
            raise Unavailable("The state machine does not answer.")
        with self._lock:
            return self._is_open(token)

    def answer(self, token: str, output: Mapping[str, Any]) -> bool:
        with self._lock:
            sent = self._takes(token)
            if sent:
                self.answers.append((token, dict(output)))
            return sent

    def refuse(self, token: str, *, error: str, cause: str) -> bool:
        with self._lock:
            sent = self._takes(token)
            if sent:
                self.refusals.append((token, error, cause))
            return sent

    def _takes(self, token: str) -> bool:
        open_still = self._is_open(token)
        self._over.add(token)
        return open_still

    def _is_open(self, token: str) -> bool:
        return token not in self._over and (self.waiting is None or token in self.waiting)


class FakeArtifacts:
    """Bytes by digest; `put` is the upload."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}

    def put(self, digest: str, content: bytes) -> None:
        self.contents[digest] = content

    def upload_link(self, digest: str, *, size: int) -> str:
        return f"https://artifacts.test/{digest}?size={size}&method=PUT"

    def download_link(self, digest: str) -> str:
        return f"https://artifacts.test/{digest}"

    def read(self, digest: str, *, limit: int) -> bytes | None:
        content = self.contents.get(digest)
        return None if content is None else content[: limit + 1]


@dataclass
class FakeBus:
    """Keeps what was published, and takes nothing that the contract of events does not know."""

    published: list[dict[str, Any]] = field(default_factory=list)
    unavailable: bool = False

    def publish(self, messages: Sequence[Mapping[str, Any]]) -> None:
        if self.unavailable:
            raise Unavailable("The event bus does not answer.")
        for message in messages:
            check_event(message["detailType"], {**message["detail"], "id": message["id"]})
            canaries.require_absent("events", "PutEvents", message)
            self.published.append(dict(message))


@dataclass
class FakeCalls:
    """Keeps what was ordered."""

    ordered: list[dict[str, Any]] = field(default_factory=list)
    unavailable: bool = False

    def order(self, call: Mapping[str, Any]) -> None:
        if self.unavailable:
            raise Unavailable("Nobody takes calls.")
        canaries.require_absent("lambda", "Invoke", call)
        self.ordered.append(dict(call))


@dataclass
class FakeTelemetry:
    """Keeps what was shown."""

    lines: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)

    def happened(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    def measured(self, *measurements: Measurement) -> None:
        self.measurements += measurements


@dataclass
class FakeAuditKeys:
    """The keys that may seal, by id."""

    held: dict[str, str] = field(default_factory=dict)

    def public_keys(self) -> dict[str, str]:
        return dict(self.held)


class FakeSignatures:
    """Believes what `fake_signature` made."""

    def verifies(self, *, public_key: str, signature: str, message: bytes) -> bool:
        return signature == fake_signature(public_key, message)


def fake_signature(public_key: str, message: bytes) -> str:
    """A signature FakeSignatures believes."""
    return f"{public_key}:{message.decode()}"


def fake_ports(**others: Any) -> Ports:
    """All ports in memory; name one to bring your own."""
    numbers = itertools.count(1)
    fakes: dict[str, Any] = {
        "store": FakeStore(),
        "metrics": FakeMetrics(),
        "clock": FakeClock(),
        "executions": FakeExecutions(),
        "artifacts": FakeArtifacts(),
        "bus": FakeBus(),
        "calls": FakeCalls(),
        "aliases": FakeCalls(),
        "signatures": FakeSignatures(),
        "telemetry": FakeTelemetry(),
        "metric_sources": {Source.HEARTBEAT: HeartbeatMetrics()},
        "new_id": lambda: f"01J{next(numbers):023d}",
    }
    return Ports(**(fakes | others))
