"""Queries look only where they are told to, and find what they must."""

from __future__ import annotations

import random
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.models.table import Table

from tests.local.repairs.conftest import key, must_exist, put


def items_handled_by_one_query(client: Any, index: str | None) -> int:
    """How many items moto takes into its hands for a query that finds three of sixty."""
    for n in range(60):
        item = {**key(f"p{n // 3}", f"s{n}"), "gsi1pk": {"S": f"p{n // 3}"}, "gsi1sk": {"S": f"t{n}"}}
        client.put_item(TableName="hotswap", Item=item)
    query: dict[str, Any] = {
        "TableName": "hotswap",
        "KeyConditionExpression": "gsi1pk = :p" if index else "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "p7"}},
    }
    if index:
        query["IndexName"] = index
    handled: list[int] = []
    all_items = Table.all_items

    def counting(self: Any) -> list[Any]:
        found = all_items(self)
        handled.append(len(found))
        return found

    with patch.object(Table, "all_items", counting):
        assert client.query(**query)["Count"] == 3
    return handled[0]


@pytest.mark.parametrize("index", [None, "gsi1"])
def test_moto_handles_the_whole_table_for_each_query(bare: Any, index: str | None) -> None:
    assert items_handled_by_one_query(bare, index) == 60, "moto looks at one partition now: drop the repair"


@pytest.mark.parametrize("index", [None, "gsi1"])
def test_a_query_handles_its_partition_only(mended: Any, index: str | None) -> None:
    assert items_handled_by_one_query(mended, index) == 3


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
