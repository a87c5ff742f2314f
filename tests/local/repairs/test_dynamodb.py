"""Transactions and their tokens: what moto does, and what the repairs do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.repairs import dynamodb_transactions
from tests.local.repairs.conftest import REPAIRS, a_table, add_one, key, must_exist, put
from tests.local.worlds import bare_moto

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
