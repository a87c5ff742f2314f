"""The dry run over HTTP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chalicelib.domain.module import signed_text
from chalicelib.usecases.ports import Add
from tests.builders import a_signing_key, a_version
from tests.fakes import fake_signature
from tests.routes.conftest import Api

PLAN = "/api/v1/deployments/plan"
POLICY = "/api/v1/clusters/Development/policy"
BODY = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development"}


def has_signed_version(api: Api) -> None:
    key, digest = a_signing_key(), "sha256:" + "b" * 64
    text = signed_text(module="payment-processor", version="2.0.0", digest=digest, size=48_213)
    signature = fake_signature(key.public_key, text)
    version = a_version(version="2.0.0", digest=digest, size=48_213, key_id=key.key_id, signature=signature)
    api.store.commit(Add(key), Add(version))


@pytest.fixture
def fleet(api: Api) -> Api:
    """Development with four nodes, and a version that is registered and signed."""
    has_signed_version(api)
    for number in range(4):
        api.has_node("Development", f"dev-{number:02d}")
    return api


def put_policy(api: Api, **changes: Any) -> None:
    api.ok("ada", "PUT", POLICY, {"strategy": {"kind": "Direct"}, **changes})


def test_a_plan_names_waves_nodes_times_transitions_and_cost_and_changes_nothing(fleet: Api) -> None:
    steps = [{"percent": 25, "bakeSeconds": 60, "bakeRequests": 100}, {"percent": 100, "bakeSeconds": 30}]
    put_policy(fleet, strategy={"kind": "Canary", "steps": steps}, approval={"required": True})
    fleet.token("vic")
    before = fleet.snapshot()

    answer = fleet.call("POST", PLAN, BODY, user="vic")

    assert (answer.status, fleet.snapshot()) == (200, before)
    plan = answer.json()
    (environment,) = plan["environments"]
    assert (plan["wouldRun"], plan["refusals"]) == (True, [])
    assert (environment["action"], environment["strategy"], environment["fleet"]) == ("change", "Canary", 4)
    assert environment["gate"] == {
        "approvers": 1,
        "rolesNeeded": [],
        "excludesPusher": True,
        "reasonRequired": False,
        "expiresSeconds": 86_400,
        "why": "The policy asks for it.",
    }
    shown = ("kind", "nodes", "nodeNames", "percentBp", "bakeSeconds", "bakeRequests")
    assert [tuple(wave[name] for name in shown) for wave in environment["waves"]] == [
        ("deploy", 1, ["dev-00"], 2_500, 60, 100),
        ("deploy", 3, ["dev-01", "dev-02", "dev-03"], 10_000, 30, 0),
    ]
    assert plan["stateTransitions"]["expected"] == 15 + 3 * 2
    assert (plan["plannedAt"], plan["earliestEnd"]) == ("2026-09-21T14:13:20.000Z", "2026-09-21T14:14:50.000Z")
    assert plan["worstCaseEnd"] > plan["earliestEnd"]
    assert len(environment["planHash"]) == 64


def test_the_estimate_adds_up_and_says_whose_prices_of_when_it_uses(fleet: Api) -> None:
    cost = fleet.ok("dana", "POST", PLAN, BODY)["cost"]

    lines = [Decimal(line["expectedUsd"]) for line in cost["prices"]]
    assert abs(Decimal(cost["expectedUsd"]) - sum(lines)) <= Decimal("0.000001") * len(lines)
    assert Decimal(cost["atMostUsd"]) >= Decimal(cost["expectedUsd"]) > 0
    assert (cost["region"], cost["pricesAsOf"]) == ("us-east-1", "2026-11")
    transitions = cost["prices"][0]
    assert (transitions["item"], transitions["usdPerMillion"]) == ("stateTransitions", "25.0000")
    assert all(line["source"].startswith("https://aws.amazon.com/") for line in cost["prices"])


def test_what_would_be_refused_says_why_and_has_no_end(fleet: Api) -> None:
    body = BODY | {"targetEnvironment": "QA"}

    plan = fleet.ok("dana", "POST", PLAN, body)

    assert (plan["wouldRun"], plan["earliestEnd"], plan["worstCaseEnd"]) == (False, None, None)
    assert [(refusal["code"], refusal["environment"]) for refusal in plan["refusals"]] == [("NO_NODES", "QA")]
    assert [environment["action"] for environment in plan["environments"]] == ["change", "refuse"]


def test_what_the_scan_would_refuse_is_in_the_plan(api: Api) -> None:
    api.has_version()
    api.has_node("Development", "dev-01")

    (refusal,) = api.ok("dana", "POST", PLAN, BODY)["refusals"]

    assert (refusal["code"], refusal["environment"]) == ("ARTIFACT_UNSIGNED", "Development")


def test_a_plan_of_a_version_nobody_registered_is_404(fleet: Api) -> None:
    assert fleet.call("POST", PLAN, BODY | {"version": "9.9.9"}, user="dana").status == 404


def test_the_plan_takes_the_same_body_as_a_deployment_and_refuses_the_same(fleet: Api) -> None:
    body = BODY | {"strategy": {"batch": "no", "maxSurge": 2}, "targetEnvironment": "Nowhere"}

    refused = [fleet.call("POST", path, body, user="dana").json() for path in (PLAN, "/api/v1/deployments")]

    fields = [sorted(error["field"] for error in problem["errors"]) for problem in refused]
    assert fields == [["strategy.batch", "strategy.maxSurge", "targetEnvironment"]] * 2
    (surge,) = [error for error in refused[0]["errors"] if error["field"] == "strategy.maxSurge"]
    assert "FIXED_FLEET" in surge["rule"]


def test_an_override_the_policy_does_not_allow_is_400_and_one_it_allows_is_in_the_plan(fleet: Api) -> None:
    put_policy(fleet, overridable=["kind", "batch"])

    refused = fleet.call("POST", PLAN, BODY | {"strategy": {"bakeSeconds": 1}}, user="dana")
    allowed = fleet.ok("dana", "POST", PLAN, BODY | {"strategy": {"kind": "Rolling", "batch": "50%"}})

    assert (refused.status, refused.json()["errors"][0]["field"]) == (400, "strategy.bakeSeconds")
    assert [wave["nodes"] for wave in allowed["environments"][0]["waves"]] == [2, 2]


def test_a_fleet_with_zones_goes_zone_by_zone(api: Api) -> None:
    has_signed_version(api)
    for number, zone in enumerate("abab"):
        api.has_node("Development", f"dev-{number:02d}", labels={"zone": zone})
    put_policy(api, strategy={"kind": "Direct", "byZone": True, "firstZoneBakeSeconds": 900})

    (environment,) = api.ok("dana", "POST", PLAN, BODY)["environments"]

    shown = [(wave["zone"], wave["nodeNames"], wave["bakeSeconds"]) for wave in environment["waves"]]
    assert shown == [("a", ["dev-00", "dev-02"], 900), ("b", ["dev-01", "dev-03"], 60)]
