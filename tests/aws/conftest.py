"""The template of an installation, made once for the whole run, and not again until something it is made of changes."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import package

STAGE = "prod"


@dataclass(frozen=True)
class Template:
    """A synthesized template and the zip that belongs to it."""

    content: dict[str, Any]
    file: Path
    zip: Path

    def all_of(self, kind: str) -> dict[str, dict[str, Any]]:
        """The properties of every resource of a type, by logical id."""
        found = self.content["Resources"].items()
        return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}

    def one(self, kind: str) -> dict[str, Any]:
        """The properties of the only resource of a type."""
        (found,) = self.all_of(kind).values()
        return found


def _made_of() -> str:
    digest = hashlib.sha256(package.fingerprint().encode())
    for file in sorted([*(package.HERE / "infra").rglob("*.py"), *(package.HERE / "infra").rglob("*.asl.json")]):
        if "local" not in file.parts:
            digest.update(file.read_bytes())
    digest.update((package.HERE / "uv.lock").read_bytes())
    return digest.hexdigest()[:16]


def synthesized(*, stage: str) -> Path:
    """The folder of the cloud assembly; one process makes it, the others wait."""
    package.BUILD.mkdir(exist_ok=True)
    out = package.BUILD / f"tested-{stage}-{_made_of()}"
    with (package.BUILD / "tested.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (out / "manifest.json").exists():
            for old in package.BUILD.glob(f"tested-{stage}-*"):
                shutil.rmtree(old)
            command = [sys.executable, "-m", "infra.main", "-c", f"stage={stage}", "--out", str(out)]
            done = subprocess.run(command, cwd=package.HERE, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-8_000:]
    return out


@pytest.fixture(scope="session")
def template() -> Template:
    out = synthesized(stage=STAGE)
    (file,) = out.glob("*.template.json")
    (packed,) = out.glob("asset.*.zip")
    return Template(json.loads(file.read_text()), file, packed)
