"""Freezes over HTTP, on the real state machine: one that waits, one that refuses, one that is broken with a second person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.stories.world import World


def window(world: World, hours: int, **more: Any) -> dict[str, Any]:
    """From a few minutes ago for so many hours of policy time, in a time zone of its own."""
    now = datetime.fromtimestamp(world.time.policy_ms() // 1000, UTC) + timedelta(hours=9)
    begins, ends = (f"{now + delta:%Y-%m-%dT%H:%M}" for delta in (timedelta(minutes=-5), timedelta(hours=hours)))
    return {"name": "stocktaking", "timeZone": "Asia/Tokyo", "once": {"begins": begins, "ends": ends}, **more}


@pytest.fixture
def development(world: World) -> World:
    world.has_nodes("Development", 2)
    world.has_version("1.0.0")
    return world


def test_a_deployment_waits_until_the_freeze_is_over_and_then_completes(development):
    development.has_policy("Development", freezes=[window(development, 2)])

    deployment = development.deploy("1.0.0", "Development")
    waiting = development.until_status(deployment, "Queued")

    (environment,) = waiting["environments"]
    assert (environment["phase"], environment["frozenUntil"] is not None) == ("Frozen", True)
    assert "stocktaking" in environment["message"]
    assert development.running("Development") == [None, None]
    assert development.run(deployment)["status"] == "Completed"
    assert development.events(deployment, "FreezeMet")[0]["detail"]["until"] == environment["frozenUntil"]


def test_a_freeze_that_refuses_is_a_409_that_names_the_window_and_changes_nothing(development):
    development.has_policy("Development", freezes=[window(development, 2, then="refuse")])
    body = {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Development"}

    refused = development.as_user("dana", "POST", "/api/v1/deployments", body)
    plan = development.ok("dana", "POST", "/api/v1/deployments/plan", body)

    assert (refused.status, refused.json()["type"]) == (409, "/problems/frozen")
    assert refused.json()["window"] == "stocktaking"
    assert {refusal["code"] for refusal in plan["refusals"]} == {"FROZEN"}
    assert development.ok("vic", "GET", "/api/v1/deployments")["deployments"] == []


def test_breaking_the_glass_takes_a_reason_and_a_second_person(development):
    development.has_policy("Development", freezes=[window(development, 2, then="refuse")])

    deployment = development.deploy("1.0.0", "Development", breakGlass={"reason": "money is lost"})
    development.until_status(deployment, "PendingApproval")
    own = development.as_user("dana", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {})
    done = development.run(deployment, approve=True)

    assert own.status == 403
    assert (done["status"], done["breakGlassReason"]) == ("Completed", "money is lost")
    (event,) = development.events(deployment, "FreezeBroken")
    assert event["detail"] == {"name": "stocktaking", "verb": "start", "by": "dana", "reason": "money is lost"}
