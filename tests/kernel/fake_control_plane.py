"""A control plane of one file that keeps docs/contracts/node-protocol.md, for the kernel's own tests."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.examples.build import BuiltArtifact, sign_artifact, trust_root


async def until(condition: Callable[[], Any], missing: str, *, limit_s: float = 15.0) -> Any:
    """Wait for a condition, and say what was missing when it does not come."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + limit_s
    while not (value := condition()):
        if loop.time() > deadline:
            raise AssertionError(f"not within {limit_s} s: {missing}")
        await asyncio.sleep(0.01)
    return value


@dataclass
class KnownNode:
    """What the control plane knows of a node, and what it wants of it."""

    id: str
    name: str
    address: str
    labels: dict[str, str]
    credential: str
    desired: dict[str, dict[str, Any]] = field(default_factory=dict)
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)
    bodies: dict[int, bytes] = field(default_factory=dict)
    repeats: list[int] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        return self.reports[max(self.reports)] if self.reports else {"modules": [], "windows": []}

    def module(self, name: str = "payment-processor") -> dict[str, Any]:
        found = [module for module in self.last["modules"] if module["module"] == name]
        return found[0] if found else {}

    def ack(self, fence: int, digest: str, name: str = "payment-processor") -> dict[str, Any] | None:
        """The last ack, when it is of this order."""
        ack = self.module(name).get("ack") or {}
        return ack if (ack.get("fence"), ack.get("digest")) == (fence, digest) else None

    def total(self, digest: str, number: str) -> int:
        """A number of the windows of a version, summed over all reports; each counted once."""
        return sum(w[number] for r in self.reports.values() for w in r["windows"] if w["digest"] == digest)


