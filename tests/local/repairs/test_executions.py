"""Executions: names, stopping, ends, and what is left of them."""

from __future__ import annotations

import gc
import json
import threading
import weakref
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from infra.local.repairs.executions import StillRunningError
from infra.local.timers import RealTimers
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import ROLE, Desk, a_cloud, a_token_task, bare_moto, eventually

WAIT = {"Type": "Wait", "Seconds": 2, "End": True}


def a_bare_machine(states: dict[str, Any]) -> tuple[Any, str]:
    client = boto3.client("stepfunctions", region_name="us-east-1")
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    arn: str = client.create_state_machine(name="m", roleArn=ROLE, definition=definition)["stateMachineArn"]
    return client, arn


def test_moto_calls_every_unnamed_execution_none() -> None:
    with bare_moto():
        client, machine = a_bare_machine({"Wait": WAIT})
        name = client.start_execution(stateMachineArn=machine)["executionArn"].rsplit(":", 1)[1]

    assert name == "None", "moto draws a name now: drop the repair"


def test_an_unnamed_execution_gets_a_name_of_its_own(tmp_path: Path) -> None:
    with a_cloud(tmp_path, {"Wait": WAIT}, Desk()) as cloud:
        machine = cloud.outputs["machine"]
        client = cloud.client("stepfunctions")
        arns = {client.start_execution(stateMachineArn=machine)["executionArn"] for _ in range(3)}

    assert len(arns) == 3


