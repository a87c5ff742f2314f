"""Policies of the demonstration: the delivered ones, with bakes short enough to watch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.local.api_client import ApiClient
from infra.local.fleet import ENVIRONMENTS

_PERCENTAGES = (10, 30, 50, 100)

# Bakes of seconds see dozens of requests, not thousands: enough for the slowest fifth, not for the slowest hundredth.
# And the fleet, its traffic and the control plane share this machine's cores: starting five nodes at once slows all
# of them down for a while, which says nothing about a version. Only differences beyond that count here.
_ANALYSIS = {
    "minRequests": 25,
    "minBaselineRequests": 30,
    "latencyQuantileBp": 8_000,
    "latencyFloorUs": 50_000,
    "cpuFloorBp": 2_000,
    "levelWindowMs": 1_000,
    "levelWindows": 2,
    "warmUpMs": 500,
}


def allow_first_install(admin: ApiClient, *, idle_heartbeat_ms: int = 1_000) -> None:
    """Until a version runs there is nobody to disturb and nothing to compare with: all nodes at once, nobody asked."""
    for environment in ENVIRONMENTS:
        changes = {
            "strategy": {"kind": "Direct", "bakeSeconds": 0},
            "approval": {"required": False},
            "idleHeartbeatMs": idle_heartbeat_ms,
        }
        change_policy(admin, environment, changes)


def shorten_policies(admin: ApiClient, *, production_bake_seconds: int, idle_heartbeat_ms: int = 2_000) -> None:
    """Policies of the same shape as the delivered ones, with bakes short enough to watch."""
    bake = production_bake_seconds
    steps = [{"percent": percent, "bakeSeconds": bake} for percent in _PERCENTAGES]
    short: dict[str, dict[str, Any]] = {
        "Development": {"strategy": {"kind": "Direct", "bakeSeconds": 0}},
        "QA": {"strategy": {"kind": "Rolling", "bakeSeconds": 0}},
        "Staging": {
            "strategy": {"kind": "BlueGreen", "bakeSeconds": 2},
            "analysis": _ANALYSIS,
            "approval": {"required": True},
        },
        "Production": {
            "strategy": {"kind": "Canary", "bakeSeconds": bake, "steps": steps},
            "analysis": _ANALYSIS,
            "approval": {"required": True},
        },
    }
    common = {"idleHeartbeatMs": idle_heartbeat_ms, "retentionSeconds": 30, "hold": {"stepSeconds": 2}}
    for environment, changes in short.items():
        change_policy(admin, environment, {**common, **changes})


def change_policy(admin: ApiClient, environment: str, changes: Mapping[str, Any]) -> None:
    """The policy in force with these fields replaced, as its next revision."""
    path = f"/api/v1/clusters/{environment}/policy"
    current = admin.get(path)
    for owned_by_server in ("environment", "revision", "changedBy", "changedAt"):
        current.pop(owned_by_server, None)
    admin.put(path, merged(current, changes))


def merged(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`current` with `changes` laid over it, objects within objects too."""
    result = dict(current)
    for name, value in changes.items():
        known = result.get(name)
        both = isinstance(value, Mapping) and isinstance(known, Mapping)
        result[name] = merged(known or {}, value) if both else value
    return result
