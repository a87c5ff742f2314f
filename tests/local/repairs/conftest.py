"""The product's table on bare moto and on mended moto, and small actions on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import boto3
import pytest

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
