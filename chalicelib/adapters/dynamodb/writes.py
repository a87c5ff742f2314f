"""Changes as conditional writes: what each demands, and whose demand failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, assert_never

from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.codec import Attributes
from chalicelib.adapters.dynamodb.items import item_of, key_of, pointer_of, text
from chalicelib.adapters.dynamodb.keys import PK, REVISION, SK
from chalicelib.adapters.dynamodb.patience import code_of, patiently
from chalicelib.domain.errors import StaleWrite
from chalicelib.usecases.ports import Add, Change, Record, Remove, Replace

NOBODY_WROTE_IT = f"attribute_not_exists({PK})"
IT_EXISTS = f"attribute_exists({PK})"
THE_ONE_BEFORE_IS_STORED = f"{REVISION} = :before"

MOST_CHANGES = 100
"""Limit of TransactWriteItems."""


class _Write(NamedTuple):
    """One write: `Put` or `Delete`, its parameters, and the record it is about (none for a pointer)."""

    operation: str
    parameters: dict[str, Any]
    record: Record | None

    @property
    def key(self) -> tuple[str, str]:
        item: Attributes = self.parameters.get("Item") or self.parameters["Key"]
        return text(item, PK), text(item, SK)


def commit_all(client: Any, table: str, changes: Sequence[Change]) -> None:
    """Apply all changes or none; see DynamoStore.commit."""
    writes = [_write(change, table) for change in changes]
    writes += [pointer for change in changes for pointer in _pointers(change, table)]
    if len(writes) > MOST_CHANGES:
        raise ValueError(f"{len(writes)} changes do not fit into one transaction of {MOST_CHANGES}")
    if len({write.key for write in writes}) != len(writes):
        raise ValueError("one record is changed twice in one transaction")
    if len(writes) == 1:
        _write_one(client, writes[0])
    elif writes:
        _write_together(client, writes)


def _write(change: Change, table: str) -> _Write:
    match change:
        case Add(record):
            condition: dict[str, Any] = {"ConditionExpression": NOBODY_WROTE_IT}
        case Replace(record):
            before = {":before": {"N": str(record.revision - 1)}}
            condition = {"ConditionExpression": THE_ONE_BEFORE_IS_STORED, "ExpressionAttributeValues": before}
        case Remove(record):
            condition = {"ConditionExpression": IT_EXISTS}
        case _:
            assert_never(change)
    parameters = {"TableName": table, "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **condition}
    if isinstance(change, Remove):
        return _Write("Delete", parameters | {"Key": key_of(record)}, record)
    return _Write("Put", parameters | {"Item": item_of(record)}, record)


def _pointers(change: Change, table: str) -> list[_Write]:
    pointer = pointer_of(change.record) if isinstance(change, Add) else None
    return [] if pointer is None else [_Write("Put", {"TableName": table, "Item": pointer}, None)]


def _write_one(client: Any, write: _Write) -> None:
    call = client.put_item if write.operation == "Put" else client.delete_item
    try:
        patiently(lambda: call(**write.parameters))
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        if not _was_ours(error, write):
            raise _stale(write) from error


def _was_ours(error: ClientError, write: _Write) -> bool:
    """Whether the item in the way is the very one written, by an attempt of this call whose answer was lost."""
    tried_again: int = error.response["ResponseMetadata"].get("RetryAttempts", 0)
    found: Any = error.response.get("Item")
    return tried_again > 0 and found is not None and found == write.parameters.get("Item")


def _write_together(client: Any, writes: Sequence[_Write]) -> None:
    # boto3 adds a ClientRequestToken of its own, so an attempt whose answer was lost is not applied twice.
    items = [{write.operation: write.parameters} for write in writes]
    patiently(lambda: _attempt(client, items, writes))


def _attempt(client: Any, items: Sequence[dict[str, Any]], writes: Sequence[_Write]) -> None:
    """One attempt. A failed condition is final even when other changes of the transaction only met a busy item."""
    try:
        client.transact_write_items(TransactItems=items)
    except ClientError as error:
        reasons: Any = error.response.get("CancellationReasons", ())
        for write, reason in zip(writes, reasons, strict=False):
            if reason.get("Code") == "ConditionalCheckFailed":
                raise _stale(write) from error
        raise


def _stale(write: _Write) -> StaleWrite:
    if write.record is None:
        raise AssertionError("a pointer has no condition")
    return StaleWrite(type(write.record).__name__, "/".join(write.record.key))
