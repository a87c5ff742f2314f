"""Nodes for load: each speaks the wire protocol over HTTP and does at once what it is told, without starting anything.

They stand in for kernels so that the control plane is what is measured; `make demo` runs the kernels themselves.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import json
import threading
import time
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.local.api_client import ApiClient, upload
from kernel.examples.build import new_signing_key, sign_artifact, trust_root
from tests.stories.nodes import Behaviour, ScriptedNode


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as ScriptedNode reads it."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Connection:
    """One connection of one thread, kept open. Remembers when the node was told to come back."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.netloc, timeout=30)
        self._prefix = parts.path.rstrip("/")
        self.next_ms = 1_000

    def __call__(self, method: str, path: str, *, json: Any, token: str) -> Reply:
        reply = self._send(method, path, json, token)
        if reply.status == 200:
            self.next_ms = int(reply.json().get("nextHeartbeatMs", self.next_ms))
        return reply

    def _send(self, method: str, path: str, body: Any, token: str) -> Reply:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        content = json.dumps(body).encode()
        try:
            self._connection.request(method, self._prefix + path, content, headers)
            answer = self._connection.getresponse()
            return Reply(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            # As the protocol asks: a report without an answer is sent again unchanged.
            self._connection.close()
            self._connection.request(method, self._prefix + path, content, headers)
            answer = self._connection.getresponse()
            return Reply(answer.status, answer.read())


@dataclass(kw_only=True)
class Fleet:
    """The nodes of a run, each with a thread of its own. `problems` are what went wrong in them."""

    url: str
    admin: ApiClient
    problems: list[str] = field(default_factory=list)
    _behaviours: dict[str, Behaviour] = field(default_factory=lambda: defaultdict(Behaviour))
    _threads: dict[str, tuple[threading.Thread, threading.Event]] = field(default_factory=dict)

    def enrol(self, name: str, environment: str, labels: dict[str, str]) -> ScriptedNode:
        """A new node; it says nothing until it is started."""
        asked = {"labels": labels}
        token = self.admin.post(f"/api/v1/clusters/{environment}/nodes/enrol-tokens", asked)["token"]
        body = {"token": token, "name": name, "address": "http://127.0.0.1:1", "kind": "kernel", "labels": {}}
        enrolled = ApiClient(base_url=self.url).post("/api/v1/nodes/enrol", body)
        return ScriptedNode(
            name=name,
            environment=environment,
            node_id=enrolled["nodeId"],
            credential=enrolled["credential"],
            call=Connection(self.url),
            behaviours=self._behaviours,
            requests_per_second=20,
            measured_until_ms=int(time.time() * 1000),
        )

    def start(self, node: ScriptedNode) -> None:
        """Let it report, as often as it is told to."""
        stop = threading.Event()
        thread = threading.Thread(target=self._live, args=(node, stop), daemon=True)
        self._threads[node.name] = (thread, stop)
        thread.start()

    def stop(self, *nodes: ScriptedNode) -> None:
        """Let these fall silent, all of them if none is named."""
        names = [node.name for node in nodes] or list(self._threads)
        stopped = [self._threads.pop(name) for name in names if name in self._threads]
        for _, stop in stopped:
            stop.set()
        for thread, _ in stopped:
            thread.join(15)

    def _live(self, node: ScriptedNode, stop: threading.Event) -> None:
        connection: Connection = node.call  # type: ignore[assignment]
        while not stop.wait(0):
            begun = time.monotonic()
            try:
                node.beat(int(time.time() * 1000))
            except (AssertionError, OSError, http.client.HTTPException) as error:
                self.problems.append(f"{node.name}: {error}"[:300])
            stop.wait(max(0.05, connection.next_ms / 1000 - (time.monotonic() - begun)))


@dataclass(frozen=True, slots=True)
class Signer:
    """A key whose signatures the installation accepts."""

    key: Ed25519PrivateKey
    key_id: str

    @classmethod
    def register(cls, admin: ApiClient) -> Signer:
        """A new one."""
        key = new_signing_key()
        body = {"publicKey": trust_root(key)["publicKey"], "owner": "load"}
        return cls(key, admin.post("/api/v1/signing-keys", body)["keyId"])

    def publish(self, module: str, version: str, *, client: ApiClient) -> str:
        """Register and upload a small version of a module; returns its digest."""
        content = _artifact(module, version)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        signed = sign_artifact(self.key, module, version, digest, len(content))
        body = {
            "version": version,
            "digest": digest,
            "size": len(content),
            "signature": signed.signature,
            "keyId": self.key_id,
        }
        upload(client.post(f"/api/v1/modules/{module}/versions", body)["uploadUrl"], content)
        return digest


def _artifact(module: str, version: str) -> bytes:
    manifest = {"name": module, "version": version, "command": ["python3", "main.py"]}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("hotswap.json"), json.dumps(manifest))
    return stream.getvalue()
