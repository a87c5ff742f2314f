"""Time in executions: virtual in stories, scaled for policy waits, real for machine waits."""

from __future__ import annotations

import gc
import json
import threading
import time
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.stepfunctions.parser.asl.eval.environment import Environment

from infra.local.timers import RealTimers, StillBusyError
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import ROLE, Desk, a_cloud, a_token_task, bare_moto, eventually

LAMBDA = "arn:aws:states:::lambda:invoke"
LATE = [{"ErrorEquals": ["States.Timeout"], "ResultPath": "$.failure", "Next": "Late"}]
LATE_STATE = {"Type": "Pass", "Result": {"late": True}, "End": True}


def test_moto_waits_on_the_real_clock() -> None:
    with bare_moto():
        client = boto3.client("stepfunctions", region_name="us-east-1")
        definition = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}})
        machine = client.create_state_machine(name="m", roleArn=ROLE, definition=definition)["stateMachineArn"]
        started = time.monotonic()
        arn = client.start_execution(stateMachineArn=machine, name="one")["executionArn"]
        eventually("an end", lambda: client.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")

    assert time.monotonic() - started >= 0.9


def test_fifteen_minutes_of_token_time_out_take_no_time(tmp_path: Path) -> None:
    desk, timers = Desk(), VirtualTime()
    states = {"Ask": a_token_task(TimeoutSecondsPath="$.left", Catch=LATE), "Late": LATE_STATE}
    with a_cloud(tmp_path, states, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {"left": 900})
        timers.wait_until_quiet()
        started = time.monotonic()
        timers.advance(899_999)
        before = cloud.describe_execution(arn)["status"]
        timers.advance(1)
        after = cloud.describe_execution(arn)
        took = time.monotonic() - started

    assert (before, after["status"], json.loads(after["output"])) == ("RUNNING", "SUCCEEDED", {"late": True})
    assert took < 1.0


def test_a_whole_story_of_deadlines_happens_in_order(tmp_path: Path) -> None:
    """A wait, two failing attempts with their pauses, a token that times out: each at its own virtual moment."""
    timers = VirtualTime()
    start_ms = timers.now_ms()
    moments: list[tuple[str, int]] = []

    class FlakyError(Exception):
        pass

    def work(event: Any, context: Any) -> None:
        moments.append((event["state"], timers.now_ms() - start_ms))
        if event["state"] == "Flaky" and len([m for m in moments if m[0] == "Flaky"]) < 3:
            raise FlakyError

    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": "${WorkArn}", "Payload": {"state.$": "$$.State.Name"}},
    }
    states = {
        "Pause": {"Type": "Wait", "Seconds": 30, "Next": "Flaky"},
        "Flaky": {
            **call,
            "Retry": [{"ErrorEquals": ["FlakyError"], "IntervalSeconds": 10, "MaxAttempts": 3, "BackoffRate": 2}],
            "Next": "Ask",
        },
        "Ask": a_token_task(TimeoutSeconds=600, Catch=LATE, End=None, Next="Late"),
        "Late": {**call, "End": True},
    }
    with a_cloud(tmp_path, states, work, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.advance(3_600_000)
        assert cloud.describe_execution(arn)["status"] == "SUCCEEDED"

    assert moments == [("Flaky", 30_000), ("Flaky", 40_000), ("Flaky", 60_000), ("Ask", 60_000), ("Late", 660_000)]


def test_a_state_machine_time_out_ends_what_waits(tmp_path: Path) -> None:
    timers = VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, Desk(), timers, TimeoutSeconds=60) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.advance(60_000)
        assert cloud.describe_execution(arn)["status"] == "TIMED_OUT"


@pytest.mark.parametrize("offset", ["Z", "+02:00"])
def test_a_timestamp_is_read_with_its_zone_and_fraction(tmp_path: Path, offset: str) -> None:
    timers = VirtualTime()
    hour = "11" if offset == "+02:00" else "09"
    states = {"W": {"Type": "Wait", "TimestampPath": "$.at", "End": True}}
    with a_cloud(tmp_path, states, Desk(), timers) as cloud:
        arn = cloud.start_execution("machine", "one", {"at": f"2026-01-05T{hour}:00:01.500{offset}"})
        passed = timers.advance_to_next()
        assert (passed, cloud.describe_execution(arn)["status"]) == (1_500, "SUCCEEDED")


