"""The scheduled sweep: one pass of the reconciler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from chalicelib.usecases.ports import Ports
from chalicelib.usecases.reconcile import reconcile


def handle(_event: Mapping[str, Any], *, ports: Ports) -> dict[str, int]:
    """Reconcile everything that is open; returns what was done, by kind."""
    return asdict(reconcile(ports=ports))
