"""Task tokens: one per attempt, good for one answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import LocalCloud
from infra.local.timers import RealTimers
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import ROLE, Desk, a_cloud, a_token_task, bare_moto, eventually

RETRY = [{"ErrorEquals": ["TryAgain"], "IntervalSeconds": 60, "MaxAttempts": 2, "BackoffRate": 1}]


def code_of(call: Any, **arguments: Any) -> str:
    """The error code of a call, or OK."""
    try:
        call(**arguments)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def status(cloud: LocalCloud, arn: str) -> str:
    return str(cloud.describe_execution(arn)["status"])


@contextmanager
def moto_with_a_queue(task: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Bare moto, whose functions do not run: the token is sent to a queue. Gives the client and a token reader."""
    with bare_moto():
        queue = boto3.client("sqs", region_name="us-east-1")
        url = queue.create_queue(QueueName="tokens")["QueueUrl"]
        state = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {"QueueUrl": url, "MessageBody.$": "$$.Task.Token"},
            **task,
        }
        after = {"Type": "Wait", "Seconds": 3, "End": True}
        client = boto3.client("stepfunctions", region_name="us-east-1")
        machine = client.create_state_machine(
            name="m",
            roleArn=ROLE,
            definition=json.dumps({"StartAt": "Ask", "States": {"Ask": {**state, "Next": "After"}, "After": after}}),
        )
        client.start_execution(stateMachineArn=machine["stateMachineArn"], name="one")

        def next_token() -> str:
            got = eventually("a token", lambda: queue.receive_message(QueueUrl=url).get("Messages"))
            return str(got[0]["Body"])

        yield client, next_token


def test_moto_accepts_a_second_answer() -> None:
    with moto_with_a_queue({"TimeoutSeconds": 3}) as (client, next_token):
        token = next_token()
        answers = [code_of(client.send_task_success, taskToken=token, output="{}") for _ in range(2)]

    assert answers == ["OK", "OK"], "moto refuses the second answer now: drop the repair"


