"""Plain reads answered at once: an item by its key, several by theirs, and a range of a partition or an index.

moto parses the request with its grammar, sorts the partition, copies every item and turns each attribute into JSON: a
page of a list cost 35 ms of processor time at a hundred deployments, and more with each that followed. Here the range is found by
bisection, and an item is JSON already: it is written once and kept beside the item, which nothing changes in place (see
`dynamodb_items.py`). Whatever is not plain (filters, projections, other conditions, binary values, mistakes) is moto's.
"""

# mypy: disable-error-code="attr-defined"
# (moto is typed in parts)
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models.table import RESULT_SIZE_LIMIT
from moto.dynamodb.responses import DynamoHandler

from infra.local.repairs import dynamodb_indexes
from infra.local.repairs.dynamodb_json import json_of
from infra.local.repairs.dynamodb_speed import CONTENT_TYPE

_RANGE = re.compile(r"(\w+) = (:\w+) AND (\w+) BETWEEN (:\w+) AND (:\w+)")
_MOST_AT_ONCE, _MOST_BYTES_AT_ONCE = 100, 16_000_000
"""Of BatchGetItem, as AWS documents it."""

Parameters = Mapping[str, Any]


class NotPlainError(Exception):
    """moto answers this one."""


@contextmanager
def plain_reads_are_answered_at_once() -> Iterator[None]:
    """Repair: see the module. Callers read the same as from moto; a property test compares them page by page."""
    moto_answers = DynamoHandler.call_action

    def call_action(self: Any) -> Any:
        operation = str(self.headers.get("X-Amz-Target", "")).rpartition(".")[2]
        answer = _ANSWERS.get(operation)
        if answer is None:
            return moto_answers(self)
        try:
            body = answer(self.dynamodb_backend, self.params)
        except NotPlainError:
            return moto_answers(self)
        return 200, {"Content-Type": CONTENT_TYPE}, body

    with patch.object(DynamoHandler, "call_action", call_action):
        yield


def _require_only(parameters: Parameters, known: frozenset[str]) -> None:
    if not parameters.keys() <= known:
        raise NotPlainError


def _table(backend: Any, name: Any) -> Any:
    table = backend.tables.get(name)
    if table is None or not table.has_range_key:
        raise NotPlainError
    return table


def _text(value: Any) -> str:
    """A string attribute that is not empty."""
    if isinstance(value, dict) and len(value) == 1 and value.get("S"):
        return str(value["S"])
    raise NotPlainError


def _key(table: Any, key: Any) -> tuple[str, str]:
    if not isinstance(key, dict) or key.keys() != {table.hash_key_attr, table.range_key_attr}:
        raise NotPlainError
    return _text(key[table.hash_key_attr]), _text(key[table.range_key_attr])


def _stored(table: Any, key: Any) -> Any:
    hash_key, range_key = _key(table, key)
    return dynamodb_indexes.ordered(table, None, hash_key).get((range_key,))


def _json(item: Any) -> str:
    written = json_of(item)
    if written is None:
        raise NotPlainError
    return written


_GET = frozenset({"TableName", "Key", "ConsistentRead"})


def _get_item(backend: Any, parameters: Parameters) -> str:
    _require_only(parameters, _GET)
    table = _table(backend, parameters["TableName"])
    item = _stored(table, parameters.get("Key"))
    return "{}" if item is None else f'{{"Item": {_json(item)}}}'


_KEYS = frozenset({"Keys", "ConsistentRead"})


def _batch_get_item(backend: Any, parameters: Parameters) -> str:
    _require_only(parameters, frozenset({"RequestItems"}))
    if len(parameters["RequestItems"]) != 1:
        raise NotPlainError
    ((name, wanted),) = parameters["RequestItems"].items()
    _require_only(wanted, _KEYS)
    table = _table(backend, name)
    keys = wanted.get("Keys", ())
    if not 0 < len(keys) <= _MOST_AT_ONCE or len({_key(table, key) for key in keys}) < len(keys):
        raise NotPlainError
    items = [_json(item) for key in keys if (item := _stored(table, key)) is not None]
    if sum(map(len, items)) > _MOST_BYTES_AT_ONCE:
        raise NotPlainError
    return f'{{"Responses": {{{json.dumps(name)}: [{", ".join(items)}]}}, "UnprocessedKeys": {{}}}}'


_QUERY = frozenset(
    {
        "TableName",
        "IndexName",
        "KeyConditionExpression",
        "ExpressionAttributeValues",
        "ScanIndexForward",
        "Limit",
        "ConsistentRead",
        "ExclusiveStartKey",
    }
)


def _query(backend: Any, parameters: Parameters) -> str:
    _require_only(parameters, _QUERY)
    table = _table(backend, parameters["TableName"])
    index = parameters.get("IndexName")
    schema = dynamodb_indexes.schema_of(table, index)
    parts = _RANGE.fullmatch(parameters.get("KeyConditionExpression", ""))
    values = parameters.get("ExpressionAttributeValues", {})
    if schema is None or parts is None or (parts[1], parts[3]) != schema or values.keys() != set(parts.group(2, 4, 5)):
        raise NotPlainError
    if index is not None and parameters.get("ConsistentRead"):
        raise NotPlainError
    limit = parameters.get("Limit")
    if limit is not None and not (isinstance(limit, int) and limit > 0):
        raise NotPlainError
    low, high = _text(values[parts[4]]), _text(values[parts[5]])
    if low > high:
        raise NotPlainError
    start = parameters.get("ExclusiveStartKey")
    page = dynamodb_indexes.ordered(table, index, _text(values[parts[2]])).between(
        low,
        high,
        after=None if start is None else tuple(_text(start.get(name)) for name in _place(table, index, schema)),
        backwards=not parameters.get("ScanIndexForward", True),
    )
    items, last = _first(page, limit)
    body = f'{{"Count": {len(items)}, "ScannedCount": {len(items)}, "Items": [{", ".join(items)}]'
    if last is not None:
        names = dict.fromkeys((table.hash_key_attr, table.range_key_attr, *schema))
        following = {name: {last.attrs[name].type: last.attrs[name].value} for name in names}
        body += f', "LastEvaluatedKey": {json.dumps(following)}'
    return body + "}"


def _place(table: Any, index: str | None, schema: tuple[str, str]) -> Sequence[str]:
    """The attributes that make an item's place, as `dynamodb_indexes` orders them."""
    return (schema[1],) if index is None else (schema[1], table.hash_key_attr, table.range_key_attr)


def _first(page: Iterator[Any], limit: int | None) -> tuple[list[str], Any]:
    """A page's items as JSON, and its last one if more follow: as many as asked for, or as a megabyte holds."""
    written: list[str] = []
    length, last = 0, None
    for item in page:
        text = _json(item)
        length += len(text)
        if length > RESULT_SIZE_LIMIT:
            # JSON is longer than the item itself, so only now is it time to measure as moto does.
            raise NotPlainError
        if len(written) == limit:
            return written, last
        written.append(text)
        last = item
    return written, None


_ANSWERS: Mapping[str, Callable[[Any, Parameters], str]] = {
    "GetItem": _get_item,
    "BatchGetItem": _batch_get_item,
    "Query": _query,
}
