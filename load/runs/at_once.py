"""Many deployments in the same second, followed to their ends, and counted: none lost, none doubled."""

from __future__ import annotations

import time
from typing import Any

from infra.local.api_client import ApiClient
from load.runs import artillery
from load.runs.artillery import Heard
from load.runs.prepare import VERSIONS, Prepared

MOST_SECONDS_EACH = 4
"""A round may take so long for each of its deployments."""


def run_round(count: int, prepared: Prepared, *, running: dict[str, str]) -> tuple[Heard, dict[str, Any]]:
    """Deploy `count` modules at once and wait for every end. `running` says what each runs, and is kept up to date."""
    chosen = sorted(running)[:count]
    wanted = {name: next(each for each in VERSIONS if each != running[name]) for name in chosen}
    prepared.targets["modules"] = [{"name": name, "versions": [version]} for name, version in wanted.items()]
    prepared.write()
    client = prepared.client()
    before = {name: _count(client, name) for name in chosen}
    folder = prepared.file.parent / f"round-{count}"
    begun = time.monotonic()
    phases = [{"name": f"{count} at once", "duration": 1, "arrivalCount": count}]
    heard = artillery.run("at-once", phases, url=prepared.url, targets=prepared.file, folder=folder)
    ends = _ends(client, heard.created, begun=begun, seconds=60 + MOST_SECONDS_EACH * count)
    made = {name: _count(client, name) - before[name] for name in chosen}
    statuses = [end["status"] for end in ends.values()]
    running |= wanted
    return heard, {
        "atOnce": count,
        "accepted": len(heard.created),
        "lost": sum(made[name] < 1 for name in chosen) + len(heard.created) - len(ends),
        "doubled": sum(made[name] > 1 for name in chosen) + len(heard.created) - len(set(heard.created)),
        "notCompleted": count - statuses.count("Completed"),
        "because": _reasons(client, [each for each, end in ends.items() if end["status"] != "Completed"]),
        "timelinesWithGaps": sum(not _is_whole(client, each) for each in ends),
        "secondsToTheLastEnd": round(max((end["after"] for end in ends.values()), default=0.0), 1),
    }


def _reasons(client: ApiClient, deployments: list[str]) -> list[str]:
    """Why these did not complete, each reason once."""
    found = (client.get(f"/api/v1/deployments/{each}") for each in deployments)
    return sorted({f"{each['status']}: {(each['error'] or {}).get('message', '')}" for each in found})


def _count(client: ApiClient, module: str) -> int:
    return len(client.get(f"/api/v1/deployments?module={module}&limit=100")["deployments"])


def _ends(client: ApiClient, deployments: list[str], *, begun: float, seconds: float) -> dict[str, dict[str, Any]]:
    """How each ended and after how many seconds; asked once a second, so that asking is no load of its own."""
    found: dict[str, dict[str, Any]] = {}
    waiting = set(deployments)
    while waiting and time.monotonic() - begun < seconds:
        time.sleep(1.0)
        for page in _newest(client, len(deployments)):
            if page["executionId"] in waiting and page["endTime"] is not None:
                waiting.discard(page["executionId"])
                found[page["executionId"]] = {"status": page["status"], "after": time.monotonic() - begun}
    return found


def _newest(client: ApiClient, count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while len(rows) < count:
        page = client.get(f"/api/v1/deployments?limit=100{cursor}")
        rows += page["deployments"]
        if not page.get("cursor"):
            break
        cursor = f"&cursor={page['cursor']}"
    return rows


def _is_whole(client: ApiClient, deployment: str) -> bool:
    """Whether its timeline has no gap and begins once."""
    events: list[dict[str, Any]] = []
    while page := client.get(f"/api/v1/deployments/{deployment}/events?after={len(events)}")["events"]:
        events += page
    kinds = [event["type"] for event in events]
    return [event["seq"] for event in events] == list(range(1, len(events) + 1)) and kinds.count(
        "DeploymentCreated"
    ) == 1
