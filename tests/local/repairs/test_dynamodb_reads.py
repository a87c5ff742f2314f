"""Plain reads are answered as moto answers them, without copying what they answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.responses import DynamoHandler

from infra.local.repairs import dynamodb_reads, dynamodb_speed
from tests.local.repairs.conftest import REPAIRS, a_table, key, must_exist, put
from tests.local.worlds import bare_moto

RANGE = "pk = :p AND sk BETWEEN :a AND :b"


@pytest.fixture
def quick() -> Iterator[Any]:
    with bare_moto(), ExitStack() as stack:
        stack.enter_context(dynamodb_reads.plain_reads_are_answered_at_once())
        stack.enter_context(dynamodb_speed.new_items_are_measured_once())
        for repair in REPAIRS:
            stack.enter_context(repair())
        yield a_table()


def a_range(low: str = " ", high: str = "~", **more: Any) -> dict[str, Any]:
    values = {":p": {"S": "p"}, ":a": {"S": low}, ":b": {"S": high}}
    return {
        "TableName": "hotswap",
        "KeyConditionExpression": RANGE,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        **more,
    }


def an_index_range(low: str = " ", high: str = "~", **more: Any) -> dict[str, Any]:
    values = {":p": {"S": "g"}, ":a": {"S": low}, ":b": {"S": high}}
    condition = "gsi1pk = :p AND gsi1sk BETWEEN :a AND :b"
    return {
        "TableName": "hotswap",
        "IndexName": "gsi1",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        **more,
    }


def without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "ConsumedCapacity")}


def copies_of_one_query(client: Any) -> int:
    for n in range(9):
        client.put_item(TableName="hotswap", Item=key("p", f"s{n}") | {"n": {"N": str(n)}})
    copies = []
    copy = Item.__deepcopy__

    def counting(self: Any, memo: dict[int, Any]) -> Any:
        copies.append(self)
        return copy(self, memo)

    with patch.object(Item, "__deepcopy__", counting):
        assert client.query(**a_range(Limit=5))["Count"] == 5
    return len(copies)


def test_moto_copies_every_item_it_answers(bare: Any) -> None:
    assert copies_of_one_query(bare) == 5, "moto does not copy items any more: measure whether the repair is needed"


def test_a_plain_query_copies_nothing(quick: Any) -> None:
    assert copies_of_one_query(quick) == 0


text = st.text("aé𝄞z", min_size=1, max_size=2)
items = st.dictionaries(text, st.tuples(st.none() | text, st.integers(0, 9)), max_size=12)
pages = st.fixed_dictionaries({"ScanIndexForward": st.booleans()}, optional={"Limit": st.integers(1, 5)})


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=items, low=text, high=text, page=pages, of_index=st.booleans())
def test_every_page_is_the_one_moto_answers(
    quick: Any, items: dict[str, Any], low: str, high: str, page: dict[str, Any], of_index: bool
) -> None:
    for each in quick.scan(TableName="hotswap")["Items"]:
        quick.delete_item(TableName="hotswap", Key={"pk": each["pk"], "sk": each["sk"]})
    for sk, (order, n) in items.items():
        more = {} if order is None else {"gsi1pk": {"S": "g"}, "gsi1sk": {"S": order}}
        quick.put_item(TableName="hotswap", Item=key("p", sk) | {"m": {"M": {"n": {"N": str(n)}}}} | more)
    low, high = sorted((low, high))
    query = an_index_range(low, high, **page) if of_index else a_range(low, high, **page)

    start: dict[str, Any] = {}
    for _ in range(20):
        mine = without_metadata(quick.query(**query, **start))
        with patch.object(dynamodb_reads, "_ANSWERS", {}):
            motos = without_metadata(quick.query(**query, **start))
        assert mine == motos
        if "LastEvaluatedKey" not in mine:
            return
        start = {"ExclusiveStartKey": mine["LastEvaluatedKey"]}
    raise AssertionError("the pages never end")


def read(client: Any, pk: str = "p", sk: str = "x") -> dict[str, Any] | None:
    found: dict[str, Any] | None = client.get_item(TableName="hotswap", Key=key(pk, sk)).get("Item")
    return found


def test_what_was_read_before_a_change_is_not_answered_after_it(quick: Any) -> None:
    quick.put_item(TableName="hotswap", Item=key("p") | {"n": {"N": "1"}})
    assert read(quick) == key("p") | {"n": {"N": "1"}}

    quick.update_item(
        TableName="hotswap",
        Key=key("p"),
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert read(quick) == key("p") | {"n": {"N": "2"}}

    with pytest.raises(ClientError):
        quick.transact_write_items(TransactItems=[put("p", n={"N": "9"}), must_exist("no")])
    assert read(quick) == key("p") | {"n": {"N": "2"}}

    quick.delete_item(TableName="hotswap", Key=key("p"))
    assert read(quick) is None


def test_an_item_that_an_update_makes_is_answered_whole(quick: Any) -> None:
    quick.update_item(
        TableName="hotswap",
        Key=key("p"),
        UpdateExpression="SET n = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )

    assert read(quick) == key("p") | {"n": {"N": "1"}}


def test_several_items_are_read_by_their_keys(quick: Any) -> None:
    for sk in "ab":
        quick.put_item(TableName="hotswap", Item=key("p", sk))
    wanted = {"hotswap": {"Keys": [key("p", "b"), key("p", "no"), key("p", "a")], "ConsistentRead": True}}

    answer = quick.batch_get_item(RequestItems=wanted)

    assert answer["Responses"] == {"hotswap": [key("p", "b"), key("p", "a")]}
    assert answer["UnprocessedKeys"] == {}


NOT_PLAIN = {
    "a filter": a_range(FilterExpression="n > :a"),
    "a count": a_range(Select="COUNT"),
    "another condition": {
        "TableName": "hotswap",
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "p"}},
    },
    "a range the wrong way round": a_range("b", "a"),
    "a consistent read of an index": an_index_range(ConsistentRead=True),
    "no such index": an_index_range() | {"IndexName": "none"},
    "no such table": a_range() | {"TableName": "none"},
}


@pytest.mark.parametrize("query", NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_is_not_plain_is_motos(quick: Any, query: dict[str, Any]) -> None:
    asked = []
    moto_answers = DynamoHandler.query

    def asking(self: Any) -> Any:
        asked.append(self)
        return moto_answers(self)

    with patch.object(DynamoHandler, "query", asking), suppress(ClientError):
        quick.query(**query)

    assert len(asked) == 1


def test_binary_values_are_motos(quick: Any) -> None:
    item = key("p") | {"b": {"B": b"\x00\xff"}}
    quick.put_item(TableName="hotswap", Item=item)

    assert read(quick) == item
    assert quick.query(**a_range())["Items"] == [item]
