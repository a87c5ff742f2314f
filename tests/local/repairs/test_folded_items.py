"""Items out of use are text, and nobody can tell."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from infra.local.repairs import folded_items, instances
from tests.local.repairs.conftest import REPAIRS, a_table, add_one, key, must_exist, put
from tests.local.worlds import bare_moto

DEEP = {"M": {"list": {"L": [{"S": "x"}, {"M": {"n": {"N": "1"}}}]}, "words": {"SS": ["a", "b"]}, "no": {"NULL": True}}}
NAMES = [f"item-{number:02d}" for number in range(12)]


@contextmanager
def a_mended_table(most: int | None) -> Iterator[Any]:
    """With at most so many items unfolded; None: without folding."""
    with bare_moto(), ExitStack() as stack:
        stack.enter_context(instances.models_are_let_go())
        stack.enter_context(nullcontext() if most is None else folded_items.items_out_of_use_are_folded(most))
        for repair in REPAIRS:
            stack.enter_context(repair())
        yield a_table()


def stored() -> list[Any]:
    table = dynamodb_backends["123456789012"]["us-east-1"].tables["hotswap"]
    return [item for partition in table.items.values() for item in partition.values()]


def parts_left_by(writes: int, table: Any) -> float:
    """Objects that are parts of items, for each item written."""
    for number in range(writes):
        table.put_item(TableName="hotswap", Item={**key(f"n-{number}"), "deep": DEEP, "v": {"N": str(number)}})
    gc.collect()
    return sum(type(each) is DynamoType for each in gc.get_objects()) / writes


def test_moto_keeps_an_object_for_each_part_of_each_item() -> None:
    with a_mended_table(None) as table:
        assert parts_left_by(50, table) > 10, "moto keeps less of an item now: drop the repair"
    with a_mended_table(5) as table:
        assert parts_left_by(50, table) < 5


def everything_said(table: Any) -> list[Any]:
    """What a table answers to every kind of call, for items that were written long before."""
    said: list[Any] = []

    def ask(operation: str, **parameters: Any) -> None:
        try:
            answer = getattr(table, operation)(**parameters)
            answer.pop("ResponseMetadata")
            said.append((operation, answer))
        except ClientError as error:
            said.append((operation, error.response["Error"], error.response.get("CancellationReasons")))

    named = {"TableName": "hotswap"}
    for name in NAMES:
        ask("put_item", **named, Item={**key(name), "deep": DEEP, "v": {"N": "1"}})
        ask("put_item", **named, Item={**key("all", name), "deep": DEEP, "v": {"N": "2"}})
    plain = {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "all"}}}
    filtered = {
        "KeyConditionExpression": "pk = :p",
        "FilterExpression": "deep.no = :n",
        "ProjectionExpression": "sk, deep.words",
    }
    for name in NAMES[:3]:
        ask("get_item", **named, Key=key(name))
        ask("get_item", **named, Key=key(name), ProjectionExpression="deep.list[1]")
        ask("query", **named, **plain)
        ask("query", **named, **filtered, ExpressionAttributeValues={":p": {"S": "all"}, ":n": {"NULL": True}})
        ask("put_item", **named, Item=key(name), ConditionExpression="attribute_not_exists(pk)", ReturnValuesOnConditionCheckFailure="ALL_OLD")  # fmt: skip
        change = {
            "UpdateExpression": "SET deep.words = :w ADD v :v",
            "ExpressionAttributeValues": {":w": {"S": "w"}, ":v": {"N": "5"}},
        }
        ask("update_item", **named, Key=key(name), **change, ReturnValues="ALL_NEW")
        ask(
            "update_item",
            **named,
            Key=key(name),
            UpdateExpression="SET nothing.here = :w",
            ExpressionAttributeValues={":w": {"S": "w"}},
        )
        ask("get_item", **named, Key=key(name))
        ask("transact_write_items", TransactItems=[add_one(name), must_exist("nobody")])
        ask("transact_write_items", TransactItems=[add_one(name), put(f"new-{name}", v={"N": "1"})])
        ask("delete_item", **named, Key=key(f"new-{name}"), ReturnValues="ALL_OLD")
        ask("get_item", **named, Key=key(name))
    ask("scan", **named)
    return said


@pytest.mark.parametrize("most", [0, 1, 4])
def test_a_folded_item_is_answered_as_any_other(most: int) -> None:
    with a_mended_table(None) as table:
        plainly = everything_said(table)
    with a_mended_table(most) as table:
        folded = everything_said(table)

    assert folded == plainly


def test_only_the_items_used_last_are_unfolded() -> None:
    with a_mended_table(4) as table:
        for name in NAMES:
            table.put_item(TableName="hotswap", Item={**key(name), "deep": DEEP})
        # Items are folded when the next call begins.
        table.get_item(TableName="hotswap", Key=key("nobody"))
        unfolded = [item.hash_key.value for item in stored() if "attrs" in item.__dict__]
        table.update_item(TableName="hotswap", Key=key(NAMES[0]), UpdateExpression="REMOVE deep")
        table.get_item(TableName="hotswap", Key=key("nobody"))
        again = [item.hash_key.value for item in stored() if "attrs" in item.__dict__]

    assert unfolded == NAMES[-4:]
    assert NAMES[0] in again
    assert len(again) <= 4


def test_an_item_of_bytes_is_not_folded() -> None:
    with a_mended_table(1) as table:
        for name in NAMES[:3]:
            table.put_item(TableName="hotswap", Item={**key(name), "bytes": {"B": b"\x00\xff"}})
        found = [table.get_item(TableName="hotswap", Key=key(name))["Item"]["bytes"] for name in NAMES[:3]]

    assert found == [{"B": b"\x00\xff"}] * 3
