"""Writes under threads: broken in moto, atomic with the repair."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import table as table_module

from infra.local import resource_creation
from infra.local.cloud import LocalCloud
from infra.local.repairs.calls import calls_are_atomic
from infra.local.virtual_time import VirtualTime
from tests.local.worlds import STORES, Desk, a_cloud, bare_moto

THREADS = 16
ROUNDS = 10
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


def winners_of_one_lock(client: Any, patience_s: float) -> int:
    """Two threads take the same lock; between condition and write each waits a moment for the other."""
    both_are_inside = threading.Barrier(2)
    parse = table_module.get_filter_expression

    def parse_slowly(*args: Any) -> Any:
        condition = parse(*args)
        check = condition.expr

        def check_and_wait(item: Any) -> Any:
            holds = check(item)
            with suppress(threading.BrokenBarrierError):
                both_are_inside.wait(patience_s)
            return holds

        condition.expr = check_and_wait
        return condition

    def take(_: int) -> int:
        try:
            client.put_item(TableName="hotswap", Item=KEY, ConditionExpression="attribute_not_exists(pk)")
        except client.exceptions.ConditionalCheckFailedException:
            return 0
        return 1

    with patch.object(table_module, "get_filter_expression", parse_slowly), ThreadPoolExecutor(2) as pool:
        return sum(pool.map(take, range(2)))


def test_moto_grants_one_lock_twice() -> None:
    with bare_moto():
        made: dict[str, Any] = {}
        resource_creation.create(
            STORES, lambda name: made.setdefault(name, boto3.client(name, region_name="us-east-1"))
        )

        assert winners_of_one_lock(made["dynamodb"], 10) == 2, "moto is atomic now: drop the repair"


def test_a_lock_has_one_winner() -> None:
    with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
        assert winners_of_one_lock(cloud.client("dynamodb"), 0.2) == 1


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


def test_table_calls_carry_no_signature_and_others_do(tmp_path: Path) -> None:
    def signed(cloud: LocalCloud, service: str, ask: Callable[[Any], Any]) -> bool:
        client, seen = cloud.client(service), []
        client.meta.events.register("before-send", lambda request, **_: seen.append("Authorization" in request.headers))
        ask(client)
        return bool(seen[0])

    with a_cloud(tmp_path, {"P": {"Type": "Pass", "End": True}}, Desk(), VirtualTime()) as cloud:
        assert not signed(cloud, "dynamodb", lambda client: client.list_tables())
        assert signed(cloud, "sqs", lambda client: client.list_queues())
