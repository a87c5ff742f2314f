"""Is an artifact what was registered? Digest, size, zip and manifest, with the named refusals of the contract.

Source: docs/contracts/artifact.md. Nodes check again with code of their own over the bytes they run.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import ArtifactRefused
from chalicelib.domain.module import MAX_ARTIFACT_BYTES, ModuleVersion, is_module_name, is_version

MANIFEST = "hotswap.json"
MAX_MANIFEST_BYTES = 64 * 1024
MAX_ENTRIES = 10_000
MAX_UNPACKED_BYTES = 500 * 1024 * 1024

_FIELDS = {"name", "version", "command", "healthPath", "smokePath", "startTimeoutMs", "shutdownGraceMs"}
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `hotswap.json` says, with its defaults filled in."""

    name: str
    version: str
    command: tuple[str, ...]
    health_path: str = "/health"
    smoke_path: str = "/health"
    start_timeout_ms: int = 10_000
    shutdown_grace_ms: int = 5_000


def check_artifact(content: bytes | None, registered: ModuleVersion) -> Manifest:
    """The manifest of bytes that are exactly what was registered.

    Raises:
        ArtifactRefused: with the first reason that applies.
    """
    if content is None:
        raise ArtifactRefused("ARTIFACT_MISSING", f"{registered.digest} was registered, but never uploaded")
    if len(content) > MAX_ARTIFACT_BYTES:
        raise ArtifactRefused("ARTIFACT_TOO_LARGE", f"more than {MAX_ARTIFACT_BYTES} bytes")
    if len(content) != registered.size:
        raise ArtifactRefused("ARTIFACT_SIZE_MISMATCH", f"{len(content)} bytes, registered were {registered.size}")
    actual = "sha256:" + hashlib.sha256(content).hexdigest()
    if actual != registered.digest:
        raise ArtifactRefused("ARTIFACT_DIGEST_MISMATCH", f"the bytes are {actual}, registered was {registered.digest}")
    manifest = _manifest(content)
    if (manifest.name, manifest.version) != (registered.module, registered.version):
        raise ArtifactRefused(
            "ARTIFACT_MANIFEST_MISMATCH",
            f"the manifest says {manifest.name} {manifest.version}, "
            f"registered was {registered.module} {registered.version}",
        )
    return manifest


def _manifest(content: bytes) -> Manifest:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_entries(archive.infolist())
            info = archive.NameToInfo.get(MANIFEST)
            if info is None:
                raise _invalid("there is no hotswap.json at the root")
            if info.file_size > MAX_MANIFEST_BYTES:
                raise _invalid(f"hotswap.json is larger than {MAX_MANIFEST_BYTES} bytes")
            with archive.open(info) as file:
                text = file.read(MAX_MANIFEST_BYTES + 1)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ArtifactRefused("ARTIFACT_NOT_A_ZIP", str(error)) from error
    return parse_manifest(text)


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise ArtifactRefused("ARTIFACT_TOO_LARGE", f"more than {MAX_ENTRIES} entries")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise ArtifactRefused("ARTIFACT_TOO_LARGE", f"more than {MAX_UNPACKED_BYTES} bytes unpacked")
    seen: set[str] = set()
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        folded = name.rstrip("/").casefold()
        kind = (entry.external_attr >> 16) & 0o170000
        unsafe = (
            name.startswith("/")
            or _DRIVE.match(name) is not None
            or ".." in name.split("/")
            or "\0" in entry.orig_filename
            or kind not in (0, 0o100000, 0o040000)
            or folded in seen
        )
        if unsafe:
            raise ArtifactRefused("ARTIFACT_UNSAFE_PATH", f"the entry {entry.filename!r} is not allowed")
        seen.add(folded)


def parse_manifest(text: bytes) -> Manifest:
    """The manifest in these bytes.

    Raises:
        ArtifactRefused: ARTIFACT_MANIFEST_INVALID, naming the field and its rule.
    """
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"hotswap.json is not JSON: {error}") from error
    if not isinstance(raw, dict):
        raise _invalid("hotswap.json is not an object")
    unknown = sorted(set(raw) - _FIELDS)
    if unknown:
        raise _invalid(f"unknown field '{unknown[0]}'")
    health = _path(raw, "healthPath", "/health")
    return Manifest(
        name=_text(raw, "name", is_module_name),
        version=_text(raw, "version", is_version),
        command=_command(raw),
        health_path=health,
        smoke_path=_path(raw, "smokePath", health),
        start_timeout_ms=_number(raw, "startTimeoutMs", 100, 10_000),
        shutdown_grace_ms=_number(raw, "shutdownGraceMs", 0, 5_000),
    )


def _text(raw: dict[str, Any], field: str, rule: Any) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not rule(value):
        raise _invalid(f"'{field}' is missing or breaks its rule")
    return value


def _path(raw: dict[str, Any], field: str, default: str) -> str:
    value = raw.get(field, default)
    if not isinstance(value, str) or not value.startswith("/"):
        raise _invalid(f"'{field}' must begin with '/'")
    return value


def _command(raw: dict[str, Any]) -> tuple[str, ...]:
    value = raw.get("command")
    if not isinstance(value, list) or not 1 <= len(value) <= 32 or not all(isinstance(p, str) and p for p in value):
        raise _invalid("'command' must be a list of 1 to 32 non-empty strings")
    return tuple(value)


def _number(raw: dict[str, Any], field: str, low: int, default: int) -> int:
    value = raw.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= 300_000:
        raise _invalid(f"'{field}' must be a whole number from {low} to 300000")
    return value


def _invalid(detail: str) -> ArtifactRefused:
    return ArtifactRefused("ARTIFACT_MANIFEST_INVALID", detail)
