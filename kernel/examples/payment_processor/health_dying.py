"""Whether this process can take charges; reads a setting that this version's artifact does not carry."""

from __future__ import annotations

import json
from pathlib import Path

LIMITS = json.loads(Path("risk-limits.json").read_text())


def health() -> tuple[int, dict[str, str]]:
    """Status and body of the health check."""
    return 200, {"status": "ok", "limits": str(LIMITS)}
