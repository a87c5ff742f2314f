"""DynamoDB answers are the same without the detour, and the detour is still there in bare moto."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core import parse, responses, serialize
from moto.core.request import Request
from moto.dynamodb import comparisons
from moto.dynamodb.models import utilities
from moto.dynamodb.models.dynamo_type import DynamoType, Item

from infra.local.repairs import dynamodb_items, dynamodb_speed
from tests.local.worlds import bare_moto

ITEM = {
    "pk": {"S": "a"},
    "sk": {"S": "b"},
    "number": {"N": "12"},
    "flag": {"BOOL": True},
    "nothing": {"NULL": True},
    "words": {"SS": ["x", "y"]},
    "map": {"M": {"Items": {"L": [{"S": "deep"}, {"M": {"Key": {"N": "1"}}}]}}},
}


def a_table() -> Any:
    client = boto3.client("dynamodb", region_name="us-east-1")
    keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    client.create_table(TableName="t", KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    client.put_item(TableName="t", Item=ITEM)
    return client


@contextmanager
def all_repairs() -> Iterator[None]:
    with (
        dynamodb_speed.table_calls_take_the_short_way(),
        dynamodb_speed.answers_are_written_as_they_are(),
        dynamodb_speed.requests_are_read_as_they_are(),
        dynamodb_speed.items_become_json_at_once(),
        dynamodb_speed.new_items_are_measured_once(),
        dynamodb_speed.conditions_are_parsed_once(),
        dynamodb_items.changes_are_journaled(),
    ):
        yield


@contextmanager
def counted(owner: Any, name: str) -> Iterator[list[int]]:
    """How often a function is called meanwhile."""
    calls = [0]
    original = getattr(owner, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return original(*args, **kwargs)

    with patch.object(owner, name, counting):
        yield calls


@pytest.mark.parametrize("mended", [False, True])
def test_reading_an_item_walks_the_service_model_only_in_bare_moto(mended):
    with bare_moto():
        client = a_table()
        with counted(serialize.XFormedAttributePicker, "__call__") as walks:
            if mended:
                with dynamodb_speed.answers_are_written_as_they_are():
                    found = client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
            else:
                found = client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})

    assert found["Item"] == ITEM
    assert (walks[0] == 0) == mended


@pytest.mark.parametrize("mended", [False, True])
def test_a_request_is_parsed_by_the_service_model_only_in_bare_moto(mended):
    with bare_moto(), dynamodb_speed.requests_are_read_as_they_are() if mended else nullcontext():
        client = a_table()
        with counted(parse.JSONParser, "parse") as walks:
            client.put_item(TableName="t", Item=ITEM | {"sk": {"S": 'a "B": in a text'}})
        found = client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": 'a "B": in a text'}})

    assert found["Item"]["map"] == ITEM["map"]
    assert (walks[0] == 0) == mended


def test_queries_writes_and_old_items_are_answered_the_same():
    answers = []
    for repair in (nullcontext, all_repairs):
        with bare_moto():
            client = a_table()
            with repair():
                query = client.query(
                    TableName="t",
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": "a"}},
                )
                put = client.put_item(TableName="t", Item=ITEM, ReturnValues="ALL_OLD")
                update = client.update_item(
                    TableName="t",
                    Key={"pk": {"S": "a"}, "sk": {"S": "b"}},
                    UpdateExpression="ADD #n :one",
                    ExpressionAttributeNames={"#n": "number"},
                    ExpressionAttributeValues={":one": {"N": "1"}},
                    ReturnValues="UPDATED_NEW",
                )
                deleted = client.delete_item(
                    TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}}, ReturnValues="ALL_OLD"
                )
        answers.append(
            [{k: v for k, v in each.items() if k != "ResponseMetadata"} for each in (query, put, update, deleted)]
        )

    assert answers[0] == answers[1]


def test_binary_items_still_go_through_the_model():
    with bare_moto(), all_repairs():
        client = a_table()
        client.put_item(TableName="t", Item=ITEM | {"blob": {"B": b"\x00\xff"}})

        found = client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})

    assert found["Item"]["blob"] == {"B": b"\x00\xff"}


@pytest.mark.parametrize("mended", [False, True])
def test_a_class_is_inspected_for_its_actions_once_only_when_mended(mended):
    with bare_moto():
        client = a_table()
        with counted(responses, "method_names_from_class") as looks:
            if mended:
                with dynamodb_speed.actions_are_looked_up_once():
                    looks[0] = 0
                    for _ in range(3):
                        client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
            else:
                for _ in range(3):
                    client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})

    assert looks[0] == (1 if mended else 3)


@pytest.mark.parametrize("mended", [False, True])
def test_a_table_call_becomes_a_wsgi_request_only_in_bare_moto(mended):
    with bare_moto(), dynamodb_speed.table_calls_take_the_short_way() if mended else nullcontext():
        client = a_table()
        with counted(Request, "from_primitives") as requests:
            found = client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})

    assert found["Item"] == ITEM
    assert (requests[0] == 0) == mended


def test_a_condition_that_fails_and_a_table_that_is_not_there_are_told_the_short_way_too():
    answers = []
    for repair in (nullcontext, all_repairs):
        with bare_moto():
            client = a_table()
            with repair():
                with pytest.raises(client.exceptions.ConditionalCheckFailedException) as refused:
                    client.put_item(
                        TableName="t",
                        Item=ITEM,
                        ConditionExpression="attribute_not_exists(pk)",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    )
                with pytest.raises(client.exceptions.ResourceNotFoundException) as missing:
                    client.get_item(TableName="none", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})
        answers.append([(each.value.response["Error"], each.value.response.get("Item")) for each in (refused, missing)])

    assert answers[0] == answers[1]


@pytest.mark.parametrize("mended", [False, True])
def test_an_item_is_asked_for_each_part_what_it_is_only_in_bare_moto(mended):
    with bare_moto(), dynamodb_speed.items_become_json_at_once() if mended else nullcontext():
        client = a_table()
        with counted(utilities, "dynamo_to_dict") as steps:
            found = client.get_item(TableName="t", Key={"pk": {"S": "a"}, "sk": {"S": "b"}})

    assert found["Item"] == ITEM
    assert (steps[0] == 0) == mended


@pytest.mark.parametrize("mended", [False, True])
def test_an_attribute_is_measured_again_for_each_that_follows_only_in_bare_moto(mended):
    with bare_moto(), dynamodb_speed.new_items_are_measured_once() if mended else nullcontext():
        attributes = {f"text{number}": {"S": "x"} for number in range(20)}
        with counted(DynamoType, "size") as sizes:
            item = Item(DynamoType({"S": "a"}), None, attributes)

    assert item.to_json() == {"Attributes": attributes}
    assert (sizes[0] == 0) == mended


@pytest.mark.parametrize("mended", [False, True])
def test_an_item_that_is_too_large_is_refused_and_one_that_just_fits_is_not(mended):
    nested = {"M": {"list": {"L": [{"S": "x" * 200_000}, {"M": {"more": {"S": "y" * 100_000}}}]}}}
    with bare_moto(), dynamodb_speed.new_items_are_measured_once() if mended else nullcontext():
        client = a_table()
        client.put_item(TableName="t", Item=ITEM | {"nested": nested, "rest": {"S": "z" * 90_000}})

        with pytest.raises(client.exceptions.ClientError, match="Item size has exceeded"):
            client.put_item(TableName="t", Item=ITEM | {"nested": nested, "rest": {"S": "z" * 120_000}})


@pytest.mark.parametrize("mended", [False, True])
def test_the_same_condition_is_parsed_for_every_write_only_in_bare_moto(mended):
    with bare_moto(), dynamodb_speed.conditions_are_parsed_once() if mended else nullcontext():
        client = a_table()
        with counted(comparisons.ConditionExpressionParser, "_lex_condition_expression") as parses:
            for _ in range(3):
                client.put_item(TableName="t", Item=ITEM, ConditionExpression="attribute_exists(pk)")

    assert parses[0] == (1 if mended else 6)


def test_a_condition_that_was_parsed_once_holds_for_each_item_by_itself():
    with bare_moto(), dynamodb_speed.conditions_are_parsed_once():
        client = a_table()
        condition: Any = {
            "ConditionExpression": "#n = :before",
            "ExpressionAttributeNames": {"#n": "number"},
            "ExpressionAttributeValues": {":before": {"N": "12"}},
        }
        client.put_item(TableName="t", Item=ITEM | {"number": {"N": "13"}}, **condition)
        for refused in (condition, condition, condition | {"ConditionExpression": "attribute_not_exists(#n)"}):
            with pytest.raises(ClientError):
                client.put_item(TableName="t", Item=ITEM, **refused)
        names = {"#n": "number", "#unused": "flag"}
        with pytest.raises(ClientError, match="unused"):
            client.put_item(TableName="t", Item=ITEM, **(condition | {"ExpressionAttributeNames": names}))

        assert client.get_item(TableName="t", Key={"pk": ITEM["pk"], "sk": ITEM["sk"]})["Item"]["number"] == {"N": "13"}
