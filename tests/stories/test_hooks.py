"""Hooks and webhooks through the whole system: signed, waited for, bounded, repeated; what is not heard is said again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib import wiring
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.seal import verify
from chalicelib.domain.webhook import Delivery, DeliveryStatus
from chalicelib.usecases.outbound_ports import Reply
from tests.stories.world import World

URL = "https://hooks.example.com/ci"
SUCCEEDED = {"status": "Succeeded", "message": "212 tests"}


@dataclass
class Receiver:
    """Somebody's endpoint: keeps what it was sent and answers as the story says, the last answer for ever."""

    answers: list[Any] = field(default_factory=lambda: [(200, SUCCEEDED)])
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        assert timeout_s > 0
        self.requests.append((url, dict(headers), body))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, said = answer
        return Reply(status=status, body=b"" if said is None else json.dumps(said).encode())

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.requests]


@pytest.fixture
def receiver(world: World) -> Receiver:
    found = Receiver()
    wiring.install(outbound=found, pause=lambda _s: None)
    return found


def asks(world: World, **targets: Any) -> None:
    world.ok("ada", "PUT", "/api/v1/hooks", {name: {"url": URL, **more} for name, more in targets.items()})


def stage(deployment: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in deployment["stages"] if each["name"] == name)
    return found


def started(world: World) -> str:
    world.has_nodes("Development", 2)
    world.has_version("1.0.0")
    return world.deploy("1.0.0", "Development")


def sweep_until(world: World, true: Callable[[], Any], *, rounds: int = 30) -> None:
    """Minutes go by, each with its sweep."""
    for _ in range(rounds):
        world.settle()
        if true():
            return
        world.time.advance(60_000)
        world.cloud.fire("hotswap-sweeps")
    raise AssertionError("it never came to that")


def test_a_test_hook_that_succeeds_lets_the_version_through_and_says_so(world, receiver):
    asks(world, test={})

    done = world.run(started(world))

    assert done["status"] == "Completed"
    assert stage(done, "Build")["status"] == "Succeeded"
    assert (stage(done, "Test")["status"], stage(done, "Test")["message"]) == (
        "Succeeded",
        "https://hooks.example.com/…: 212 tests",
    )
    [asked] = receiver.bodies()
    assert (asked["point"], asked["moduleName"], asked["version"]) == ("Test", "payment-processor", "1.0.0")
    assert asked["callId"] == f"{done['executionId']}.test.1"
    assert [hook["status"] for hook in done["hooks"]] == ["Succeeded"]
    assert "hsc_" not in json.dumps(done)


def test_every_stage_may_ask_and_nothing_configured_is_skipped(world, receiver):
    asks(world, build={}, test={}, validation={})
    done = world.run(started(world))
    assert [body["point"] for body in receiver.bodies()] == ["Build", "Test", "Validation"]
    assert done["status"] == "Completed"

    world.ok("ada", "PUT", "/api/v1/hooks", {})
    world.has_version("1.1.0")
    done = world.run(world.deploy("1.1.0", "Development"))

    assert stage(done, "Test")["status"] == "Skipped"
    assert len(receiver.requests) == 3


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, {"status": "Failed", "message": "3 of 212 failed"}), "3 of 212 failed"),
        ((200, {"ok": True}), "no status"),
        ((404, SUCCEEDED), "status 404"),
        ((302, None), "status 302"),
        (Unavailable("hooks.example.com: ConnectionRefusedError."), "ConnectionRefusedError"),
    ],
)
def test_a_test_hook_that_does_not_say_success_fails_the_deployment_before_any_node(world, receiver, answer, why):
    asks(world, test={})
    receiver.answers = [answer]

    done = world.run(started(world))

    assert (done["status"], done["error"]["code"]) == ("Failed", "HOOK_FAILED")
    assert why in stage(done, "Test")["message"]
    assert world.running("Development") == [None, None]


def test_a_hook_that_cannot_now_is_asked_again_with_the_same_id(world, receiver):
    asks(world, test={})
    receiver.answers = [(503, None), Unavailable("no"), (200, SUCCEEDED)]

    assert world.run(started(world))["status"] == "Completed"

    assert len(receiver.requests) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in receiver.requests}) == 1


def call_back(world: World, asked: dict[str, Any], status: str, *, token: str = "") -> Any:
    path = asked["callbackUrl"].removeprefix(wiring.settings().public_url)
    return world.call("POST", path, json={"status": status}, token=token or asked["callbackToken"])


