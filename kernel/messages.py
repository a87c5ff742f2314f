"""The node protocol as values: orders read from an answer, reports written from what is. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernel.artifact import ArtifactRef
from kernel.manifest import is_name, is_version
from kernel.metrics import Window

MAX_MODULES = 64
CORRELATION_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{7,63}")
MAX_DETAIL = 1000

Json = dict[str, object]


class ProtocolError(Exception):
    """The control plane answered something the contract does not allow."""


class Action(StrEnum):
    """What an order asked a node to do."""

    ACTIVATE = "activate"
    STAGE = "stage"
    DEACTIVATE = "deactivate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One artifact of an order; link and values are there only where the control plane thinks the node has neither."""

    ref: ArtifactRef
    download_url: str | None
    values: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The whole desired state of one module; `correlation_id` is that of the deployment that asked for it."""

    module: str
    fence: int
    active: Wanted | None
    staged: tuple[Wanted, ...]
    correlation_id: str = ""

    @property
    def key(self) -> str:
        """Equal for two orders that ask for the same under the same fence, whatever their links."""
        active = self.active.ref.edition if self.active else "-"
        return f"{self.fence} {active} {' '.join(sorted(wanted.ref.edition for wanted in self.staged))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """How an order ended; `digest` is the edition it named."""

    fence: int
    digest: str
    action: Action
    reason: str | None = None
    detail: str | None = None

    def to_json(self) -> Json:
        """As the heartbeat carries it."""
        body: Json = {"fence": self.fence, "digest": self.digest, "action": self.action.value}
        if self.reason is None:
            return body | {"outcome": "succeeded"}
        return body | {"outcome": "failed", "reason": self.reason, "detail": (self.detail or "")[:MAX_DETAIL]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleReport:
    """What is, of one module."""

    module: str
    fence: int
    active: str | None
    staged: tuple[str, ...]
    healthy: bool
    ack: Json | None

    def to_json(self) -> Json:
        """As the heartbeat carries it."""
        body: Json = {
            "module": self.module,
            "fence": self.fence,
            "active": self.active,
            "staged": list(self.staged),
            "healthy": self.healthy,
        }
        return body if self.ack is None else body | {"ack": self.ack}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a heartbeat. `revoked_keys` are ids of signing keys that count no more."""

    next_heartbeat_ms: int
    orders: tuple[Order, ...]
    revoked_keys: frozenset[str] = frozenset()


def report_json(
    *, interval: int, sent_at_ms: int, kernel_version: str, modules: Sequence[ModuleReport], windows: Sequence[Window]
) -> Json:
    """The body of one heartbeat."""
    return {
        "interval": interval,
        "sentAt": sent_at_ms,
        "kernelVersion": kernel_version,
        "modules": [module.to_json() for module in modules[:MAX_MODULES]],
        "windows": [_window_json(window) for window in windows],
    }


def parse_answer(body: object) -> Answer:
    """Read the answer to a heartbeat.

    Raises:
        ProtocolError: it is not what the contract says. The node then changes nothing.
    """
    fields = _mapping(body, "the answer")
    modules = fields.get("modules", [])
    if not isinstance(modules, list):
        raise ProtocolError("modules is not a list")
    revoked = fields.get("revokedKeys", [])
    if not isinstance(revoked, list) or not all(isinstance(key_id, str) for key_id in revoked):
        raise ProtocolError("revokedKeys is not a list of key ids")
    return Answer(
        next_heartbeat_ms=_integer(fields, "nextHeartbeatMs"),
        orders=tuple(_order(_mapping(module, "a module")) for module in modules),
        revoked_keys=frozenset(revoked),
    )


def ref_to_json(ref: ArtifactRef) -> Json:
    """An artifact as the node keeps it and as an answer carries it."""
    configured: Json = {"configuration": {"revision": ref.configuration}} if ref.configuration else {}
    return configured | {
        "digest": ref.digest,
        "version": ref.version,
        "size": ref.size,
        "signature": ref.signature,
        "keyId": ref.key_id,
    }


def ref_from_json(module: str, body: object) -> ArtifactRef:
    """Read an artifact; a missing signature or key is read as empty, because refusing it has its own reason.

    Raises:
        ProtocolError: a field is missing or of another kind.
    """
    fields = _mapping(body, "an artifact")
    if not is_version(fields.get("version")):
        raise ProtocolError("version is not a semantic version")
    return ArtifactRef(
        name=module,
        version=_text(fields, "version"),
        digest=_text(fields, "digest"),
        size=_integer(fields, "size"),
        signature=str(fields.get("signature") or ""),
        key_id=str(fields.get("keyId") or ""),
        configuration=_integer(_mapping(fields.get("configuration") or {"revision": 0}, "configuration"), "revision"),
    )


def _order(fields: Mapping[str, object]) -> Order:
    module = fields.get("module")
    if not is_name(module):
        raise ProtocolError("module is not a module's name")
    staged = fields.get("staged", [])
    if not isinstance(staged, list):
        raise ProtocolError("staged is not a list")
    active = fields.get("active")
    return Order(
        module=str(module),
        fence=_integer(fields, "fence"),
        active=None if active is None else _wanted(str(module), active),
        staged=tuple(_wanted(str(module), one) for one in staged),
        correlation_id=_correlation_id(fields.get("correlationId")),
    )


def _correlation_id(told: object) -> str:
    """It goes into logs and a header: whatever else it may be is left out."""
    return told if isinstance(told, str) and CORRELATION_ID.fullmatch(told) else ""


def _wanted(module: str, body: object) -> Wanted:
    fields = _mapping(body, "an artifact")
    url = fields.get("downloadUrl")
    values = _mapping(fields.get("configuration") or {}, "configuration").get("values")
    return Wanted(
        ref=ref_from_json(module, body),
        download_url=url if isinstance(url, str) else None,
        values=values if isinstance(values, dict) else None,
    )


def _window_json(window: Window) -> Json:
    body: Json = {
        "module": window.module,
        "digest": window.digest,
        "startedAt": window.started_at_ms,
        "endedAt": window.ended_at_ms,
        "requests": window.requests,
        "errors": window.errors,
        "latency": {str(bucket): count for bucket, count in sorted(window.latency.items())},
        "cpuMs": window.cpu_ms,
        "memoryBytes": window.memory_bytes,
        "crashes": window.crashes,
    }
    if window.counts:
        body["counts"] = dict(window.counts)
    if window.levels:
        body["levels"] = dict(window.levels)
    return body


def _mapping(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ProtocolError(f"{what} is not an object")
    return value


def _integer(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ProtocolError(f"{name} is not a whole number")
    return value


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise ProtocolError(f"{name} is not a string")
    return value
