"""`hotswap.json`: what a module version says about itself. Pure."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from kernel.reasons import OrderError, Reason

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]")
# The pattern of semver.org, 2.0.0, without its groups.
VERSION = re.compile(
    r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)"
    r"(?:-(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
MAX_MANIFEST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A manifest all of whose fields keep their rules."""

    name: str
    version: str
    command: tuple[str, ...]
    health_path: str = "/health"
    smoke_path: str = "/health"
    start_timeout_ms: int = 10_000
    shutdown_grace_ms: int = 5_000
    metrics_path: str | None = None
    irreversible: bool = False


def parse_manifest(text: bytes) -> Manifest:
    """Read a manifest, refusing whatever the contract does not allow.

    Raises:
        OrderError: ARTIFACT_MANIFEST_INVALID; the detail names the field.
    """
    fields = _object(text)
    unknown = sorted(set(fields) - set(_RULES))
    if unknown:
        _refuse(unknown[0], "is not a field of a manifest")
    for field in ("name", "version", "command"):
        if field not in fields:
            _refuse(field, "is required")
    for field, value in fields.items():
        allowed, rule = _RULES[field]
        if not allowed(value):
            _refuse(field, rule)
    health_path = fields.get("healthPath", "/health")
    return Manifest(
        name=fields["name"],
        version=fields["version"],
        command=tuple(fields["command"]),
        health_path=health_path,
        smoke_path=fields.get("smokePath", health_path),
        start_timeout_ms=fields.get("startTimeoutMs", 10_000),
        shutdown_grace_ms=fields.get("shutdownGraceMs", 5_000),
        metrics_path=fields.get("metricsPath"),
        irreversible=fields.get("irreversible", False),
    )


def is_name(value: object) -> bool:
    """Whether this may be the name of a module."""
    return isinstance(value, str) and NAME.fullmatch(value) is not None


def is_version(value: object) -> bool:
    """Whether this is a semantic version 2.0.0."""
    return isinstance(value, str) and len(value) <= 256 and VERSION.fullmatch(value) is not None


# Any: the rules below, not the type checker, say what a field may hold.
def _object(text: bytes) -> dict[str, Any]:
    if len(text) > MAX_MANIFEST_BYTES:
        _refuse("hotswap.json", f"is longer than {MAX_MANIFEST_BYTES} bytes")
    try:
        value = json.loads(text.decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise OrderError(Reason.ARTIFACT_MANIFEST_INVALID, f"hotswap.json is not JSON: {error}") from error
    if not isinstance(value, dict):
        _refuse("hotswap.json", "is not a JSON object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may disagree on which of two equal keys counts; then the one that was checked is not the one used.
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _refuse(field: str, rule: str) -> NoReturn:
    raise OrderError(Reason.ARTIFACT_MANIFEST_INVALID, f"{field} {rule}")


def _between(low: int, high: int) -> tuple[Callable[[object], bool], str]:
    return (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"must be a whole number from {low} to {high}",
    )


def _is_command(value: object) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= 32
        and all(isinstance(word, str) and "\0" not in word for word in value)
        and value[0] != ""
    )


def _is_path(value: object) -> bool:
    return (
        isinstance(value, str)
        and value.startswith("/")
        and len(value) <= 2048
        and all("!" <= character <= "~" for character in value)
    )


_PATH: tuple[Callable[[object], bool], str] = (_is_path, "must begin with / and hold only visible ASCII characters")
_RULES: dict[str, tuple[Callable[[object], bool], str]] = {
    "name": (is_name, f"must match ^{NAME.pattern}$"),
    "version": (is_version, "must be a semantic version 2.0.0"),
    "command": (_is_command, "must be a list of 1 to 32 strings"),
    "healthPath": _PATH,
    "smokePath": _PATH,
    "metricsPath": _PATH,
    "startTimeoutMs": _between(100, 300_000),
    "shutdownGraceMs": _between(0, 300_000),
    # How the same artifact is a function of Lambda: no business of a kernel's.
    "lambda": (lambda value: isinstance(value, dict), "must be an object"),
    "irreversible": (lambda value: isinstance(value, bool), "must be true or false"),
}