def test_a_hook_may_call_back_once_with_the_token_of_its_call(world, receiver):
    asks(world, test={})
    receiver.answers = [(202, None)]
    deployment = started(world)
    world.settle()
    [asked] = receiver.bodies()
    assert stage(world.get(deployment), "Test")["status"] == "Running"

    forged = wiring.master_key()().callback_token(f"{deployment}.build.1")
    assert call_back(world, asked, "Succeeded", token=forged).status == 401
    assert call_back(world, asked, "TimedOut").status == 400
    assert call_back(world, asked, "Succeeded").status == 200
    assert call_back(world, asked, "Succeeded").status == 200, "the same outcome again changes nothing"
    assert call_back(world, asked, "Failed").status == 409

    assert world.run(deployment)["status"] == "Completed"
    assert len(world.events(deployment, "HookEnded")) == 1


def test_a_hook_that_never_calls_back_times_out(world, receiver):
    asks(world, test={"timeoutSeconds": 90})
    receiver.answers = [(202, None)]
    deployment = started(world)

    sweep_until(world, lambda: world.get(deployment)["status"] == "Failed", rounds=4)

    done = world.get(deployment)
    assert done["hooks"][0]["status"] == "TimedOut"
    assert "No outcome within 90 s" in done["error"]["message"]
    assert call_back(world, receiver.bodies()[0], "Succeeded").status == 409


def test_a_module_may_ask_somebody_else_than_the_others(world, receiver):
    asks(world, test={})
    own = "https://own.example.com/"
    world.ok("ada", "PUT", "/api/v1/modules/payment-processor/hooks", {"test": {"url": own}})

    world.run(started(world))

    assert [url for url, _, _ in receiver.requests] == [own]


def test_a_hook_that_was_cancelled_meanwhile_changes_nothing(world, receiver):
    asks(world, test={})
    receiver.answers = [(202, None)]
    deployment = started(world)
    world.settle()

    world.ok("dana", "POST", f"/api/v1/deployments/{deployment}/cancel", {})
    answered = call_back(world, receiver.bodies()[0], "Succeeded")

    assert answered.status == 200
    assert world.get(deployment)["status"] == "Cancelled"


def with_smoke(world: World, **policy: Any) -> str:
    world.has_nodes("Staging", 3)
    world.runs("1.0.0", "Staging")
    world.has_policy("Staging", smoke={"url": URL}, **policy)
    world.has_version("2.0.0")
    return world.deploy("2.0.0", "Staging")


def test_a_smoke_hook_that_fails_switches_nothing(world, receiver):
    receiver.answers = [(200, {"status": "Failed", "message": "no login"})]

    done = world.run(with_smoke(world), approve=True)

    assert (done["status"], done["error"]["code"]) == ("RolledBack", "SMOKE_FAILED")
    assert world.running("Staging") == ["1.0.0"] * 3
    assert [wave["kind"] for wave in done["environments"][-1]["waves"] if wave["startedAt"]] == ["stage"]
    assert receiver.bodies()[0]["environment"] == "Staging"


def test_a_wave_that_has_baked_waits_for_its_smoke_hook_and_then_goes_on(world, receiver):
    receiver.answers = [(202, None)]
    deployment = with_smoke(world)
    world.until(lambda: world.get(deployment)["status"] == "PendingApproval", "the question")
    world.ok("amal", "POST", f"/api/v1/approvals/deployments/{deployment}/approve", {})
    world.beats(30)
    assert world.running("Staging") == ["1.0.0"] * 3, "the bake is long over"

    assert call_back(world, receiver.bodies()[0], "Succeeded").status == 200

    assert world.run(deployment)["status"] == "Completed"
    assert world.running("Staging") == ["2.0.0"] * 3


# --- webhooks


