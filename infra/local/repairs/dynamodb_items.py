"""What one DynamoDB call changed, item by item: to undo it, to log it, and to keep the indexes right.

Calls are one at a time (see `calls.py`), so at most one journal is open. A journal remembers each item as it was before
the call first touched it. A stored item is never changed in place, so remembering it is enough, and so is keeping with it
what was made of it (`dynamodb_json.py`).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

from infra.local.repairs import dynamodb_indexes
from infra.local.repairs.dynamodb_json import forget_json


@dataclass(slots=True, eq=False)
class Journal:
    """The items one call touched, in order, with what they were before."""

    before: dict[tuple[str, Any, Any], tuple[Any, Any]] = field(default_factory=dict)

    def touch(self, table: Any, hash_key: Any, range_key: Any) -> None:
        """Remember the item as it is now, unless this journal already does."""
        key = (table.name, hash_key, range_key)
        if key not in self.before:
            self.before[key] = (table, _stored(table, hash_key, range_key))

    def undo(self) -> None:
        """Put every touched item back as it was. Items nobody touched are not looked at."""
        for (_, hash_key, range_key), (table, item) in reversed(self.before.items()):
            _store(table, hash_key, range_key, item)
        self.before.clear()

    def after(self) -> Iterator[tuple[Any, Any, Any, Any]]:
        """(table, hash key, range key, item as it is now or None) for every touched item."""
        for (_, hash_key, range_key), (table, _) in self.before.items():
            yield table, hash_key, range_key, _stored(table, hash_key, range_key)


_open: list[Journal] = []


@contextmanager
def journal() -> Iterator[Journal]:
    """Record what the block changes. The caller holds the DynamoDB lock. Journals nest: the outer one sees it all."""
    opened = Journal()
    _open.append(opened)
    try:
        yield opened
    finally:
        _open.pop()


@contextmanager
def changes_are_journaled() -> Iterator[None]:
    """Not a defect of moto: its three ways to change an item tell the open journals and the indexes.

    An update changes a copy, which is put back if it fails half way: moto changes the stored item and leaves it so.
    """
    put_item, delete_item, update_item = Table.put_item, Table.delete_item, DynamoDBBackend.update_item

    def put(self: Any, item_attrs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        key = _key(self, item_attrs)
        if key is not None:
            _touch(self, *key)
        item = put_item(self, item_attrs, *args, **kwargs)
        dynamodb_indexes.refresh(self, item.hash_key, item.range_key)
        return item

    def delete(self: Any, hash_key: Any, range_key: Any = None) -> Any:
        _touch(self, hash_key, range_key)
        item = delete_item(self, hash_key, range_key)
        dynamodb_indexes.refresh(self, hash_key, range_key)
        return item

    def update(self: Any, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        table = self.get_table(table_name)
        hash_key, range_key = self.get_keys_value(table, key)
        with journal() as mine:
            _touch(table, hash_key, range_key)
            # moto changes the item in place.
            _store(table, hash_key, range_key, copy.deepcopy(_stored(table, hash_key, range_key)))
            try:
                return update_item(self, table_name, key, *args, **kwargs)
            except BaseException:
                mine.undo()
                raise
            finally:
                forget_json(_stored(table, hash_key, range_key))
                dynamodb_indexes.refresh(table, hash_key, range_key)

    with (
        patch.object(Table, "put_item", put),
        patch.object(Table, "delete_item", delete),
        patch.object(DynamoDBBackend, "update_item", update),
    ):
        yield


def _touch(table: Any, hash_key: Any, range_key: Any) -> None:
    for opened in _open:
        opened.touch(table, hash_key, range_key)


def _key(table: Any, attributes: dict[str, Any]) -> tuple[Any, Any] | None:
    """The key of an item, or None when it has none; moto then refuses the put."""
    from moto.dynamodb.models.dynamo_type import DynamoType

    if table.hash_key_attr not in attributes or (table.has_range_key and table.range_key_attr not in attributes):
        return None
    return (
        DynamoType(attributes[table.hash_key_attr]),
        DynamoType(attributes[table.range_key_attr]) if table.has_range_key else None,
    )


def _stored(table: Any, hash_key: Any, range_key: Any) -> Any:
    if range_key is None:
        return table.items.get(hash_key)
    # `items` is a defaultdict: asking must not create a partition.
    return table.items[hash_key].get(range_key) if hash_key in table.items else None


def _store(table: Any, hash_key: Any, range_key: Any, item: Any) -> None:
    if range_key is None:
        if item is None:
            table.items.pop(hash_key, None)
        else:
            table.items[hash_key] = item
    elif item is not None:
        table.items[hash_key][range_key] = item
    elif hash_key in table.items:
        table.items[hash_key].pop(range_key, None)
    dynamodb_indexes.refresh(table, hash_key, range_key)
