"""One id from the request to the node and back: whoever has it finds everything that belongs to a deployment."""

from __future__ import annotations

import json

import pytest

from chalicelib import wiring
from chalicelib.routes import events_in
from tests.stories.nodes import Behaviour
from tests.stories.test_hooks import Receiver, asks
from tests.stories.world import World

ID = "pipeline-1234:build-7"


@pytest.fixture
def receiver(world: World) -> Receiver:
    found = Receiver()
    wiring.install(outbound=found, pause=lambda _s: None)
    return found


def lines_of(written: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.splitlines() if line.startswith("{")]


def test_one_id_goes_from_the_request_through_execution_hooks_events_and_nodes_and_back(world, receiver, capsys):
    asks(world, test={})
    hook = {"url": "https://ops.example.com/told", "eventTypes": ["DeploymentEnded"]}
    world.ok("ada", "POST", "/api/v1/webhooks", hook)
    nodes = world.has_nodes("Development", 2)
    world.has_version("1.0.0")
    capsys.readouterr()

    asked = {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Development"}
    accepted = world.ok("dana", "POST", "/api/v1/deployments", asked, **{"X-Correlation-Id": ID})
    done = world.run(accepted["executionId"])
    world.settle()

    assert (done["status"], done["correlationId"]) == ("Completed", ID)
    assert [headers["X-Correlation-Id"] for _, headers, _ in receiver.requests] == [ID, ID]
    asked_hook, told = receiver.bodies()
    assert (asked_hook["correlationId"], told["data"]["correlationId"]) == (ID, ID)
    assert [node.correlation_ids for node in nodes] == [{ID}, {ID}]
    lines = [line for line in lines_of(capsys.readouterr().out) if line.get("correlationId") == ID]
    names = {str(line.get("message", "metric")) for line in lines}
    timeline = {event["type"] for event in world.events(done["executionId"])}
    assert timeline | {"NodeAnswered", "CallMade", "metric"} <= names
    assert {line["nodeId"] for line in lines if line.get("message") == "NodeAnswered"} == {n.node_id for n in nodes}
    history = world.cloud.client("stepfunctions").list_executions(
        stateMachineArn=world.cloud.outputs["hotswap-deployment"]
    )["executions"]
    started = world.cloud.client("stepfunctions").describe_execution(executionArn=history[0]["executionArn"])
    assert json.loads(started["input"])["correlationId"] == ID
    assert json.loads(started["output"])["correlationId"] == ID


def test_who_says_nothing_that_can_be_an_id_is_known_by_the_id_of_the_request_or_of_the_event(world):
    world.has_nodes("Development", 1)
    world.has_version("1.0.0")
    body = {"moduleName": "payment-processor", "version": "1.0.0", "targetEnvironment": "Development"}

    for said in ("", "short", "with space in it", "x" * 65):
        headers = {"X-Correlation-Id": said} if said else {}
        answer = world.as_user("dana", "POST", "/api/v1/deployments", body, **headers)
        assert world.get(answer.json()["executionId"])["correlationId"] == answer.header("X-Request-Id"), said
    event = {"source": "hotswap.requests", "detail-type": "DeploymentRequested", "id": "6a7e8feb-b491", "detail": body}
    made = events_in.handle(event, ports=wiring.ports(), dead_letters=wiring.dead_letters())

    assert world.get(made["executionId"])["correlationId"] == "6a7e8feb-b491"


def test_what_is_decided_is_measured_once(world, capsys):
    world.has_nodes("Production", 5)
    world.runs("1.0.0")
    world.has_version("2.1.0", Behaviour(error_rate=0.2))
    capsys.readouterr()

    done = world.run(world.deploy("2.1.0"), approve=True)

    assert done["status"] == "RolledBack"
    written = [line for line in lines_of(capsys.readouterr().out) if "_aws" in line]
    ended = [line for line in written if "DeploymentsEnded" in line]
    assert [(line["Status"], line["DeploymentsEnded"]) for line in ended] == [("RolledBack", [1.0])]
    assert [line["Decision"] for line in written if "Verdicts" in line] == ["rollback"]
    (latency,) = [line["RollbackLatency"] for line in written if "RollbackLatency" in line]
    (restored,) = world.events(done["executionId"], "RestoreEnded")
    assert latency == [float(restored["detail"]["milliseconds"])]