def subscribe(world: World, *types: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = world.ok("ada", "POST", "/api/v1/webhooks", {"url": URL, "eventTypes": types, **more})
    return answer


def test_a_webhook_is_told_once_per_event_with_a_signature_that_verifies(world, receiver):
    receiver.answers = [(204, None)]
    webhook = subscribe(world, "DeploymentCreated", "DeploymentEnded")
    subscribe(world, "*", moduleName="another-module")

    deployment = started(world)
    world.run(deployment)

    world.settle()
    assert [body["type"] for body in receiver.bodies()] == ["DeploymentCreated", "DeploymentEnded"]
    for url, headers, body in receiver.requests:
        now = int(headers["webhook-timestamp"])
        assert url == URL
        assert verify(webhook["secret"], headers, body, now_s=now) == json.loads(body)["data"]["id"]
    listed = world.ok("vic", "GET", f"/api/v1/webhooks/{webhook['webhookId']}/deliveries")["deliveries"]
    assert {(each["status"], each["attempts"]) for each in listed} == {("Delivered", 1)}
    assert webhook["secret"] not in json.dumps(world.ok("vic", "GET", "/api/v1/webhooks"))


def test_an_event_that_arrives_twice_is_delivered_once(world, receiver):
    receiver.answers = [(204, None)]
    subscribe(world, "*")
    event = {"source": "hotswap", "detail-type": "Paused", "detail": {"id": "x#1", "moduleName": "payment-processor"}}

    for _ in range(2):
        world.cloud.invoke("events", event)
        world.settle()

    assert len(receiver.requests) == 1


def test_a_webhook_that_answers_500_is_told_again_with_the_same_id_until_it_hears(world, receiver):
    receiver.answers = [(500, None), Unavailable("down"), (204, None)]
    webhook = subscribe(world, "DeploymentEnded")
    world.run(started(world))
    where = f"/api/v1/webhooks/{webhook['webhookId']}/deliveries"

    sweep_until(world, lambda: world.ok("vic", "GET", where)["deliveries"][0]["status"] == "Delivered")

    assert len(receiver.requests) == 3
    assert len({(headers["webhook-id"], body) for _, headers, body in receiver.requests}) == 1
    assert len({headers["webhook-timestamp"] for _, headers, _ in receiver.requests}) == 3


def test_a_webhook_that_never_hears_is_given_up_and_lands_in_the_dead_letters(world, receiver):
    receiver.answers = [(500, None)]
    webhook = subscribe(world, "Paused")
    event = {"source": "hotswap", "detail-type": "Paused", "detail": {"id": "x#1", "moduleName": "payment-processor"}}
    world.cloud.invoke("events", event)

    for _ in range(6):
        world.settle()
        world.time.advance(43_200_000)
        world.cloud.fire("hotswap-sweeps")
    world.settle()

    [delivery] = wiring.store().list(Delivery, webhook["webhookId"])
    assert (delivery.status, delivery.attempt, delivery.message) == (DeliveryStatus.FAILED, 7, "Status 500.")
    queue = world.cloud.outputs["hotswap-dead-letters"]
    [letter] = world.cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(letter["Body"])["reason"]["webhookId"] == webhook["webhookId"]


def test_while_a_secret_is_being_changed_messages_verify_with_both(world, receiver):
    receiver.answers = [(204, None)]
    webhook = subscribe(world, "*")
    path = f"/api/v1/webhooks/{webhook['webhookId']}"
    newer = world.ok("ada", "POST", path + "/secret", {"overlapSeconds": 3600})["secret"]

    def send(number: int) -> tuple[dict[str, str], bytes]:
        detail = {"id": f"x#{number}", "moduleName": "payment-processor"}
        world.cloud.invoke("events", {"source": "hotswap", "detail-type": "Paused", "detail": detail})
        world.settle()
        return receiver.requests[-1][1:]

    headers, body = send(1)
    now = int(headers["webhook-timestamp"])
    assert verify(webhook["secret"], headers, body, now_s=now) == verify(newer, headers, body, now_s=now) == "x#1"
    world.time.advance(3_600_000)
    headers, body = send(2)

    assert len(headers["webhook-signature"].split(" ")) == 1
    assert verify(newer, headers, body, now_s=int(headers["webhook-timestamp"])) == "x#2"


def test_a_webhook_that_was_removed_is_told_of_nothing_more(world, receiver):
    receiver.answers = [(500, None)]
    webhook = subscribe(world, "*")
    event = {"source": "hotswap", "detail-type": "Paused", "detail": {"id": "x#1", "moduleName": "payment-processor"}}
    world.cloud.invoke("events", event)
    world.settle()

    assert world.as_user("ada", "DELETE", f"/api/v1/webhooks/{webhook['webhookId']}").status == 204
    world.time.advance(61_000)
    world.cloud.fire("hotswap-sweeps")
    world.settle()

    assert len(receiver.requests) == 1
