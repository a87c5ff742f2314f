"""Where figures come from: commit, machine, command. Every file of results begins with it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "load" / "results"
MOST_BYTES = 300_000
"""A file of results is read by people and kept by git."""


def provenance(command: str) -> dict[str, Any]:
    """Commit, machine, command and the load of the machine before the run."""
    return {
        "command": command,
        "commit": _git("rev-parse", "HEAD"),
        "hasUncommittedChanges": bool(_git("status", "--porcelain", "--", "chalicelib", "infra", "kernel", "app.py")),
        "measuredAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": {
            "cores": os.cpu_count(),
            "processor": _processor(),
            "arch": platform.machine(),
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "loadAverageBefore": round(os.getloadavg()[0], 2),
        },
    }


def store(file: Path, whole: Mapping[str, Any]) -> None:
    """Write a file of results.

    Raises:
        ValueError: it is too long to be kept.
    """
    text = json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
    if len(text.encode()) > MOST_BYTES:
        raise ValueError(f"{file.name} would have {len(text)} bytes; leave something out")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    return done.stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
