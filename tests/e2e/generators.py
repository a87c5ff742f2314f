"""Names and module versions that no two tests share."""

from __future__ import annotations

import itertools
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.api_client import ApiClient, upload
from infra.local.fleet import Signer
from kernel.examples.build import build, sign_artifact

_numbers = itertools.count(1)


def a_name(kind: str = "module") -> str:
    """A name nobody has: by process, count and chance, so that tests in other processes make others."""
    return f"{kind}-{os.getpid()}-{next(_numbers)}-{secrets.token_hex(2)}"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A version the API and every node accept."""

    module: str
    version: str
    digest: str


def publish(
    client: ApiClient,
    signer: Signer,
    folder: Path,
    *,
    module: str,
    version: str = "1.0.0",
    faults: tuple[str, ...] = (),
    manifest: dict[str, Any] | None = None,
) -> Published:
    """Build, sign, register and upload a version of the example program under a name of the test's own.

    `faults` are those of kernel/examples/build.py: what is wrong with it, and really is.
    """
    quick: dict[str, Any] = {"startTimeoutMs": 60_000, "shutdownGraceMs": 500}
    built = build(version, folder, faults=faults, name=module, manifest=quick | (manifest or {}))
    signature = sign_artifact(signer.key, built.name, built.version, built.digest, built.size)
    body = {
        "version": version,
        "digest": built.digest,
        "size": built.size,
        "signature": signature.signature,
        "keyId": signature.key_id,
    }
    registered = client.post(f"/api/v1/modules/{module}/versions", body)
    upload(registered["uploadUrl"], built.path.read_bytes())
    return Published(module=module, version=version, digest=built.digest)
