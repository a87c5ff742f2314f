"""A run in which every function does everything it may: what is never called in it, no function needs to be allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from chalicelib import wiring
from chalicelib.domain.errors import Unavailable
from chalicelib.domain.waiting import Wait
from chalicelib.usecases.outbound_ports import Reply
from infra.local.repairs import task_tokens
from tests.aws.recorder import as_function
from tests.stories.functions import ALARM, FAILS_ITS_CHECK, WELL, Function
from tests.stories.nodes import Behaviour
from tests.stories.test_freezes import window
from tests.stories.world import World

URL = "https://hooks.example.com/ci"
FUNCTION_MODULE = "payment-function"
MONTH_MS = 31 * 24 * 3600 * 1000
SWEEP_MS = 60_000
FREEZE_MS = 12_000
"""An hour of policy time."""
MOST_SWEEPS = 12


@dataclass
class Receiver:
    """Somebody's endpoint: webhooks hear nothing; hooks say that their outcome will follow, when the machine waits for it."""

    asked: list[dict[str, Any]] = field(default_factory=list)

    def post(self, _url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Reply:
        told = json.loads(body)
        if "callId" not in told:
            return Reply(status=500, body=b"")
        self.asked.append(told)
        return Reply(status=200, body=b'{"status": "Pending"}')


class _Away:
    """Lambda, while it does not answer."""

    def read(self, function: str, _alias: str) -> NoReturn:
        raise Unavailable("Lambda", function)


class Day:
    """One installation from its first key to the change of its keys a month later."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.receiver = Receiver()
        self._versions = 0
        self._events = 0
        wiring.install(outbound=self.receiver, pause=lambda _s: None)

    def live(self) -> None:
        """All of it."""
        self._set_up()
        self._hooks_answer()
        self._hooks_call_back()
        self._hooks_fail_and_never_answer()
        self._events_and_webhooks()
        self._a_freeze_holds_up()
        self._nodes_fall_silent()
        self._the_next_version_supersedes()
        self._an_execution_is_lost()
        self._functions_of_users()
        self._people_look()
        self._keys_change()

    def _set_up(self) -> None:
        world = self.world
        world.call("GET", "/.well-known/jwks.json")
        world.ok("ada", "POST", "/api/v1/hooks/secret", {})
        world.has_nodes("Development", 2)
        # Two waves that are judged as soon as the smoke hook has answered.
        strategy = {"kind": "Rolling", "bakeSeconds": 0, "batch": 1}
        world.has_policy("Development", strategy=strategy, concurrency="supersede")

    def _hooks_answer(self) -> None:
        """The result of a smoke hook comes to the function `events`, which starts the next wave."""
        world = self.world
        world.run(self._deploy())
        world.has_policy("Development", smoke={"url": URL})
        theirs = {"function": "hotswap-hook-validation"}
        world.ok("ada", "PUT", "/api/v1/hooks", {"test": {"url": URL}, "validation": theirs})
        deployment = self._deploy()
        for _ in ("test", "smoke"):
            self._told(self._asked(), "Succeeded")
        # Their function does not exist, so validation fails at its end: the call is what matters here.
        world.run(deployment)

    def _hooks_call_back(self) -> None:
        """The same over HTTP."""
        self.world.ok("ada", "PUT", "/api/v1/hooks", {})
        deployment = self._deploy()
        asked = self._asked()
        self._a_step_is_late(deployment)
        self._call_back(asked)
        self.world.run(deployment)

    def _hooks_fail_and_never_answer(self) -> None:
        world = self.world
        world.has_policy("Development", smoke=None)
        world.ok("ada", "PUT", "/api/v1/hooks", {"test": {"url": URL, "timeoutSeconds": 90}})
        failing = self._deploy()
        self._told(self._asked(), "Failed")
        world.run(failing)
        silent = self._deploy()
        self._asked()
        self._sweep_until(lambda: world.get(silent)["status"] == "Failed", "the hook to time out")
        waiting = self._deploy()
        self._asked()
        world.ok("dana", "POST", f"/api/v1/deployments/{waiting}/cancel", {"reason": "second thoughts"})
        world.run(waiting)
        world.ok("ada", "PUT", "/api/v1/hooks", {})

    def _events_and_webhooks(self) -> None:
        world = self.world
        added = world.ok("ada", "POST", "/api/v1/webhooks", {"url": URL, "eventTypes": ["*"]})
        version = self._version()
        event = {"Source": "hotswap.requests", "DetailType": "DeploymentRequested", "EventBusName": "hotswap"}
        wanted = {"moduleName": "payment-processor", "version": version, "targetEnvironment": "Development"}
        for detail in ({}, wanted):
            world.cloud.client("events").put_events(Entries=[{**event, "Detail": json.dumps(detail)}])
            world.beats(6)
        self._sweep()
        self._sweep()
        world.as_user("ada", "DELETE", f"/api/v1/webhooks/{added['webhookId']}")

    def _a_freeze_holds_up(self) -> None:
        """Whoever begins to wait under a freeze is refused by the step that begins it."""
        world = self.world
        world.has_policy("Development", freezes=[window(world, 1)])
        frozen = self._deploy()
        world.until_status(frozen, "Queued")
        world.has_policy("Development", freezes=[])
        world.time.advance(FREEZE_MS)
        world.run(frozen)

    def _nodes_fall_silent(self) -> None:
        """Whom nobody hears of any more the sweep declares failed, and wakes the machine that waits for them."""
        deployment = self._deploy()
        self.world.until(lambda: self.world.events(deployment, "WaveStarted"), "the first wave")
        self._sweep()
        self.world.run(deployment)

    def _the_next_version_supersedes(self) -> None:
        older, newer = self._deploy(), self._deploy()
        for deployment in (older, newer):
            self.world.run(deployment)

    def _an_execution_is_lost(self) -> None:
        world = self.world
        deployment = self._deploy()
        # No node reports before it is stopped: two waves of two nodes may be over within one round of reports.
        world.settle()
        states = world.cloud.client("stepfunctions")
        machine = wiring.settings().state_machine_arn
        # The execution of the deployment before may be at its last step still.
        listed = states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]
        [running] = [execution for execution in listed if deployment in execution["name"]]
        states.stop_execution(executionArn=running["executionArn"])
        self._sweep_until(
            lambda: len(states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]),
            "it to go on",
        )
        world.run(deployment)

    def _functions_of_users(self) -> None:
        """A function's alias: its smoke hook is answered, never answered, and a version fails before it has traffic."""
        world = self.world
        function = Function(world)
        function.has_alarm(ALARM)
        function.becomes_a_node("Development", module=FUNCTION_MODULE, alarms=(ALARM,))
        self._function_version(WELL)
        path = f"/api/v1/modules/{FUNCTION_MODULE}/configuration/Development"
        world.ok("dana", "PUT", path, {"values": {"limit": 5}, "reason": "a first one"})
        hook = {"url": URL, "timeoutSeconds": 90}
        halves = {"kind": "Rolling", "bakeSeconds": 0, "batch": "50%"}
        world.has_policy("Development", smoke=hook, strategy=halves)
        answered = self._deploy_function(WELL)
        self._told(self._asked(), "Succeeded")
        world.run(answered)
        silent = self._deploy_function(WELL)
        self._asked()
        self._sweep_until(lambda: world.get(silent)["status"] == "RolledBack", "the hook to time out")
        world.run(self._deploy_function(FAILS_ITS_CHECK))
        self._an_order_to_an_alias_is_late()

    def _an_order_to_an_alias_is_late(self) -> None:
        """The look that is taken when the machine waits already is the one that tells it of the restored alias."""
        world = self.world
        cancelled = self._deploy_function(WELL)
        self._asked()
        reachable = wiring.alias_ports()
        wiring.install(alias_ports=replace(reachable, functions=_Away()))
        world.ok("dana", "POST", f"/api/v1/deployments/{cancelled}/cancel", {"reason": "second thoughts"})
        world.settle()
        wiring.install(alias_ports=reachable)
        world.cloud.fire("hotswap-lambda-nodes")
        world.run(cancelled)

    def _deploy_function(self, code: str) -> str:
        version = self._function_version(code)
        return self.world.deploy(version, "Development", module=FUNCTION_MODULE)

    def _function_version(self, code: str) -> str:
        version = f"2.{self._versions}.0"
        self._versions += 1
        manifest = {"lambda": {"handler": "work.handle", "runtime": "python3.11"}}
        files = {"work.py": f"{code}# {version}\n"}
        self.world.has_version(version, module=FUNCTION_MODULE, files=files, manifest=manifest)
        return version

    def _people_look(self) -> None:
        for path in ("/deployments?module=payment-processor", "/approvals/pending", "/audit/verify?subject=user:ada"):
            self.world.ok("ada", "GET", f"/api/v1{path}")

    def _keys_change(self) -> None:
        self.world.time.advance(MONTH_MS)
        self._sweep()

    def _deploy(self) -> str:
        return self.world.deploy(self._version(), "Development")

    def _version(self) -> str:
        self._versions += 1
        version = f"1.{self._versions}.0"
        self.world.has_version(version, Behaviour())
        return version

    def _asked(self) -> dict[str, Any]:
        """What the next hook is asked, once the machine waits for its outcome."""
        self.world.until(lambda: self.receiver.asked, "a hook to be asked")
        self.world.settle()
        return self.receiver.asked.pop()

    def _told(self, asked: dict[str, Any], status: str) -> None:
        """What the function `hooks` tells when an answer was slow."""
        result = {"kind": "hook", "id": asked["callId"], "status": status, "message": ""}
        self.world.cloud.invoke("events", {"source": "hotswap.calls", "detail": result})

    def _a_step_is_late(self, deployment: str) -> None:
        """It asks whether the machine still waits with the token that is stored, and drops its own."""
        wait = wiring.store().get(Wait, deployment)
        assert wait is not None
        late = {"state": str(wait.state), "input": {"deploymentId": deployment}, "execution": deployment}
        self.world.cloud.invoke("steps", {**late, "token": task_tokens.new_token()})

    def _call_back(self, asked: dict[str, Any]) -> None:
        path = asked["callbackUrl"].removeprefix(wiring.settings().public_url)
        answer = self.world.call("POST", path, json={"status": "Succeeded"}, token=asked["callbackToken"])
        assert answer.status == 200, answer.body

    def _sweep(self) -> None:
        self.world.settle()
        self.world.time.advance(SWEEP_MS)
        self.world.cloud.fire("hotswap-sweeps")
        self.world.settle()

    def _sweep_until(self, true: Any, what: str) -> None:
        for _ in range(MOST_SWEEPS):
            self._sweep()
            if true():
                return
        raise AssertionError(f"after {MOST_SWEEPS} sweeps still missing: {what}")


def first_key_by_hooks(world: World) -> None:
    """In an installation whose master key nobody has asked for yet, whoever makes the first call makes it."""
    client = world.cloud.client("secretsmanager")
    client.delete_secret(SecretId="hotswap/master-key", ForceDeleteWithoutRecovery=True)
    client.create_secret(Name="hotswap/master-key")
    wiring.install()
    with as_function("hooks"):
        wiring.master_key()()
