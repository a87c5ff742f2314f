"""What tests wait for. Each condition is a function that says what is missing."""

from __future__ import annotations

import urllib.request
from typing import Any

from chalicelib.domain.deployment import ENDS
from tests.e2e.client import TestClient
from tests.e2e.generators import Published
from tests.e2e.waiting import CannotCome, Condition, Missing, wait_for

_ENDS = {str(status) for status in ENDS}


def api_answers(url: str) -> Condition:
    """The API says that it is well."""

    def look() -> Any:
        with urllib.request.urlopen(f"{url}/health", timeout=20) as answer:  # noqa: S310 (loopback)
            return answer.status

    return look


def deployment_is(client: TestClient, deployment: str, *statuses: str, approve: bool = False) -> Condition:
    """One of these statuses, or any end when none is named; answers with the deployment. May say yes on the way."""
    wanted = set(statuses) or _ENDS

    def look() -> Any:
        found = client.deployment(deployment)
        status = found["status"]
        if status in wanted:
            return found
        if status in _ENDS:
            raise CannotCome(f"{deployment} ended {status}, not {sorted(wanted)}: {found.get('error')}")
        if approve and status == "PendingApproval":
            client.approve(deployment)
        where = next((each for each in found["environments"] if each["phase"] not in ("Promoted", "Skipped")), {})
        return Missing(f"{deployment} is {status} ({where.get('environment')} {where.get('phase')})")

    return look


def nodes_run(client: TestClient, environment: str, module: str, digest: str | None, *names: str) -> Condition:
    """These nodes (all, when none is named) run this digest of a module; None: nothing of it."""

    def look() -> Any:
        running = client.running(environment, module)
        others = {name: running.get(name) for name in names or running if running.get(name) != digest}
        if not running or others:
            return Missing(f"{module} {digest} on {others or 'any node'}")
        return running

    return look


def nodes_are(client: TestClient, environment: str, state: str, *names: str) -> Condition:
    """These nodes are Healthy, Unhealthy or Silent."""

    def look() -> Any:
        states = {node["name"]: node["state"] for node in client.cluster(environment)["nodes"]}
        others = {name: states.get(name, "not enrolled") for name in names if states.get(name) != state}
        return Missing(f"{state}: {others}") if others else states

    return look


def completed(client: TestClient, made: Published, environment: str = "Development") -> dict[str, Any]:
    """Deploy a version and wait until it is done; the deployment."""
    deployment = client.deploy(made.module, made.version, environment)
    done: dict[str, Any] = wait_for(
        deployment_is(client, deployment, "Completed"), because=f"{made.version} comes to its nodes"
    )
    return done


def event_happened(client: TestClient, deployment: str, kind: str) -> Condition:
    """An event of this type stands in the timeline; answers with the first."""

    def look() -> Any:
        events = client.events(deployment)
        found = next((event for event in events if event["type"] == kind), None)
        return found or Missing(f"{kind} after {[event['type'] for event in events][-4:]}")

    return look
