"""Is an artifact what was registered? Digest, size, zip and manifest, with the named refusals of the contract.

Source: docs/contracts/artifact.md. Nodes check again with code of their own over the bytes they run.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.errors import ArtifactRefused
from chalicelib.domain.module import MAX_ARTIFACT_BYTES, ModuleVersion, is_module_name, is_version

MANIFEST = "hotswap.json"
MAX_MANIFEST_BYTES = 64 * 1024
MAX_ENTRIES = 10_000
MAX_UNPACKED_BYTES = 500 * 1024 * 1024

_FIELDS = {
    "name",
    "version",
    "command",
    "healthPath",
    "smokePath",
    "startTimeoutMs",
    "shutdownGraceMs",
    "metricsPath",
    "irreversible",
    "lambda",
}
DEFAULT_CHECK: Mapping[str, Any] = {"source": "hotswap.check"}
_HANDLER = re.compile(r"[^\s]{1,128}")
_RUNTIME = re.compile(r"[a-z][a-z0-9.]{1,31}")
_DRIVE = re.compile(r"[A-Za-z]:")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
# Damaged zips bring every one of these out of zipfile.
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionManifest:
    """How the artifact is a Lambda function; `check` is the event a version is called with before it has traffic."""

    handler: str
    runtime: str
    check: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_CHECK))


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What `hotswap.json` says, with its defaults filled in."""

    name: str
    version: str
    command: tuple[str, ...] = ()
    health_path: str = "/health"
    smoke_path: str = "/health"
    start_timeout_ms: int = 10_000
    shutdown_grace_ms: int = 5_000
    metrics_path: str | None = None
    irreversible: bool = False
    function: FunctionManifest | None = None

    @property
    def starts_with(self) -> str:
        """What runs it, in words."""
        ways = [self.command[0]] if self.command else []
        ways += [f"{self.function.handler} on {self.function.runtime}"] if self.function is not None else []
        return " or ".join(ways)


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
        _refuse_too_many_entries(content)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            _check_entries(archive.infolist())
            info = archive.NameToInfo.get(MANIFEST)
            if info is None:
                raise _invalid("there is no hotswap.json at the root")
            if info.file_size > MAX_MANIFEST_BYTES:
                raise _invalid(f"hotswap.json is larger than {MAX_MANIFEST_BYTES} bytes")
            with archive.open(info) as file:
                text = file.read(MAX_MANIFEST_BYTES + 1)
    except _UNREADABLE as error:
        raise ArtifactRefused("ARTIFACT_NOT_A_ZIP", str(error)) from error
    return parse_manifest(text)


def _refuse_too_many_entries(content: bytes) -> None:
    # zipfile makes an object of every entry before anybody can ask how many there are, so they are counted first.
    end = content.rfind(b"PK\x05\x06")
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    at, entries = max(end - size, 0), 0
    while entries <= MAX_ENTRIES and content[at : at + 4] == b"PK\x01\x02" and at + 46 <= end:
        entries += 1
        at += 46 + sum(struct.unpack_from("<3H", content, at + 28))
    if entries > MAX_ENTRIES:
        raise ArtifactRefused("ARTIFACT_TOO_LARGE", f"more than {MAX_ENTRIES} entries")


