"""The cloud as a whole: its environment, its emulator port, its schedules, its clocks."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from infra.local.policy_time import PolicyTime
from infra.local.resource_creation import definition_of
from infra.local.ticker import Ticker
from infra.local.timers import RealTimers
from infra.local.virtual_time import VirtualTime
from infra.resources import DEFAULT_BUS, HOTSWAP, Function, Schedule, StateMachine
from tests.local.worlds import STORES, eventually

SWEPT = replace(
    STORES,
    functions=(Function(name="sweeps", handler="-", timeout_s=5),),
    schedules=(Schedule(name="hotswap-sweeps", function="sweeps", every_s=60),),
)


def test_the_process_gets_its_environment_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "before")
    before = dict(os.environ)
    for _ in range(2):
        with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
            assert "AWS_PROFILE" not in os.environ
            assert os.environ["AWS_ACCESS_KEY_ID"] == "testing"
            assert cloud.client("dynamodb").scan(TableName="hotswap")["Count"] == 0
            cloud.client("dynamodb").put_item(TableName="hotswap", Item={"pk": {"S": "1"}, "sk": {"S": "1"}})

    assert dict(os.environ) == before


def test_a_failed_start_leaves_nothing_behind(tmp_path: Path) -> None:
    before = (dict(os.environ), set(threading.enumerate()))
    broken = replace(STORES, state_machines=(StateMachine(name="m", definition=tmp_path / "missing.json"),))
    with pytest.raises(FileNotFoundError):
        LocalCloud(timers=VirtualTime(), resources=broken, handlers={}).start()

    assert (dict(os.environ), set(threading.enumerate())) == before


def test_a_handler_without_a_function_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="misspelt"):
        LocalCloud(timers=VirtualTime(), resources=STORES, handlers={"misspelt": lambda event, context: None})


def test_presigned_links_work_from_another_process() -> None:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}, emulator_port=0) as cloud:
        links = cloud.client("s3", over_http=True)
        place = {"Bucket": "hotswap-artifacts", "Key": "sha256/abc"}
        upload = links.generate_presigned_url("put_object", Params=place, ExpiresIn=60)
        download = links.generate_presigned_url("get_object", Params=place, ExpiresIn=60)
        code = (
            "import sys, urllib.request as u; "
            "r = u.Request(sys.argv[1], data=bytes(range(256)), method='PUT', "
            "headers={'Content-Type': 'application/octet-stream'}); print(u.urlopen(r).status)"
        )
        done = subprocess.run([sys.executable, "-c", code, upload], capture_output=True, text=True, check=True)
        stored = cloud.client("s3").get_object(**place)["Body"].read()
        with urllib.request.urlopen(download) as answer:  # noqa: S310 (a loopback link made above)
            downloaded = answer.read()

    assert done.stdout.strip() == "200"
    assert stored == downloaded == bytes(range(256))


def test_the_table_is_the_same_over_http() -> None:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}, emulator_port=0) as cloud:
        remote = cloud.client("dynamodb", over_http=True)
        remote.put_item(TableName="hotswap", Item={"pk": {"S": "1"}, "sk": {"S": "1"}})

        assert cloud.client("dynamodb").scan(TableName="hotswap")["Count"] == 1


def test_a_schedule_fires_with_the_event_of_aws() -> None:
    seen: list[Any] = []
    with LocalCloud(timers=VirtualTime(), resources=SWEPT, handlers={"sweeps": lambda e, c: seen.append(e)}) as cloud:
        cloud.fire("hotswap-sweeps")

    (event,) = seen
    assert (event["detail-type"], event["source"]) == ("Scheduled Event", "aws.events")
    assert event["time"] == "2026-01-05T09:00:00Z"


def test_the_ticker_goes_on_after_a_failure_and_stops_when_told() -> None:
    turns: list[str] = []

    def fire(name: str) -> None:
        turns.append(name)
        raise RuntimeError("this turn failed")

    ticker = Ticker({"quick": 0.001}, fire)
    ticker.start()
    eventually("three turns", lambda: len(turns) >= 3)
    ticker.stop()
    stopped_at = len(turns)

    assert "ticker" not in {thread.name for thread in threading.enumerate()}
    assert len(turns) == stopped_at


def test_a_ticking_cloud_calls_its_schedules() -> None:
    seen = threading.Event()
    every_moment = replace(SWEPT, schedules=(Schedule(name="s", function="sweeps", every_s=0),))
    handlers = {"sweeps": lambda event, context: seen.set()}
    with LocalCloud(timers=RealTimers(), resources=every_moment, handlers=handlers, tick=True):
        assert seen.wait(10), "the schedule never fired"


def test_policy_time_runs_faster_and_never_back(tmp_path: Path) -> None:
    wall = [1_000_000]
    clock = PolicyTime(tmp_path, 60.0, wall_ms=lambda: wall[0])
    wall[0] += 1_000
    first = clock.now_ms()
    wall[0] -= 5_000
    second = clock.now_ms()

    assert (first, second) == (1_060_000, 1_060_000)


def test_policy_time_goes_on_over_a_restart_with_another_factor(tmp_path: Path) -> None:
    wall = [1_000_000]
    PolicyTime(tmp_path, 60.0, wall_ms=lambda: wall[0])
    wall[0] += 1_000
    again = PolicyTime(tmp_path, 1.0, wall_ms=lambda: wall[0])
    at_restart = again.now_ms()
    wall[0] += 1_000

    assert (at_restart, again.now_ms()) == (1_060_000, 1_061_000)


def test_a_placeholder_without_function_is_a_mistake(tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    path.write_text('{"a": "${StepsFunctionArn}", "b.$": "$.x", "c.$": "$$.Task.Token"}')
    named = StateMachine(name="m", definition=path, function_arns={"StepsFunctionArn": "steps"})

    assert definition_of(named, {"steps": "arn:x"}) == '{"a": "arn:x", "b.$": "$.x", "c.$": "$$.Task.Token"}'
    with pytest.raises(ValueError, match="placeholder"):
        definition_of(replace(named, function_arns={}), {})


def test_the_resources_of_the_product_fit_together() -> None:
    functions = {function.name for function in HOTSWAP.functions}
    queues = {queue.name for queue in HOTSWAP.queues}

    assert {rule.function for rule in HOTSWAP.rules} <= functions
    assert {schedule.function for schedule in HOTSWAP.schedules} <= functions
    assert {rule.dead_letter_queue for rule in HOTSWAP.rules} <= {*queues, None}
    assert {rule.bus for rule in HOTSWAP.rules} <= {*(bus.name for bus in HOTSWAP.buses), DEFAULT_BUS}
    for machine in HOTSWAP.state_machines:
        assert set(machine.function_arns.values()) <= functions


def test_outside_of_a_cloud_boto3_is_not_touched() -> None:
    from moto.core.models import botocore_stubber

    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}):
        assert botocore_stubber.enabled
    assert not botocore_stubber.enabled