class FakeControlPlane:
    """Serves on one port; `stop` and `start` again make it go away and come back with all it knows."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key = key
        self.tokens: set[str] = set()
        self.nonces: dict[str, str] = {}
        self.configurations: dict[int, dict[str, Any]] = {}
        self.lose_enrolments = 0
        self.enrolments: list[str] = []
        self.nodes: dict[str, KnownNode] = {}
        self.artifacts: dict[str, dict[str, Any]] = {}
        self.bytes: dict[str, bytes] = {}
        self.downloads: list[str] = []
        self.violations: list[str] = []
        self.next_heartbeat_ms = 50
        self.revoked_keys: list[str] = []
        self.correlation_ids: dict[int, str] = {}
        self.told_of: list[str] = []
        self.answer_status = 200
        self.lose_answers = 0
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/api/v1/nodes/enrol", self._enrol)
        app.router.add_post("/api/v1/nodes/{id}/heartbeat", self._heartbeat)
        app.router.add_get("/artifacts/{digest}", self._download)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def node(self, name: str) -> KnownNode:
        return next(node for node in self.nodes.values() if node.name == name)

    def knows(self, name: str) -> bool:
        return any(node.name == name for node in self.nodes.values())

    def publish(self, built: BuiltArtifact, **other: Any) -> str:
        """Register an artifact, signed by the control plane's key; `other` replaces fields to tell lies."""
        signature = sign_artifact(self.key, built.name, built.version, built.digest, built.size)
        self.artifacts[built.digest] = {
            "digest": built.digest,
            "version": built.version,
            "size": built.size,
            "signature": signature.signature,
            "keyId": signature.key_id,
        } | other
        self.bytes[built.digest] = built.path.read_bytes()
        return built.digest

    def order(
        self, name: str, fence: int, active: str | None, staged: tuple[str, ...] = (), module: str = "payment-processor"
    ) -> None:
        self.node(name).desired[module] = {"fence": fence, "active": active, "staged": list(staged)}

    async def settled(self, name: str, fence: int, digest: str, module: str = "payment-processor") -> dict[str, Any]:
        """The ack of this order."""
        node = self.node(name)
        missing = f"an ack of fence {fence} for {digest} from {name}"
        ack: dict[str, Any] = await until(lambda: node.ack(fence, digest, module), missing)
        return ack

    async def _enrol(self, request: web.Request) -> web.Response:
        body = await request.json()
        known = self.nonces.setdefault(body["token"], body["nonce"])
        if body["token"] not in self.tokens and known != body["nonce"]:
            return web.json_response({"title": "Unauthorized"}, status=401)
        self.tokens.discard(body["token"])
        self.enrolments.append(body["nonce"])
        if self.lose_enrolments > 0:
            self.lose_enrolments -= 1
            assert request.transport is not None
            request.transport.abort()
        node_id = f"p-{len(self.nodes) + 1:04}"
        node = KnownNode(node_id, body["name"], body["address"], body["labels"], f"hsn_{node_id}")
        self.nodes[node_id] = node
        answer = {"nodeId": node_id, "environment": "Production", "credential": node.credential, "heartbeatMs": 50}
        return web.json_response(answer | {"trustRoots": [trust_root(self.key)]}, status=201)

    async def _heartbeat(self, request: web.Request) -> web.Response:
        node = self.nodes[request.match_info["id"]]
        if request.headers.get("Authorization") != f"Bearer {node.credential}":
            return web.json_response({"title": "Unauthorized"}, status=401)
        if self.answer_status != 200:
            return web.json_response({"title": "as the test wishes"}, status=self.answer_status)
        raw = await request.read()
        self._count(node, raw)
        if "X-Correlation-Id" in request.headers:
            self.told_of.append(request.headers["X-Correlation-Id"])
        if self.lose_answers > 0:
            self.lose_answers -= 1
            assert request.transport is not None
            request.transport.abort()
        modules = [self._wanted(node, name, desired) for name, desired in node.desired.items()]
        interval = json.loads(raw)["interval"]
        answer = {"interval": interval, "nextHeartbeatMs": self.next_heartbeat_ms, "modules": modules}
        if self.revoked_keys:
            answer["revokedKeys"] = self.revoked_keys
        return web.json_response(answer)

    def _count(self, node: KnownNode, raw: bytes) -> None:
        report = json.loads(raw)
        interval = report["interval"]
        if interval in node.reports:
            node.repeats.append(interval)
            if node.bodies[interval] != raw:
                self.violations.append(f"{node.name}: report {interval} was sent with two contents")
            return
        if interval != max(node.reports, default=0) + 1:
            self.violations.append(f"{node.name}: report {interval} after {max(node.reports, default=0)}")
        for window in report["windows"]:
            if sum(window["latency"].values()) != window["requests"]:
                self.violations.append(f"{node.name}: {interval}: the histogram does not add up")
        node.reports[interval], node.bodies[interval] = report, raw

    def _wanted(self, node: KnownNode, module: str, desired: dict[str, Any]) -> dict[str, Any]:
        known = node.module(module)
        has = {known.get("active"), *known.get("staged", [])}
        active = desired["active"]
        told = self.correlation_ids.get(desired["fence"])
        return {
            **({"correlationId": told} if told is not None else {}),
            "module": module,
            "fence": desired["fence"],
            "active": None if active is None else self._with_link(active, has),
            "staged": [self._with_link(digest, has) for digest in desired["staged"]],
        }

    def _with_link(self, digest: str, has: set[str]) -> dict[str, Any]:
        """`digest` is an edition: the part behind `+` is the revision of its configuration."""
        bare, _, revision = digest.partition("+")
        configured: dict[str, Any] = {"configuration": {"revision": int(revision)}} if revision else {}
        if digest in has:
            return self.artifacts[bare] | configured
        if revision:
            configured["configuration"]["values"] = self.configurations[int(revision)]
        return self.artifacts[bare] | configured | {"downloadUrl": f"{self.url}/artifacts/{bare}"}

    async def _download(self, request: web.Request) -> web.Response:
        digest = request.match_info["digest"]
        self.downloads.append(digest)
        if digest not in self.bytes:
            return web.Response(status=404)
        return web.Response(body=self.bytes[digest])