def test_moto_cannot_show_a_start_time() -> None:
    with bare_moto():
        state = {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.StartTime"}, "End": True}
        client, machine = a_bare_machine({"P": state})
        arn = client.start_execution(stateMachineArn=machine, name="one")["executionArn"]
        (execution,) = stepfunctions_parser_backends["123456789012"]["us-east-1"]._get_executions()
        eventually("an end", lambda: execution.exec_status == "SUCCEEDED")

        with pytest.raises(TypeError, match="datetime is not JSON serializable"):
            client.describe_execution(executionArn=arn)


def test_the_start_time_is_iso_text(tmp_path: Path) -> None:
    timers = VirtualTime()
    states = {"P": {"Type": "Pass", "Parameters": {"at.$": "$$.Execution.StartTime"}, "End": True}}
    with a_cloud(tmp_path, states, Desk(), timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        at = json.loads(cloud.describe_execution(arn)["output"])["at"]

    assert at.endswith("Z")
    assert at[10] == "T"


def test_moto_leaves_a_stopped_token_wait_running() -> None:
    with bare_moto():
        queue = boto3.client("sqs", region_name="us-east-1")
        url = queue.create_queue(QueueName="q")["QueueUrl"]
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
            "TimeoutSeconds": 2,
            "End": True,
        }
        client, machine = a_bare_machine({"Ask": state})
        arn = client.start_execution(stateMachineArn=machine, name="one")["executionArn"]
        eventually("a token", lambda: queue.receive_message(QueueUrl=url).get("Messages"))
        client.stop_execution(executionArn=arn)

        assert client.describe_execution(executionArn=arn)["status"] == "RUNNING", "moto stops it now: drop the repair"


@pytest.mark.parametrize(
    "states",
    [
        {"Ask": a_token_task()},
        {"Ask": a_token_task(Catch=[{"ErrorEquals": ["States.ALL"], "Next": "Wait"}]), "Wait": WAIT},
        {"Wait": {**WAIT, "Seconds": 86_400}},
    ],
    ids=["token", "token with a catch", "wait"],
)
def test_a_stopped_execution_is_aborted_at_once_and_stays_so(tmp_path: Path, states: dict[str, Any]) -> None:
    desk, timers = Desk(), VirtualTime()
    with a_cloud(tmp_path, states, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        client = cloud.client("stepfunctions")
        client.stop_execution(executionArn=arn)
        timers.wait_until_quiet()
        assert client.describe_execution(executionArn=arn)["status"] == "ABORTED"
        for token in desk.tokens.get("one", []):
            with pytest.raises(ClientError, match="TaskTimedOut"):
                client.send_task_success(taskToken=token, output="{}")


def test_starting_twice_with_one_name_is_one_execution(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, desk, timers) as cloud:
        threads = [threading.Thread(target=cloud.start_execution, args=("machine", "one", {})) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        timers.wait_until_quiet()
        assert len(desk.tokens["one"]) == 1
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            cloud.start_execution("machine", "one", {"other": "input"})


def test_a_definition_that_breaks_outside_its_states_fails_instead_of_hanging(tmp_path: Path) -> None:
    timers = VirtualTime()
    states = {"First": {"Type": "Pass", "Next": "Nowhere"}}
    with a_cloud(tmp_path, states, Desk(), timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        assert cloud.describe_execution(arn)["status"] == "FAILED"


def environments() -> weakref.WeakSet[Environment]:
    """Those that are kept now. Others may still go: what came since a set was made is what is not in it."""
    gc.collect()
    return weakref.WeakSet(each for each in gc.get_objects() if type(each) is Environment)


def test_moto_keeps_what_an_ended_execution_worked_with() -> None:
    before = environments()
    with bare_moto():
        client, machine = a_bare_machine({"P": {"Type": "Pass", "End": True}})
        arn = client.start_execution(stateMachineArn=machine, name="one")["executionArn"]
        eventually("an end", lambda: client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")
        assert environments() - before, "moto lets it go now: drop the repair"


def test_an_ended_execution_keeps_its_answers_and_nothing_it_worked_with(tmp_path: Path) -> None:
    desk, timers, before = Desk(), VirtualTime(), environments()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, desk, timers) as cloud:
        client = cloud.client("stepfunctions")
        arns = [cloud.start_execution("machine", name, {"n": 1}) for name in ("done", "stopped")]
        timers.wait_until_quiet()
        running = client.get_execution_history(executionArn=arns[0])["events"]
        client.send_task_success(taskToken=desk.tokens["done"][0], output='{"yes": true}')
        client.stop_execution(executionArn=arns[1])
        timers.wait_until_quiet()
        left = len(environments() - before)
        done, stopped = (client.describe_execution(executionArn=arn) for arn in arns)
        history = client.get_execution_history(executionArn=arns[0])["events"]
        client.stop_execution(executionArn=arns[0])
        listed = {
            item["name"]: item["status"]
            for item in client.list_executions(stateMachineArn=cloud.outputs["machine"])["executions"]
        }
        with pytest.raises(ClientError, match="TaskTimedOut"):
            client.send_task_success(taskToken=desk.tokens["done"][0], output="{}")
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
            cloud.start_execution("machine", "done", {"n": 1})

    assert left == 0
    assert json.loads(done["output"]) == {"n": 1, "answer": {"yes": True}}
    assert listed == {"done": "SUCCEEDED", "stopped": "ABORTED"}
    assert stopped["status"] == "ABORTED"
    assert history[: len(running)] == running
    assert [event["id"] for event in history] == list(range(1, len(history) + 1))
    assert history[-1]["type"] == "ExecutionSucceeded"


def test_no_thread_outlives_the_cloud(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    for timers in (VirtualTime(), RealTimers()):
        with a_cloud(tmp_path, {"Ask": a_token_task(TimeoutSeconds=600)}, Desk(), timers) as cloud:
            for n in range(20):
                cloud.start_execution("machine", f"n{n}", {})
            cloud.start_execution("machine", "just started", {})

    assert {t for t in threading.enumerate() if t.is_alive()} <= before


def test_a_handler_that_does_not_return_is_named_at_the_end(tmp_path: Path) -> None:
    release = threading.Event()
    entered = threading.Event()

    def stuck(event: Any, context: Any) -> None:
        entered.set()
        release.wait(20)

    task = a_token_task()
    context = a_cloud(tmp_path, {"Ask": task}, stuck)
    cloud = context.__enter__()
    cloud.start_execution("machine", "stuck-one", {})
    assert entered.wait(10)
    with pytest.raises(StillRunningError, match="stuck-one"):
        cloud._running.stop_all(timeout_s=0.05)
    release.set()
    cloud.stop()


def test_two_hundred_executions_at_once(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    states = {
        "Ask": a_token_task(End=None, Next="Bake", TimeoutSeconds=900),
        "Bake": a_token_task(TimeoutSeconds=900, Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Done"}]),
        "Done": {"Type": "Succeed"},
    }
    with a_cloud(tmp_path, states, desk, timers) as cloud:
        arns = [cloud.start_execution("machine", f"n{n}", {}) for n in range(200)]
        timers.wait_until_quiet(30)
        for tokens in list(desk.tokens.values()):
            cloud.client("stepfunctions").send_task_success(taskToken=tokens[0], output="{}")
        timers.wait_until_quiet(30)
        timers.advance(900_000, timeout_s=30)
        statuses = [cloud.describe_execution(arn)["status"] for arn in arns]

    assert statuses == ["SUCCEEDED"] * 200
    assert all(len(tokens) == 2 for tokens in desk.tokens.values())
