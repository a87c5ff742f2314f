"""Transactions, their tokens, and queries: what moto does, and what the repairs do."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.table import Table

from infra.local import resource_creation
from infra.local.repairs import calls, dynamodb_indexes, dynamodb_items, dynamodb_transactions
from tests.local.worlds import STORES, bare_moto

REPAIRS = (
    calls.calls_are_atomic,
    dynamodb_items.changes_are_journaled,
    dynamodb_indexes.queries_look_at_one_partition,
    dynamodb_transactions.transactions_undo_item_by_item,
    dynamodb_transactions.transaction_tokens_are_heeded,
)


def a_table() -> Any:
    made: dict[str, Any] = {}

    def client_for(name: str) -> Any:
        return made.setdefault(name, boto3.client(name, region_name="us-east-1"))

    resource_creation.create(STORES, client_for)
    return client_for("dynamodb")


@pytest.fixture
def bare() -> Iterator[Any]:
    with bare_moto():
        yield a_table()


@pytest.fixture
def mended() -> Iterator[Any]:
    with bare_moto(), ExitStack() as stack:
        for repair in REPAIRS:
            stack.enter_context(repair())
        yield a_table()


def key(pk: str, sk: str = "x") -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def put(pk: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "hotswap", "Item": {**key(pk), **more}}}


def must_exist(pk: str) -> dict[str, Any]:
    return {"ConditionCheck": {"TableName": "hotswap", "Key": key(pk), "ConditionExpression": "attribute_exists(pk)"}}


def add_one(pk: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "hotswap",
            "Key": key(pk),
            "UpdateExpression": "ADD v :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }


# -- transactions ----------------------------------------------------------------------------------------------------


def table_was_replaced(client: Any) -> bool:
    """Whether a failed transaction swapped the whole table for a copy."""
    from moto.dynamodb.models import dynamodb_backends

    tables = dynamodb_backends["123456789012"]["us-east-1"].tables
    before = tables["hotswap"]
    with pytest.raises(ClientError, match="TransactionCanceled"):
        client.transact_write_items(TransactItems=[put("a"), must_exist("nobody")])
    return tables["hotswap"] is not before


def test_moto_swaps_the_whole_table_when_a_transaction_fails(bare: Any) -> None:
    assert table_was_replaced(bare), "moto undoes item by item now: drop the repair"


def test_a_failed_transaction_touches_only_its_own_items(mended: Any) -> None:
    assert not table_was_replaced(mended)
    assert mended.scan(TableName="hotswap")["Count"] == 0


def test_reasons_are_given_in_order_with_the_old_item(mended: Any) -> None:
    mended.put_item(TableName="hotswap", Item={**key("a"), "v": {"N": "7"}})
    must_be_new = put("a")
    must_be_new["Put"] |= {
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }

    with pytest.raises(ClientError) as caught:
        mended.transact_write_items(TransactItems=[put("b"), must_be_new, must_exist("c")])

    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "ConditionalCheckFailed"]
    assert reasons[1]["Item"]["v"] == {"N": "7"}
    assert "Item" not in reasons[2]
    assert mended.scan(TableName="hotswap")["Count"] == 1


def test_an_action_that_cannot_be_applied_undoes_those_before_it(mended: Any) -> None:
    mended.put_item(TableName="hotswap", Item={**key("text"), "v": {"S": "no number"}})
    mended.put_item(TableName="hotswap", Item={**key("number"), "v": {"N": "1"}})
    delete = {"Delete": {"TableName": "hotswap", "Key": key("number")}}

    with pytest.raises(ClientError):
        mended.transact_write_items(TransactItems=[put("new"), delete, add_one("text")])

    assert mended.get_item(TableName="hotswap", Key=key("number"))["Item"]["v"] == {"N": "1"}
    assert mended.scan(TableName="hotswap")["Count"] == 2


def test_the_same_item_twice_is_refused_before_anything_happens(mended: Any) -> None:
    with pytest.raises(ClientError, match="multiple operations on one item"):
        mended.transact_write_items(TransactItems=[put("a"), add_one("a")])

    assert mended.scan(TableName="hotswap")["Count"] == 0


# -- tokens ----------------------------------------------------------------------------------------------------------


def count_after_two_calls_with_one_token(client: Any) -> str:
    for _ in range(2):
        client.transact_write_items(TransactItems=[add_one("counter")], ClientRequestToken="the-same-token")
    value: str = client.get_item(TableName="hotswap", Key=key("counter"))["Item"]["v"]["N"]
    return value


def test_moto_applies_the_same_token_twice(bare: Any) -> None:
    assert count_after_two_calls_with_one_token(bare) == "2", "moto heeds the token now: drop the repair"


def test_the_same_token_has_one_effect(mended: Any) -> None:
    assert count_after_two_calls_with_one_token(mended) == "1"


def test_the_same_token_with_other_parameters_is_refused(mended: Any) -> None:
    count_after_two_calls_with_one_token(mended)

    with pytest.raises(ClientError) as caught:
        mended.transact_write_items(TransactItems=[add_one("other")], ClientRequestToken="the-same-token")

    assert caught.value.response["Error"]["Code"] == "IdempotentParameterMismatchException"


def test_a_token_is_forgotten_after_ten_minutes() -> None:
    now = [0.0]
    with bare_moto(), ExitStack() as stack:
        for repair in REPAIRS[:-1]:
            stack.enter_context(repair())
        stack.enter_context(dynamodb_transactions.transaction_tokens_are_heeded(lambda: now[0]))
        client = a_table()
        count_after_two_calls_with_one_token(client)
        now[0] = 601.0

        assert count_after_two_calls_with_one_token(client) == "2"


def test_the_same_token_from_many_threads_has_one_effect(mended: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: count_after_two_calls_with_one_token(mended), range(8)))

    assert mended.get_item(TableName="hotswap", Key=key("counter"))["Item"]["v"]["N"] == "1"


# -- queries ---------------------------------------------------------------------------------------------------------


def items_sorted_by_one_query(client: Any) -> int:
    """How many items moto takes into its hands for a query of a partition of three."""
    for pk in range(20):
        for sk in range(3):
            client.put_item(TableName="hotswap", Item=key(f"p{pk}", f"s{sk}"))
    seen: list[int] = []
    all_items = Table.all_items

    def counting(self: Any) -> list[Any]:
        found = all_items(self)
        seen.append(len(found))
        return found

    with patch.object(Table, "all_items", counting):
        answer = client.query(
            TableName="hotswap", KeyConditionExpression="pk = :p", ExpressionAttributeValues={":p": {"S": "p7"}}
        )
    assert answer["Count"] == 3
    return seen[0]


def test_moto_sorts_the_whole_table_for_each_query(bare: Any) -> None:
    assert items_sorted_by_one_query(bare) == 60, "moto looks at one partition now: drop the repair"


def test_a_query_looks_at_its_partition_only(mended: Any) -> None:
    assert items_sorted_by_one_query(mended) == 3


def random_items(rng: random.Random) -> list[dict[str, Any]]:
    items = []
    for n in range(150):
        item = {**key(f"p{rng.randrange(4)}", f"s{n:03d}"), "n": {"N": str(rng.randrange(5))}}
        for index in ("gsi1", "gsi2"):
            if rng.random() < 0.7:
                item[f"{index}pk"] = {"S": f"g{rng.randrange(3)}"}
                if rng.random() < 0.9:
                    item[f"{index}sk"] = {"S": f"t{rng.randrange(30):02d}"}
        items.append(item)
    return items


def random_query(rng: random.Random) -> dict[str, Any]:
    index = rng.choice([None, "gsi1", "gsi2"])
    pk, sk, prefix = (f"{index}pk", f"{index}sk", "t") if index else ("pk", "sk", "s")
    values = {":p": {"S": rng.choice(["g0", "g1", "g9"] if index else ["p0", "p1", "p9"])}}
    condition = f"{pk} = :p"
    low, high = sorted(f"{prefix}{rng.randrange(100):0{2 if index else 3}d}" for _ in range(2))
    kind = rng.randrange(4)
    if kind == 1:
        condition += f" AND begins_with({sk}, :a)"
        values[":a"] = {"S": low[:2]}
    elif kind == 2:
        condition += f" AND {sk} BETWEEN :a AND :b"
        values |= {":a": {"S": low}, ":b": {"S": high}}
    elif kind == 3:
        condition += f" AND {sk} >= :a"
        values[":a"] = {"S": low}
    query: dict[str, Any] = {"TableName": "hotswap", "KeyConditionExpression": condition}
    if rng.random() < 0.3:
        query["FilterExpression"] = "n >= :n"
        values[":n"] = {"N": "2"}
    if index:
        query["IndexName"] = index
    if rng.random() < 0.5:
        query["Limit"] = rng.randrange(1, 9)
    query["ScanIndexForward"] = rng.random() < 0.5
    return {**query, "ExpressionAttributeValues": values}


def every_page(client: Any, query: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    start: dict[str, Any] = {}
    for _ in range(400):
        answer = client.query(**query, **start)
        found += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return found
        start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
    raise AssertionError("the pages never end")


def expected(items: list[dict[str, Any]], query: dict[str, Any]) -> set[str]:
    """The sort keys a query must find, computed without moto."""
    index, values = query.get("IndexName"), query["ExpressionAttributeValues"]
    pk, sk = (f"{index}pk", f"{index}sk") if index else ("pk", "sk")
    condition = query["KeyConditionExpression"]
    found = set()
    for item in items:
        if item.get(pk) != values[":p"] or sk not in item:
            continue
        sort = item[sk]["S"]
        if "begins_with" in condition and not sort.startswith(values[":a"]["S"]):
            continue
        if "BETWEEN" in condition and not values[":a"]["S"] <= sort <= values[":b"]["S"]:
            continue
        if ">=" in condition and not sort >= values[":a"]["S"]:
            continue
        if ":n" in values and int(item["n"]["N"]) < 2:
            continue
        found.add(item["sk"]["S"])
    return found


@pytest.mark.parametrize("seed", range(3))
def test_queries_find_exactly_what_they_ask_for(mended: Any, seed: int) -> None:
    rng = random.Random(seed)
    items = random_items(rng)
    mended.query(
        TableName="hotswap",
        IndexName="gsi1",
        KeyConditionExpression="gsi1pk = :p",
        ExpressionAttributeValues={":p": {"S": "g0"}},
    )  # builds the index before the items come
    for item in items:
        mended.put_item(TableName="hotswap", Item=item)
    for item in rng.sample(items, 40):  # move, drop and take out of the index
        at = {"pk": item["pk"], "sk": item["sk"]}
        change = rng.randrange(3)
        if change == 0:
            mended.delete_item(TableName="hotswap", Key=at)
            items.remove(item)
        elif change == 1:
            mended.update_item(
                TableName="hotswap",
                Key=at,
                UpdateExpression="SET gsi1pk = :p, gsi1sk = :s",
                ExpressionAttributeValues={":p": {"S": "g1"}, ":s": {"S": "t05"}},
            )
            item |= {"gsi1pk": {"S": "g1"}, "gsi1sk": {"S": "t05"}}
        else:
            mended.update_item(TableName="hotswap", Key=at, UpdateExpression="REMOVE gsi2pk")
            item.pop("gsi2pk", None)
    with pytest.raises(ClientError):
        mended.transact_write_items(
            TransactItems=[put("p0", gsi1pk={"S": "g0"}, gsi1sk={"S": "t00"}), must_exist("no")]
        )

    for _ in range(25):
        query = random_query(rng)
        found = every_page(mended, query)
        sort_by = f"{query['IndexName']}sk" if "IndexName" in query else "sk"
        order = [item[sort_by]["S"] for item in found]
        names = [item["sk"]["S"] for item in found]
        assert set(names) == expected(items, query), query
        assert len(names) == len(set(names)), query
        assert order == sorted(order, reverse=not query["ScanIndexForward"]), query


def test_a_query_in_a_table_of_many_is_quick(mended: Any) -> None:
    from moto.dynamodb.models import dynamodb_backends

    table = dynamodb_backends["123456789012"]["us-east-1"].tables["hotswap"]
    for n in range(10_000):
        table.put_item({**key(f"p{n // 10}", f"s{n % 10}"), "gsi1pk": {"S": f"g{n // 10}"}, "gsi1sk": {"S": f"t{n}"}})
    took = []
    for index in ({}, {"IndexName": "gsi1"}):
        name = "gsi1pk" if index else "pk"
        query = {
            "TableName": "hotswap",
            "KeyConditionExpression": f"{name} = :p",
            "ExpressionAttributeValues": {":p": {"S": "g7" if index else "p7"}},
            **index,
        }
        mended.query(**query)
        best = 9.0
        for _ in range(5):
            started = time.perf_counter()
            assert mended.query(**query)["Count"] == 10
            best = min(best, time.perf_counter() - started)
        took.append(best)

    # 127 ms without the repair. Generous, because machines differ; a scan of the table would not pass.
    assert max(took) < 0.05, took