def _check_entries(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ENTRIES:
        raise ArtifactRefused("ARTIFACT_TOO_LARGE", f"more than {MAX_ENTRIES} entries")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise ArtifactRefused("ARTIFACT_TOO_LARGE", f"more than {MAX_UNPACKED_BYTES} bytes unpacked")
    if any(entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS for entry in entries):
        raise ArtifactRefused("ARTIFACT_NOT_A_ZIP", "an entry is encrypted, or neither stored nor deflated")
    seen: set[tuple[str, ...]] = set()
    files: set[tuple[str, ...]] = set()
    for entry in entries:
        place = _place(entry)
        if place is None or place in seen:
            raise _unsafe(entry.orig_filename)
        seen.add(place)
        if not entry.is_dir():
            files.add(place)
    for place in seen:
        if not files.isdisjoint(_above(place)):
            raise _unsafe("/".join(place))


def _place(entry: zipfile.ZipInfo) -> tuple[str, ...] | None:
    """Where an entry would be written, alike for names a file system may take for the same; None where it may not be.

    The original name counts: zipfile cuts the other one at a zero byte, and what is checked must be what is written.
    """
    name = entry.orig_filename
    parts = name.removesuffix("/").split("/")
    kind = (entry.external_attr >> 16) & 0o170000
    if (
        kind not in (0, 0o100000, 0o040000)
        or len(name) > 1024
        or "\\" in name
        or _DRIVE.match(name) is not None
        or any(character < " " or "\ud800" <= character <= "\udfff" for character in name)
        or any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts)
    ):
        return None
    return tuple(unicodedata.normalize("NFC", part).casefold() for part in parts)


def _above(place: tuple[str, ...]) -> Iterable[tuple[str, ...]]:
    return (place[:length] for length in range(1, len(place)))


def _unsafe(name: str) -> ArtifactRefused:
    return ArtifactRefused("ARTIFACT_UNSAFE_PATH", f"the entry {name[:200]!r} is not allowed")


def parse_manifest(text: bytes) -> Manifest:
    """The manifest in these bytes.

    Raises:
        ArtifactRefused: ARTIFACT_MANIFEST_INVALID, naming the field and its rule.
    """
    try:
        raw = json.loads(text.decode(), object_pairs_hook=_once)
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
        function=_function(raw),
        health_path=health,
        smoke_path=_path(raw, "smokePath", health),
        start_timeout_ms=_number(raw, "startTimeoutMs", 100, 10_000),
        shutdown_grace_ms=_number(raw, "shutdownGraceMs", 0, 5_000),
        metrics_path=_path(raw, "metricsPath", "") if "metricsPath" in raw else None,
        irreversible=_flag(raw, "irreversible"),
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may disagree on which of two equal keys counts; nodes refuse them, too.
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands twice")
    return found


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
    if "command" not in raw and "lambda" in raw:
        return ()
    value = raw.get("command")
    if not isinstance(value, list) or not 1 <= len(value) <= 32 or not all(isinstance(p, str) and p for p in value):
        raise _invalid("'command' must be a list of 1 to 32 non-empty strings")
    return tuple(value)


def _function(raw: dict[str, Any]) -> FunctionManifest | None:
    if "lambda" not in raw:
        return None
    value = raw["lambda"]
    if not isinstance(value, dict) or set(value) - {"handler", "runtime", "check"}:
        raise _invalid("'lambda' must be an object of handler, runtime and, if wanted, check")
    handler, runtime, check = value.get("handler"), value.get("runtime"), value.get("check", dict(DEFAULT_CHECK))
    if not isinstance(handler, str) or not _HANDLER.fullmatch(handler):
        raise _invalid("'lambda.handler' must be 1 to 128 characters without spaces")
    if not isinstance(runtime, str) or not _RUNTIME.fullmatch(runtime):
        raise _invalid("'lambda.runtime' must be the name of a runtime, such as python3.13")
    if not isinstance(check, dict):
        raise _invalid("'lambda.check' must be an object: the event of the check")
    return FunctionManifest(handler=handler, runtime=runtime, check=check)


def _flag(raw: dict[str, Any], field: str) -> bool:
    value = raw.get(field, False)
    if not isinstance(value, bool):
        raise _invalid(f"'{field}' must be true or false")
    return value


def _number(raw: dict[str, Any], field: str, low: int, default: int) -> int:
    value = raw.get(field, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= 300_000:
        raise _invalid(f"'{field}' must be a whole number from {low} to 300000")
    return value


def _invalid(detail: str) -> ArtifactRefused:
    return ArtifactRefused("ARTIFACT_MANIFEST_INVALID", detail)
