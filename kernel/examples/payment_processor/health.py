"""Whether this process can take charges."""

from __future__ import annotations

import os


def health() -> tuple[int, dict[str, str]]:
    """Status and body of the health check."""
    return 200, {"status": "ok", "version": os.environ.get("HOTSWAP_VERSION", "")}
