"""The whole system in one process, through HTTP and the real state machine, in time that the story owns."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.domain.module import signed_text
from infra.local.cloud import LocalCloud
from infra.local.demo_policies import merged
from tests.stories.nodes import Behaviour, ScriptedNode
from tests.stories.story_time import StoryTime

BEAT_MS = 1_000
ORDER = ("Development", "QA", "Staging", "Production")
COMMAND: Mapping[str, Any] = MappingProxyType({"command": ["python3", "main.py"]})
MOST_BEATS = 400
ENDS = {"Completed", "RolledBack", "RollbackFailed", "Failed", "Rejected", "Expired", "Cancelled", "Superseded"}


class World:
    """One installation with its people, nodes and module versions. Every wait is bounded and says what was missing."""

    def __init__(self, cloud: LocalCloud, time: StoryTime, http: Any, tokens: dict[str, str]) -> None:
        self.cloud = cloud
        self.time = time
        self.http = http
        self.tokens = tokens
        self.nodes: dict[str, list[ScriptedNode]] = {}
        self.behaviours: dict[str, Behaviour] = {}
        self.digests: dict[tuple[str, str], str] = {}
        self._key = Ed25519PrivateKey.generate()
        self._key_id = ""

    def call(
        self, method: str, path: str, *, json: Any = None, token: str = "", headers: dict[str, str] | None = None
    ) -> Any:
        """One HTTP request with a bearer token."""
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return self.http.request(method, path, json=json, headers=sent)

    def as_user(self, user: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One HTTP request as one of dana (Deployer), amal (Approver), ada (Admin), vic (Viewer)."""
        return self.call(method, path, json=body, token=self.tokens[user], headers=headers)

    def ok(self, user: str, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The same, and its JSON; anything but success is a failure of the story."""
        response = self.as_user(user, method, path, body, **headers)
        assert response.status < 300, f"{method} {path}: {response.status} {response.body!r}"
        return response.json()

    # --- what there is

    def has_nodes(self, environment: str, count: int, **changes: Any) -> list[ScriptedNode]:
        """`count` more enrolled nodes in an environment."""
        own = self.nodes.setdefault(environment, [])
        for _ in range(count):
            token = self.ok("ada", "POST", f"/api/v1/clusters/{environment}/nodes/enrol-tokens", {})["token"]
            name = f"{environment.lower()}-{len(own) + 1:02d}"
            body = {"token": token, "name": name, "address": "http://127.0.0.1:1", "kind": "kernel", "labels": {}}
            answer = self.call("POST", "/api/v1/nodes/enrol", json=body)
            assert answer.status == 201, answer.body
            enrolled = answer.json()
            node = ScriptedNode(
                name=name,
                environment=environment,
                node_id=enrolled["nodeId"],
                credential=enrolled["credential"],
                call=self.call,
                behaviours=self.behaviours,
                measured_until_ms=self.time.now_ms(),
                **changes,
            )
            own.append(node)
        return own

    def has_version(
        self,
        version: str,
        behaviour: Behaviour | None = None,
        *,
        module: str = "payment-processor",
        upload: bool = True,
        files: Mapping[str, str] = MappingProxyType({}),
        manifest: Mapping[str, Any] = COMMAND,
        **registered: Any,
    ) -> str:
        """A registered, signed and uploaded version that behaves like this on every node; returns its digest."""
        content, signed = self.build(module, version, files, manifest)
        digest = str(signed["digest"])
        answer = self.ok("dana", "POST", f"/api/v1/modules/{module}/versions", {**signed, **registered})
        if upload:
            path = urlsplit(answer["uploadUrl"]).path.removeprefix("/")
            bucket = self.cloud.resources.buckets[0].name
            key = path.removeprefix(f"{bucket}/")
            self.cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        self.behaviours[digest] = behaviour or Behaviour()
        self.digests[module, version] = digest
        return digest

    def build(
        self,
        module: str,
        version: str,
        files: Mapping[str, str] = MappingProxyType({}),
        manifest: Mapping[str, Any] = COMMAND,
    ) -> tuple[bytes, dict[str, Any]]:
        """The bytes of a version, and what registers them: signed, and not registered yet."""
        content = _artifact(module, version, files, manifest)
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        text = signed_text(module=module, version=version, digest=digest, size=len(content))
        return content, {
            "version": version,
            "digest": digest,
            "size": len(content),
            "signature": base64.b64encode(self._key.sign(text)).decode(),
            "keyId": self._signing_key(),
        }

    def runs(self, version: str, environment: str = "Production", *, module: str = "payment-processor") -> None:
        """The environment runs this version already, brought there by a deployment of its own."""
        if (module, version) not in self.digests:
            self.has_version(version, module=module)
        done = self.run(self.deploy(version, environment, module=module), approve=True)
        assert done["status"] == "Completed", done
        self.beats(12)

    def has_policy(self, environment: str, **changes: Any) -> dict[str, Any]:
        """The environment's policy with these fields replaced."""
        current = self.ok("ada", "GET", f"/api/v1/clusters/{environment}/policy")
        for server_owned in ("environment", "revision", "changedBy", "changedAt"):
            current.pop(server_owned, None)
        return self.ok("ada", "PUT", f"/api/v1/clusters/{environment}/policy", merged(current, changes))

    # --- what happens

    def deploy(
        self, version: str, environment: str = "Production", *, module: str = "payment-processor", **body: Any
    ) -> str:
        """Ask for a deployment as dana; returns its executionId. Environments without nodes are jumped."""
        asked = {"moduleName": module, "version": version, "targetEnvironment": environment, **body}
        before = ORDER[: ORDER.index(environment)]
        jumped = [name for name in before if not self.nodes.get(name)]
        if jumped:
            asked.setdefault("hotfix", {"reason": "story", "skip": jumped})
        return str(self.ok("dana", "POST", "/api/v1/deployments", asked)["executionId"])

    def get(self, deployment: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ok("vic", "GET", f"/api/v1/deployments/{deployment}")
        return found

    def events(self, deployment: str, kind: str = "") -> list[dict[str, Any]]:
        """The timeline, or the events of one type."""
        found = self.ok("vic", "GET", f"/api/v1/deployments/{deployment}/events?after=0")["events"]
        return [event for event in found if not kind or event["type"] == kind]

    def beats(self, count: int = 1) -> None:
        """Every living node reports `count` times, a second apart."""
        for _ in range(count):
            self.settle()
            for nodes in self.nodes.values():
                for node in nodes:
                    node.beat(self.time.now_ms())
            self.settle()
            self.time.advance(BEAT_MS)

    def settle(self) -> None:
        """Until the state machine has nothing to do but wait."""
        self.time.wait_until_quiet()

    def until(self, true: Callable[[], Any], what: str, *, beats: int = MOST_BEATS) -> None:
        """Beat until it is so.

        Raises:
            AssertionError: it was not after `beats` rounds; says what was missing.
        """
        for _ in range(beats):
            self.settle()
            if true():
                return
            self.beats()
        raise AssertionError(f"after {beats} rounds of heartbeats still missing: {what}")

    def until_status(self, deployment: str, *statuses: str) -> dict[str, Any]:
        """Beat until the deployment has one of these statuses; returns it."""
        seen: list[str] = []

        def reached() -> bool:
            status = self.get(deployment)["status"]
            seen.append(status)
            return status in statuses

        self.until(reached, f"{deployment} to become {' or '.join(statuses)}")
        return self.get(deployment)

    def run(self, deployment: str, *, approve: bool = False) -> dict[str, Any]:
        """Beat until the deployment has ended, approving as amal on the way if asked to."""

        def ended() -> bool:
            status = self.get(deployment)["status"]
            if status == "PendingApproval" and approve:
                self.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "story"})
            return status in ENDS

        self.until(ended, f"{deployment} to end")
        return self.get(deployment)

    def running(self, environment: str = "Production", *, module: str = "payment-processor") -> list[str | None]:
        """The version each node of an environment really runs, in node order."""
        versions = {digest: version for (name, version), digest in self.digests.items() if name == module}
        running = [node.active.get(module) or "" for node in self.nodes[environment]]
        return [versions.get(edition.partition("+")[0]) for edition in running]

    def _signing_key(self) -> str:
        if not self._key_id:
            public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            body = {"publicKey": base64.b64encode(public).decode(), "owner": "story"}
            self._key_id = self.ok("ada", "POST", "/api/v1/signing-keys", body)["keyId"]
        return self._key_id


def _artifact(module: str, version: str, files: Mapping[str, str], manifest: Mapping[str, Any]) -> bytes:
    whole = {"name": module, "version": version, **manifest}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(zipfile.ZipInfo("hotswap.json"), json.dumps(whole))
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()
