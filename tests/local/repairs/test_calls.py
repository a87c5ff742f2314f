"""Writes under threads: broken in moto, atomic with the repair."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.local.cloud import LocalCloud
from infra.local.repairs.calls import calls_are_atomic
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import STORES

ROOT = Path(__file__).parents[3]
THREADS = 16
ROUNDS = 15
KEY = {"pk": {"S": "counter"}, "sk": {"S": "counter"}}


@contextmanager
def eager_switching() -> Iterator[None]:
    """Let threads take turns as often as they can, so that a missing lock shows at once."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.000_01)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def together(act: Callable[[int], Any]) -> list[Any]:
    """Run `act(n)` on all threads at the same moment; what it raises is an answer too."""
    gate = threading.Barrier(THREADS)

    def run(n: int) -> Any:
        gate.wait(20)
        return act(n)

    with ThreadPoolExecutor(THREADS) as pool, eager_switching():
        return list(pool.map(run, range(THREADS)))


def compare_and_set(client: Any) -> int:
    """Read the counter and write one more, if nobody did meanwhile; the number of writes that were acknowledged."""
    acknowledged = 0
    for _ in range(ROUNDS):
        value = int(client.get_item(TableName="hotswap", Key=KEY, ConsistentRead=True)["Item"]["v"]["N"])
        try:
            client.put_item(
                TableName="hotswap",
                Item={**KEY, "v": {"N": str(value + 1)}},
                ConditionExpression="v = :seen",
                ExpressionAttributeValues={":seen": {"N": str(value)}},
            )
            acknowledged += 1
        except client.exceptions.ConditionalCheckFailedException:
            continue
    return acknowledged


def value_of_counter(client: Any) -> int:
    return int(client.get_item(TableName="hotswap", Key=KEY)["Item"]["v"]["N"])


def transfer(client: Any, n: int) -> int:
    """Two counters that are raised together or not at all, beside a put of one's own; returns what was acknowledged."""
    done = 0
    for step in range(ROUNDS):
        seen = client.get_item(TableName="hotswap", Key=KEY, ConsistentRead=True)["Item"]["v"]["N"]
        raised = {
            "UpdateExpression": "ADD v :one",
            "ConditionExpression": "v = :seen",
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":seen": {"N": seen}},
        }
        other = {"pk": {"S": "other"}, "sk": {"S": "counter"}}
        client.put_item(TableName="hotswap", Item={"pk": {"S": f"own-{n}"}, "sk": {"S": str(step)}})
        try:
            client.transact_write_items(
                TransactItems=[
                    {"Update": {"TableName": "hotswap", "Key": KEY, **raised}},
                    {"Update": {"TableName": "hotswap", "Key": other, **raised}},
                ]
            )
            done += 1
        except client.exceptions.TransactionCanceledException:
            continue
    return done


def a_table(client: Any) -> None:
    for name in ("counter", "other"):
        client.put_item(TableName="hotswap", Item={"pk": {"S": name}, "sk": {"S": "counter"}, "v": {"N": "0"}})


@pytest.fixture
def client() -> Iterator[Any]:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        made = cloud.client("dynamodb")
        a_table(made)
        yield made


def test_conditional_writes_of_16_threads_are_atomic(client: Any) -> None:
    acknowledged = together(lambda _: compare_and_set(client))

    assert sum(acknowledged) == value_of_counter(client)
    assert sum(acknowledged) >= ROUNDS, "nobody got through"


def test_transactions_of_16_threads_are_atomic_and_erase_nothing(client: Any) -> None:
    acknowledged = together(lambda n: transfer(client, n))

    other = client.get_item(TableName="hotswap", Key={"pk": {"S": "other"}, "sk": {"S": "counter"}})["Item"]["v"]["N"]
    own = [
        client.query(
            TableName="hotswap",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"own-{n}"}},
        )["Count"]
        for n in range(THREADS)
    ]
    assert sum(acknowledged) == value_of_counter(client) == int(other)
    assert own == [ROUNDS] * THREADS


# In a process of its own: the defect leaves threads and torn tables behind.
BROKEN = """
from infra.local import resource_creation
from tests.local.repairs import test_calls
from tests.local.worlds import STORES, bare_moto
import boto3
with bare_moto():
    clients = {}
    client_for = lambda name: clients.setdefault(name, boto3.client(name, region_name="us-east-1"))
    resource_creation.create(STORES, client_for)
    client = client_for("dynamodb")
    test_calls.a_table(client)
    def act(n):
        try:
            return test_calls.compare_and_set(client)
        except Exception:
            return -1
    for attempt in range(20):
        acknowledged = test_calls.together(act)
        if -1 in acknowledged or sum(acknowledged) != test_calls.value_of_counter(client):
            print("BROKEN"); break
        client.put_item(TableName="hotswap", Item={**test_calls.KEY, "v": {"N": "0"}})
    else:
        print("ATOMIC")
"""


def test_moto_alone_is_not_atomic() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BROKEN],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )

    assert done.stdout.strip() == "BROKEN", "moto is atomic now: drop the repair"


def test_leaving_the_repair_restores_moto() -> None:
    from moto.core.responses import BaseResponse
    from moto.dynamodb.responses import DynamoHandler

    before = (BaseResponse.call_action, DynamoHandler.call_action)
    with calls_are_atomic():
        assert BaseResponse.call_action is not before[0]

    assert (BaseResponse.call_action, DynamoHandler.call_action) == before


def test_the_hook_can_drop_double_or_lose_the_answer_of_a_call() -> None:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        client = cloud.client("dynamodb")
        a_table(client)
        add = {
            "TableName": "hotswap",
            "Key": KEY,
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }

        def refuse(request: Any, proceed: Any) -> Any:
            return 500, {}, b"{}"

        def double(request: Any, proceed: Any) -> Any:
            proceed(request)
            return proceed(request)

        def lose(request: Any, proceed: Any) -> Any:
            proceed(request)
            raise ConnectionError("the answer was lost")

        once = boto3.session.Config(retries={"total_max_attempts": 1})
        impatient = boto3.client("dynamodb", region_name="us-east-1", config=once)
        values = []
        for around in (refuse, double, lose):
            cloud.call_hook.around = around
            with suppress(ClientError, ConnectionError):
                impatient.update_item(**add)
            cloud.call_hook.around = None
            values.append(value_of_counter(client))

    assert values == [0, 2, 3]
