"""What follows when a deployment is over: what was taken back stays out, and what ran here lately may come back fast."""

from __future__ import annotations

from typing import Any

from tests.stories.nodes import Behaviour
from tests.stories.world import World

BAD = Behaviour(error_rate=0.2)
MODULE = "/api/v1/modules/payment-processor"


def refused(world: World, version: str) -> dict[str, Any]:
    """The problem a deployment to Production is answered with."""
    body = {
        "moduleName": "payment-processor",
        "version": version,
        "targetEnvironment": "Production",
        "hotfix": {"reason": "story", "skip": ["Development", "QA", "Staging"]},
    }
    answer = world.as_user("dana", "POST", "/api/v1/deployments", body)
    problem: dict[str, Any] = answer.json()
    assert answer.status == 409, problem
    return problem


def test_what_was_rolled_back_is_refused_with_its_reason_until_somebody_releases_it(world: World) -> None:
    world.has_nodes("Production", 10)
    world.runs("1.0.0")
    world.has_version("2.1.0", BAD)
    ended = world.run(world.deploy("2.1.0"), approve=True)
    assert ended["status"] == "RolledBack"

    problem = refused(world, "2.1.0")
    kept = world.ok("vic", "GET", f"{MODULE}/quarantine")["quarantines"]
    world.behaviours[world.digests["payment-processor", "2.1.0"]] = Behaviour()
    forbidden = world.as_user(
        "dana", "POST", f"{MODULE}/quarantine/Production/release", {"version": "2.1.0", "reason": "x"}
    )
    world.ok("amal", "POST", f"{MODULE}/quarantine/Production/release", {"version": "2.1.0", "reason": "cards fixed"})
    again = world.run(world.deploy("2.1.0"), approve=True)

    assert (problem["type"], problem["environment"]) == ("/problems/quarantined", "Production")
    assert problem["reason"] in problem["detail"]
    assert [(each["version"], each["environment"], each["releasedAt"]) for each in kept] == [
        ("2.1.0", "Production", None)
    ]
    assert kept[0]["executionId"] == ended["executionId"]
    assert [event["detail"]["version"] for event in world.events(ended["executionId"], "DigestQuarantined")] == [
        "2.1.0"
    ]
    assert forbidden.status == 403
    assert again["status"] == "Completed"
    released = world.ok("vic", "GET", f"{MODULE}/quarantine")["quarantines"][0]
    assert (released["releasedBy"], released["releaseReason"]) == ("amal", "cards fixed")
    actions = [
        record["action"]
        for record in world.ok("ada", "GET", "/api/v1/audit?subject=quarantine:payment-processor:Production")["records"]
    ]
    assert actions == ["QuarantineReleased"]


def test_what_an_administrator_keeps_out_of_everywhere_is_refused_when_it_is_asked_for(world: World) -> None:
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    everywhere = f"{MODULE}/versions/1.0.0/quarantine"
    world.ok("ada", "POST", everywhere, {"reason": "the key was stolen"})

    body = {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Development"}
    answer = world.as_user("dana", "POST", "/api/v1/deployments", body)
    none_made = world.ok("vic", "GET", "/api/v1/deployments")["deployments"]
    would = world.ok("dana", "POST", "/api/v1/deployments/plan", body)["refusals"]
    world.ok("ada", "POST", f"{everywhere}/release", {"reason": "it was not"})

    problem = answer.json()
    assert (answer.status, problem["type"], problem["environment"]) == (409, "/problems/quarantined", None)
    assert (problem["reason"], problem["detail"]) == (
        "the key was stolen",
        "1.0.0 is in quarantine: the key was stolen",
    )
    assert none_made == []
    assert [each["code"] for each in would] == ["ARTIFACT_QUARANTINED"]
    assert world.run(world.deploy("1.0.0", "Development"))["status"] == "Completed"


def test_what_people_roll_back_stays_out_as_well(world: World) -> None:
    world.has_nodes("Production", 4)
    world.runs("1.0.0")
    world.runs("2.0.0")

    done = world.run(_undo(world, "wrong fees"))

    assert done["status"] == "Completed"
    assert world.running() == ["1.0.0"] * 4
    assert "wrong fees" in refused(world, "2.0.0")["reason"]


def test_an_irreversible_version_pauses_where_another_would_be_taken_back(world: World) -> None:
    world.has_nodes("Production", 10)
    world.runs("1.0.0")
    world.has_version("2.1.0", BAD, irreversible=True)
    deployment = world.deploy("2.1.0")
    world.until_status(deployment, "PendingApproval")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {"reason": "story"})

    paused = world.until_status(deployment, "Paused", "RolledBack")
    reached = world.running().count("2.1.0")
    world.beats(5)

    production = next(each for each in paused["environments"] if each["environment"] == "Production")
    assert paused["status"] == "Paused"
    assert "irreversible" in production["message"]
    assert reached >= 1
    assert world.running().count("2.1.0") == reached
    assert len(world.events(deployment, "Paused")) == 1
    world.ok("dana", "POST", f"/api/v1/deployments/{deployment}/cancel", {"reason": "restored the backup"})
    assert world.run(deployment)["status"] == "Cancelled"
    assert world.running() == ["1.0.0"] * 10


def test_what_ran_here_within_the_rollback_window_comes_back_at_once_and_unasked(world: World) -> None:
    world.has_nodes("Production", 10)
    world.has_policy("Production", rollbackWindowSeconds=7 * 24 * 3600)
    world.runs("1.0.0")
    world.runs("2.0.0")

    back = world.run(_undo(world))

    production = next(each for each in back["environments"] if each["environment"] == "Production")
    assert back["status"] == "Completed"
    assert world.running() == ["1.0.0"] * 10
    assert (production["isReturn"], len(production["waves"]), production["waves"][0]["bakeSeconds"]) == (True, 1, 0)
    assert world.events(back["executionId"], "ApprovalRequested") == []


def _undo(world: World, reason: str = "fees") -> str:
    """Roll back what was deployed last."""
    latest = world.ok("vic", "GET", "/api/v1/deployments?limit=1")["deployments"][0]["executionId"]
    undo: str = world.ok("dana", "POST", f"/api/v1/deployments/{latest}/rollback", {"reason": reason})["executionId"]
    return undo
