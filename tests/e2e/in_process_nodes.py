"""Nodes without processes: they speak the protocol over HTTP and behave as a test says. Many of them cost little."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.e2e.client import TestClient
from tests.stories.nodes import Behaviour, ScriptedNode

EVERY_S = 0.4


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the control plane said."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class InProcessNodes:
    """Some nodes of one environment; one thread reports for all of them. `behaviours` are those of digests."""

    def __init__(self, client: TestClient, environment: str, count: int) -> None:
        self._client = client
        self.behaviours: dict[str, Behaviour] = {}
        self.trouble: list[str] = []
        self.nodes = [self._enrolled(environment, number) for number in range(1, count + 1)]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="in-process nodes")

    def start(self) -> InProcessNodes:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Report no more.

        Raises:
            AssertionError: a report was answered with something else than 200.
        """
        self._stopping.set()
        self._thread.join()
        assert not self.trouble, self.trouble

    def running(self, module: str) -> list[str | None]:
        """The edition each node runs of a module."""
        return [node.active.get(module) for node in self.nodes]

    def _enrolled(self, environment: str, number: int) -> ScriptedNode:
        path = f"/api/v1/clusters/{environment}/nodes/enrol-tokens"
        name = f"{environment.lower()}-{number:02d}"
        token = self._client.admin.post(path, {})["token"]
        body = {"token": token, "name": name, "address": "http://127.0.0.1:1", "kind": "kernel", "labels": {}}
        enrolled = self._call("POST", "/api/v1/nodes/enrol", json=body).json()
        return ScriptedNode(
            name=name,
            environment=environment,
            node_id=enrolled["nodeId"],
            credential=enrolled["credential"],
            call=self._call,
            behaviours=self.behaviours,
            requests_per_second=200,
            measured_until_ms=_now_ms(),
        )

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            for node in self.nodes:
                try:
                    node.beat(_now_ms())
                except (AssertionError, OSError, KeyError) as error:
                    self.trouble.append(f"{node.name}: {error!r}")

    def _call(self, method: str, path: str, *, json: Any, token: str = "") -> Answered:
        return _sent(self._client.url + path, method, json, token)


def _sent(url: str, method: str, body: Any, token: str) -> Answered:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, data=json.dumps(body).encode(), method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 (loopback)
            return Answered(status=answer.status, body=answer.read())
    except urllib.error.HTTPError as error:
        return Answered(status=error.code, body=error.read())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