def test_policy_waits_are_scaled_and_machine_waits_are_not(tmp_path: Path) -> None:
    timers = RealTimers(time_scale=10_000)
    states = {
        "Bake": a_token_task(TimeoutSecondsPath="$.left", Catch=LATE, End=None, Next="Late"),
        "Late": a_token_task(TimeoutSeconds=1, ResultPath=None, Catch=[{**LATE[0], "Next": "End"}]),
        "End": LATE_STATE,
    }
    with a_cloud(tmp_path, states, Desk(), timers) as cloud:
        started = time.monotonic()
        arn = cloud.start_execution("machine", "one", {"left": 900})
        eventually("an end", lambda: cloud.describe_execution(arn)["status"] == "SUCCEEDED")
        took = time.monotonic() - started

    # 0.09 s of policy time, one whole second of machine time
    assert 1.0 <= took < 5.0


def test_a_handler_that_hangs_runs_into_the_machine_time_out(tmp_path: Path) -> None:
    release, timers = threading.Event(), RealTimers()
    tokens: list[str] = []

    def work(event: Any, context: Any) -> None:
        tokens.append(event["token"])
        release.wait(20)

    states = {"Ask": a_token_task(TimeoutSeconds=1, Catch=LATE), "Late": LATE_STATE}
    with a_cloud(tmp_path, states, work, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        eventually("an end", lambda: cloud.describe_execution(arn)["status"] == "SUCCEEDED")
        client = cloud.client("stepfunctions")
        with pytest.raises(client.exceptions.TaskTimedOut):
            client.send_task_success(taskToken=tokens[0], output="{}")
        release.set()


def test_a_state_that_failed_leaves_no_execution_behind_as_garbage(tmp_path: Path) -> None:
    """Garbage that outlived a bake is looked for once in millions of objects: what is left waits there for ever."""

    def environments() -> int:
        return sum(type(each) is Environment for each in gc.get_objects())

    states = {
        "Ask": a_token_task(TimeoutSeconds=1, Catch=LATE),
        "Late": {"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "${WorkArn}"}, "End": True},
    }

    def work(event: Any, context: Any) -> None:
        if "token" not in event:
            raise ValueError("not as a token task")

    with a_cloud(tmp_path, states, work, RealTimers()) as cloud:
        gc.collect()
        gc.disable()
        try:
            before = environments()
            arn = cloud.start_execution("machine", "one", {})
            eventually("a failure", lambda: cloud.describe_execution(arn)["status"] == "FAILED")
            eventually("the end of its threads", lambda: environments() == before)
        finally:
            gc.enable()


def test_what_is_still_running_is_named(tmp_path: Path) -> None:
    release, timers = threading.Event(), VirtualTime()
    with a_cloud(tmp_path, {"Ask": a_token_task()}, lambda event, context: release.wait(20), timers) as cloud:
        cloud.start_execution("machine", "the-slow-one", {})
        with pytest.raises(StillBusyError, match=r"the-slow-one \(in state Ask\)"):
            timers.wait_until_quiet(0.05)
        release.set()
        timers.wait_until_quiet()


def test_advancing_to_nothing_says_so() -> None:
    with pytest.raises(AssertionError, match="nothing waits for time"):
        VirtualTime().advance_to_next()


def test_a_signalled_execution_never_looks_quiet(tmp_path: Path) -> None:
    """Right after the signal, quiet means that the state after it was reached."""
    desk, timers = Desk(), VirtualTime()
    states = {f"S{n}": a_token_task(End=None, Next=f"S{n + 1}") for n in range(30)}
    states["S30"] = a_token_task()
    with a_cloud(tmp_path, states, desk, timers) as cloud:
        arn = cloud.start_execution("machine", "one", {})
        timers.wait_until_quiet()
        for n in range(31):
            assert len(desk.tokens["one"]) == n + 1
            cloud.client("stepfunctions").send_task_success(taskToken=desk.tokens["one"][n], output="{}")
            timers.wait_until_quiet()
        assert cloud.describe_execution(arn)["status"] == "SUCCEEDED"
