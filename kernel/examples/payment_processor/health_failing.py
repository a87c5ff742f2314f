"""Whether this process can take charges: it asks a risk service that was switched off, so it never can."""

from __future__ import annotations

import socket


def health() -> tuple[int, dict[str, str]]:
    """Status and body of the health check."""
    try:
        socket.socket(socket.AF_UNIX).connect("risk-service.sock")
    except OSError as error:
        return 503, {"status": "risk service unreachable", "cause": str(error)}
    return 200, {"status": "ok"}