def test_moto_gives_a_retry_the_token_of_the_attempt_before() -> None:
    retry = [{"ErrorEquals": ["TryAgain"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    with moto_with_a_queue({"TimeoutSeconds": 3, "Retry": retry}) as (client, next_token):
        first = next_token()
        client.send_task_failure(taskToken=first, error="TryAgain")
        second = next_token()

    assert first == second, "moto gives each attempt its own token now: drop the repair"


def test_only_the_first_of_many_answers_counts(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        client, token = cloud.client("stepfunctions"), desk.tokens["one"][0]

        def answer(n: int) -> str:
            return code_of(client.send_task_success, taskToken=token, output=json.dumps({"n": n}))

        with ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(answer, range(8)))
        timers.wait_until_quiet()
        late = code_of(client.send_task_failure, taskToken=token, error="Late")
        output = json.loads(cloud.describe_execution(arn)["output"])

    assert sorted(codes) == ["OK", *["TaskTimedOut"] * 7]
    assert output["answer"]["n"] == codes.index("OK")
    assert late == "TaskTimedOut"


def test_each_attempt_has_its_own_token_and_the_old_one_is_refused(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task(Retry=RETRY)}, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        client = cloud.client("stepfunctions")
        client.send_task_failure(taskToken=desk.tokens["one"][0], error="TryAgain")
        assert timers.advance_to_next() == 60_000
        first, second = desk.tokens["one"]
        old = code_of(client.send_task_success, taskToken=first, output="{}")
        still_running = status(cloud, arn)
        new = code_of(client.send_task_success, taskToken=second, output="{}")
        timers.wait_until_quiet()

        assert (first != second, old, still_running, new) == (True, "TaskTimedOut", "RUNNING", "OK")
        assert status(cloud, arn) == "SUCCEEDED"


def test_a_handler_that_raises_leaves_no_open_token(tmp_path: Path) -> None:
    class TryAgain(Exception):
        pass

    desk, timers = Desk(), VirtualTime()

    def work(event: Any, context: Any) -> None:
        desk(event, context)
        if len(desk.tokens["one"]) == 1:
            raise TryAgain

    with a_cloud(tmp_path, {"Ask": a_token_task(Retry=RETRY)}, work, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        timers.advance_to_next()
        client = cloud.client("stepfunctions")
        first, second = desk.tokens["one"]
        assert code_of(client.send_task_success, taskToken=first, output="{}") == "TaskTimedOut"
        assert code_of(client.send_task_success, taskToken=second, output="{}") == "OK"
        timers.wait_until_quiet()
        assert status(cloud, arn) == "SUCCEEDED"


def test_the_token_of_a_failed_task_is_refused_in_the_states_after_it(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()

    def work(event: Any, context: Any) -> None:
        desk(event, context)
        if event["state"] == "Ask":
            raise ValueError("after the token was given away")

    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Instead"}]
    states = {"Ask": a_token_task(Catch=catch, End=None, Next="Instead"), "Instead": a_token_task()}
    with a_cloud(tmp_path, states, work, timers) as cloud:
        cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        first, second = desk.tokens["one"]
        client = cloud.client("stepfunctions")
        assert code_of(client.send_task_success, taskToken=first, output="{}") == "TaskTimedOut"
        assert code_of(client.send_task_success, taskToken=second, output="{}") == "OK"


def test_an_answer_from_inside_the_handler_counts(tmp_path: Path) -> None:
    timers = VirtualTime()
    clients: list[Any] = []

    def work(event: Any, context: Any) -> None:
        clients[0].send_task_success(taskToken=event["token"], output='"at once"')

    with a_cloud(tmp_path, {"Ask": a_token_task()}, work, timers) as cloud:
        clients.append(cloud.client("stepfunctions"))
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        assert json.loads(cloud.describe_execution(arn)["output"])["answer"] == "at once"


@pytest.mark.parametrize(("token", "code"), [("nonsense", "InvalidToken"), ("AQ" + "x" * 64, "TaskDoesNotExist")])
def test_unknown_tokens_are_refused_by_their_looks(tmp_path: Path, token: str, code: str) -> None:
    with a_cloud(tmp_path, {"Ask": a_token_task()}, Desk()) as cloud:
        client = cloud.client("stepfunctions")
        assert code_of(client.send_task_success, taskToken=token, output="{}") == code
        assert code_of(client.send_task_failure, taskToken=token) == code
        assert code_of(client.send_task_heartbeat, taskToken=token) == code


def test_an_answer_that_is_no_json_is_refused_and_the_task_goes_on_waiting(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        client, token = cloud.client("stepfunctions"), desk.tokens["one"][0]
        assert code_of(client.send_task_success, taskToken=token, output="{no json") == "InvalidOutput"
        assert status(cloud, arn) == "RUNNING"
        assert code_of(client.send_task_success, taskToken=token, output="{}") == "OK"


def test_heartbeats_keep_a_task_alive_and_their_absence_ends_it(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    task = a_token_task(TimeoutSeconds=1000, HeartbeatSeconds=60)
    with a_cloud(tmp_path, {"Ask": task}, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        client, token = cloud.client("stepfunctions"), desk.tokens["one"][0]
        for _ in range(3):
            timers.advance(59_000)
            client.send_task_heartbeat(taskToken=token)
            timers.wait_until_quiet()
        alive = status(cloud, arn)
        timers.advance(60_000)

        assert (alive, status(cloud, arn)) == ("RUNNING", "FAILED")
        assert code_of(client.send_task_heartbeat, taskToken=token) == "TaskTimedOut"


def test_heartbeats_do_not_stretch_the_time_out(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    task = a_token_task(TimeoutSeconds=100, HeartbeatSeconds=60)
    with a_cloud(tmp_path, {"Ask": task}, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        for _ in range(2):
            timers.advance(45_000)
            cloud.client("stepfunctions").send_task_heartbeat(taskToken=desk.tokens["one"][0])
            timers.wait_until_quiet()
        timers.advance(9_999)
        before = status(cloud, arn)
        timers.advance(1)

        assert (before, status(cloud, arn)) == ("RUNNING", "FAILED")


def test_answers_to_many_tokens_are_not_lost_while_others_start(tmp_path: Path) -> None:
    desk, timers = Desk(), RealTimers()
    with a_cloud(tmp_path, {"Ask": a_token_task(TimeoutSeconds=60)}, desk, timers) as cloud:
        client = cloud.client("stepfunctions")

        def ask_and_answer(n: int) -> str:
            arn = cloud.start_execution("machine", f"n{n}", {})
            token = eventually(f"the token of n{n}", lambda: desk.tokens.get(f"n{n}"))[0]
            client.send_task_success(taskToken=token, output="{}")
            return arn

        started = time.monotonic()
        with ThreadPoolExecutor(16) as pool:
            arns = list(pool.map(ask_and_answer, range(100)))
        timers.wait_until_quiet(30)
        assert {status(cloud, arn) for arn in arns} == {"SUCCEEDED"}
        assert time.monotonic() - started < 60
