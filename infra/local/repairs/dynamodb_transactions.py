"""Transactions that see all conditions first, undo item by item, and know their token."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.comparisons import get_filter_expression
from moto.dynamodb.exceptions import (
    ConditionalCheckFailed,
    DynamodbException,
    MockValidationException,
    MultipleTransactionsException,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.responses import DynamoHandler

from infra.local.repairs.dynamodb_items import journal

_MAX_ACTIONS = 100
_TOKEN_LIFE_S = 600.0

Reason = tuple[str | None, str | None, dict[str, Any] | None]
_NO_REASON: Reason = (None, None, None)


class IdempotentParameterMismatchError(DynamodbException):
    """The token was used with other parameters."""

    def __init__(self) -> None:
        super().__init__(
            "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
            "The provided client token was used before with other parameters",
        )


@contextmanager
def transactions_undo_item_by_item() -> Iterator[None]:
    """Repair: all conditions are evaluated before anything is written, and an undo touches only its own items.

    moto copies whole tables before each transaction and puts the copies back when it fails. That is slow, and it
    erases what other threads wrote meanwhile.
    """

    def transact_write_items(self: Any, transact_items: list[dict[str, Any]]) -> None:
        if len(transact_items) > _MAX_ACTIONS:
            raise TooManyTransactionsException
        actions = [_action(item) for item in transact_items]
        _refuse_the_same_item_twice(self, actions)
        reasons = [_condition_fails(self, kind, action) for kind, action in actions]
        if any(code for code, _, _ in reasons):
            raise TransactionCanceledException(reasons)
        with journal() as mine:
            for position, (kind, action) in enumerate(actions):
                try:
                    _apply(self, kind, action)
                except BaseException as error:
                    mine.undo()
                    if isinstance(error, MockValidationException) or not isinstance(error, Exception):
                        raise
                    reasons[position] = (type(error).__name__, str(error), None)
                    raise TransactionCanceledException(reasons) from error

    with patch.object(DynamoDBBackend, "transact_write_items", transact_write_items):
        yield


def _action(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    if len(item) != 1:
        raise TransactWriteSingleOpException
    kind, action = next(iter(item.items()))
    if kind not in {"ConditionCheck", "Put", "Delete", "Update"}:
        raise MockValidationException(f"Unsupported transaction operation: {kind}")
    return kind, action


def _key(backend: Any, kind: str, action: dict[str, Any]) -> dict[str, Any]:
    if kind != "Put":
        key: dict[str, Any] = action["Key"]
        return key
    table = backend.get_table(action["TableName"])
    names = [table.hash_key_attr, *([table.range_key_attr] if table.range_key_attr else [])]
    missing = [name for name in names if name not in action["Item"]]
    if missing:
        raise MockValidationException(
            f"One or more parameter values were invalid: Missing the key {missing[0]} in the item"
        )
    return {name: action["Item"][name] for name in names}


def _refuse_the_same_item_twice(backend: Any, actions: list[tuple[str, dict[str, Any]]]) -> None:
    seen: set[tuple[str, str]] = set()
    for kind, action in actions:
        target = (str(action["TableName"]), json.dumps(_key(backend, kind, action), sort_keys=True, default=str))
        if target in seen:
            raise MultipleTransactionsException
        seen.add(target)


def _condition_fails(backend: Any, kind: str, action: dict[str, Any]) -> Reason:
    condition = action.get("ConditionExpression")
    if condition is None:
        return _NO_REASON
    current = backend.get_item(action["TableName"], _key(backend, kind, action))
    names, values = action.get("ExpressionAttributeNames"), action.get("ExpressionAttributeValues")
    if get_filter_expression(condition, names, values).expr(current):
        return _NO_REASON
    wanted = action.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and current is not None
    item = current.to_json()["Attributes"] if wanted else None
    return "ConditionalCheckFailed", str(ConditionalCheckFailed().message), item


def _apply(backend: Any, kind: str, action: dict[str, Any]) -> None:
    # The conditions were checked, and an earlier action cannot have changed this item: each occurs once.
    table_name = action["TableName"]
    if kind == "Put":
        backend.put_item(table_name, action["Item"])
    elif kind == "Delete":
        backend.delete_item(table_name, action["Key"])
    elif kind == "Update":
        backend.update_item(
            table_name,
            action["Key"],
            update_expression=action["UpdateExpression"],
            expression_attribute_names=action.get("ExpressionAttributeNames"),
            expression_attribute_values=action.get("ExpressionAttributeValues"),
        )


@contextmanager
def transaction_tokens_are_heeded(clock_s: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Repair: a `ClientRequestToken` seen in the last ten minutes is answered without a second effect.

    With other parameters it is refused with IdempotentParameterMismatchException. moto applies it again either way.
    """
    transact = DynamoHandler.transact_write_items
    seen: dict[str, tuple[float, bytes, Any]] = {}

    def transact_once(self: Any) -> Any:
        token = self.body.get("ClientRequestToken")
        if not token:
            return transact(self)
        now = clock_s()
        # In the order of their ends: all live equally long.
        while seen and seen[oldest := next(iter(seen))][0] <= now:
            del seen[oldest]
        parameters = json.dumps(self.body["TransactItems"], sort_keys=True, default=repr)
        # Not the parameters themselves: ten minutes of all that was written would be kept.
        digest = hashlib.sha256(parameters.encode()).digest()
        if token in seen:
            _, known_digest, response = seen[token]
            if known_digest != digest:
                raise IdempotentParameterMismatchError
            return response
        response = transact(self)
        seen[token] = (now + _TOKEN_LIFE_S, digest, response)
        return response

    with patch.object(DynamoHandler, "transact_write_items", transact_once):
        yield
