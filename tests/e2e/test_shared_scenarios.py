"""Harmless scenarios on the system all tests of a run share: each brings modules of its own and meets none of the others'."""

from __future__ import annotations

import json
import time
import urllib.request

import pytest

from infra.local.api_client import ApiClient, ApiError
from tests.e2e.conditions import deployment_is, nodes_run
from tests.e2e.generators import a_name
from tests.e2e.mock_servers import HookEndpoint, OidcIssuer
from tests.e2e.shared import FLEET, SharedEnvironment
from tests.e2e.waiting import wait_for


def test_a_version_goes_through_every_environment_to_production_and_serves_there(shared: SharedEnvironment):
    client, module = shared.client, a_name()
    made = client.publish(module)

    deployment = client.deploy(module, made.version, "Production")
    done = wait_for(
        deployment_is(client, deployment, "Completed", approve=True), because="a version is promoted to Production"
    )

    assert [(each["environment"], each["strategy"], each["phase"]) for each in done["environments"]] == [
        ("Development", "Direct", "Promoted"),
        ("QA", "Rolling", "Promoted"),
        ("Staging", "BlueGreen", "Promoted"),
        ("Production", "Canary", "Promoted"),
    ]
    events = [event["type"] for event in client.events(deployment)]
    assert [events.count(each) for each in ("WaveStarted", "WaveDeployed", "VerdictReached")] == [7, 7, 7]
    assert events.count("ApprovalDecided") == 2
    for environment, names in FLEET.items():
        wait_for(nodes_run(client, environment, module, made.digest, *names), because=f"{environment} runs it")
        for node in client.cluster(environment)["nodes"]:
            with urllib.request.urlopen(f"{node['address']}/{module}/health", timeout=20) as answer:  # noqa: S310 (loopback)
                assert answer.status == 200


def test_a_version_that_cannot_start_is_taken_back_and_says_why(shared: SharedEnvironment):
    client, module = shared.client, a_name()
    made = client.publish(module, faults=("dies_at_start",))

    deployment = client.deploy(module, made.version, "Development")
    done = wait_for(deployment_is(client, deployment, "RolledBack"), because="a version that dies is taken back")

    assert done["error"]["code"] == "NODES_FAILED"
    failed = next(event for event in client.events(deployment) if event["type"] == "NodeFailed")
    assert failed["detail"]["reason"] == "START_FAILED"
    assert set(client.running("Development", module).values()) == {None}
    with pytest.raises(ApiError) as refused:
        client.deploy(module, made.version, "Development")
    assert refused.value.problem["type"] == "/problems/quarantined"


def test_a_hook_of_the_module_is_asked_over_http_and_its_no_ends_the_deployment(shared: SharedEnvironment):
    client, module = shared.client, a_name()
    made = client.publish(module)
    with HookEndpoint(answers=[(200, {"status": "Failed", "message": "3 of 212 tests"})]) as hook:
        client.admin.put(f"/api/v1/modules/{module}/hooks", {"test": {"url": hook.url}})

        deployment = client.deploy(module, made.version, "Development")
        done = wait_for(deployment_is(client, deployment, "Failed"), because="the hook says no")

    assert done["error"]["code"] == "HOOK_FAILED"
    assert "3 of 212 tests" in json.dumps(done["stages"])
    assert [(each.body["point"], each.body["executionId"]) for each in hook.received] == [("Test", deployment)]
    assert set(client.running("Development", module).values()) == {None}


def test_a_job_of_a_trusted_issuer_deploys_without_a_password(shared: SharedEnvironment):
    client, module, name = shared.client, a_name(), a_name("issuer")
    made = client.publish(module)
    with OidcIssuer(now_s=lambda: int(time.time())) as issuer:
        rule = {"claims": {"repository": ["acme/payments"]}, "roles": ["Deployer"], "environments": ["Development"]}
        trusted = {"name": name, "url": issuer.url, "audience": "hotswap", "rules": [rule]}
        client.admin.post("/api/v1/issuers", trusted)
        job = ApiClient(base_url=shared.url)
        job.token = job.post("/api/v1/authentication/exchange", {"idToken": issuer.token()})["accessToken"]

        body = {"moduleName": module, "version": made.version, "targetEnvironment": "Development"}
        deployment = job.post("/api/v1/deployments", body)["executionId"]
        done = wait_for(deployment_is(client, deployment, "Completed"), because="the job's deployment completes")

    assert "acme/payments" in done["requestedBy"]


def test_the_same_request_sent_twice_is_one_deployment(shared: SharedEnvironment):
    client, module = shared.client, a_name()
    made = client.publish(module)

    first = client.deploy(module, made.version, "Development", key=f"{module}-once")
    second = client.deploy(module, made.version, "Development", key=f"{module}-once")

    assert first == second
    listed = client.viewer.get(f"/api/v1/deployments?module={module}")["deployments"]
    assert [each["executionId"] for each in listed] == [first]
    wait_for(deployment_is(client, first, "Completed"), because="one deployment ran")
