"""What a node must still know after kill -9, in files that are replaced whole or not at all."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kernel.artifact import ArtifactRef
from kernel.messages import Json, ProtocolError, ref_from_json, ref_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the node is, since it enrolled. The trust roots are pinned here; nothing said later adds one."""

    node_id: str
    environment: str
    credential: str
    trust_roots: tuple[Mapping[str, object], ...]
    heartbeat_ms: int


@dataclass(slots=True, kw_only=True)
class ModuleRecord:
    """What a node has obeyed for one module, and so what it runs after a restart."""

    fence: int = 0
    active: ArtifactRef | None = None
    staged: list[ArtifactRef] = field(default_factory=list)
    ack: Json | None = None
    # The key of the last order that ended, well or not; None when it has to be carried out again.
    settled: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingReport:
    """The last report written; sent again unchanged until it is answered."""

    interval: int
    body: bytes


class NodeState:
    """The folder of one node. Every write is on disk when it returns; errors of the disk are raised as OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def identity(self) -> Identity | None:
        """Who this node is, or None before it enrolled."""
        body = _read(self.folder / "identity.json")
        if body is None:
            return None
        return Identity(
            node_id=str(body["nodeId"]),
            environment=str(body["environment"]),
            credential=str(body["credential"]),
            trust_roots=tuple(body["trustRoots"]),
            heartbeat_ms=int(body["heartbeatMs"]),
        )

    def keep_identity(self, identity: Identity) -> None:
        """Remember who this node is; the file holds the credential, so only the owner may read it."""
        body = {
            "nodeId": identity.node_id,
            "environment": identity.environment,
            "credential": identity.credential,
            "trustRoots": list(identity.trust_roots),
            "heartbeatMs": identity.heartbeat_ms,
        }
        replace_file(self.folder / "identity.json", _json(body))

    def modules(self) -> dict[str, ModuleRecord]:
        """What the node has obeyed, per module."""
        body = _read(self.folder / "modules.json") or {}
        return {name: _record(name, fields) for name, fields in body.items()}

    def keep_modules(self, records: Mapping[str, ModuleRecord]) -> None:
        """Remember what the node has obeyed."""
        body = {
            name: {
                "fence": record.fence,
                "active": ref_to_json(record.active) if record.active else None,
                "staged": [ref_to_json(ref) for ref in record.staged],
                "ack": record.ack,
                "settled": record.settled,
            }
            for name, record in records.items()
        }
        replace_file(self.folder / "modules.json", _json(body))

    def report(self) -> PendingReport | None:
        """The last report written, or None before the first."""
        try:
            line, _, body = (self.folder / "report.json").read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        return PendingReport(interval=int(line), body=body)

    def keep_report(self, report: PendingReport) -> None:
        """Remember a report before it is sent: its number must never stand for two contents."""
        replace_file(self.folder / "report.json", b"%d\n%s" % (report.interval, report.body))

    def artifact_path(self, digest: str) -> Path:
        """Where the zip with this digest is kept."""
        return self.folder / "artifacts" / (digest.removeprefix("sha256:") + ".zip")

    def keep_artifact(self, digest: str, data: bytes) -> None:
        """Remember the bytes of an artifact."""
        path = self.artifact_path(digest)
        path.parent.mkdir(exist_ok=True)
        replace_file(path, data)

    def configuration_path(self, ref: ArtifactRef) -> Path:
        """Where the configuration of this edition is kept, and read by its child."""
        return self.folder / "configurations" / f"{ref.name}-{ref.configuration}.json"

    def keep_configuration(self, ref: ArtifactRef, values: Json) -> None:
        """Remember a revision of a module's configuration."""
        path = self.configuration_path(ref)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        replace_file(path, json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode())

    def forget_except(self, refs: Iterable[ArtifactRef]) -> None:
        """Remove the zips and configurations nothing refers to any more."""
        known = tuple(refs)
        wanted = {self.artifact_path(ref.digest) for ref in known} | {self.configuration_path(ref) for ref in known}
        for path in (*self.folder.glob("artifacts/*.zip"), *self.folder.glob("configurations/*.json")):
            if path not in wanted:
                path.unlink(missing_ok=True)

    def revoked_keys(self) -> frozenset[str]:
        """The signing keys the node was ever told not to believe any more."""
        body = _read(self.folder / "revoked-keys.json") or {"keyIds": []}
        return frozenset(map(str, body["keyIds"]))

    def keep_revoked_keys(self, key_ids: Iterable[str]) -> None:
        """Remember them: a control plane that forgets, or is made to, must not bring them back."""
        replace_file(self.folder / "revoked-keys.json", _json({"keyIds": sorted(key_ids)}))

    def enrol_nonce(self) -> str:
        """The secret this node enrols with, the same after every restart, so that a lost answer can be asked for again."""
        path = self.folder / "enrol-nonce"
        try:
            return path.read_text()
        except FileNotFoundError:
            nonce = secrets.token_urlsafe(32)
            replace_file(path, nonce.encode())
            return nonce


def replace_file(path: Path, data: bytes) -> None:
    """Put these bytes in place of a file, readable by the owner only: after a power cut it is the old or the new one.

    Raises:
        OSError: the disk is full or broken; the old file still stands.
    """
    temporary = path.with_name(path.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _record(name: str, fields: Mapping[str, object]) -> ModuleRecord:
    staged, ack, settled, fence = (fields[key] for key in ("staged", "ack", "settled", "fence"))
    if not isinstance(staged, list) or not isinstance(fence, int):
        raise ProtocolError(f"modules.json is not ours: {name}")
    return ModuleRecord(
        fence=fence,
        active=None if fields["active"] is None else ref_from_json(name, fields["active"]),
        staged=[ref_from_json(name, ref) for ref in staged],
        ack=ack if isinstance(ack, dict) else None,
        settled=settled if isinstance(settled, str) else None,
    )


# Any: the files are our own; a reader that finds something else in them fails loudly at the first use.
def _read(path: Path) -> dict[str, Any] | None:
    try:
        body: dict[str, Any] = json.loads(path.read_bytes())
        return body
    except FileNotFoundError:
        return None


def _json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
