"""Records as items of the table: their attributes, their keys, and their places in the indexes."""

from __future__ import annotations

from typing import Any, TypeVar

from chalicelib.adapters.dynamodb.codec import Attributes, attributes_of, instance_of
from chalicelib.adapters.dynamodb.keys import (
    EXPIRES_AT,
    INDEX_NAMES,
    ITEM_TYPE,
    LAYOUTS,
    LISTS,
    OPEN,
    PK,
    SK,
    TARGET_PK,
    TARGET_SK,
    Place,
    index_key,
)
from chalicelib.usecases.ports import Record

R = TypeVar("R")


def key_of(record: Record) -> Attributes:
    """The two key attributes of a record."""
    layout = LAYOUTS[type(record)]
    return {PK: {"S": layout.pk(record.key)}, SK: {"S": layout.sk(record.key)}}


def item_of(record: Record) -> Attributes:
    """The whole item of a record."""
    layout = LAYOUTS[type(record)]
    item = attributes_of(record) | key_of(record) | {ITEM_TYPE: {"S": layout.item_type}}
    if layout.lists is not None:
        item |= _place(LISTS, layout.lists(record), record.key)
    if layout.open is not None:
        item |= _place(OPEN, layout.open(record), record.key)
    if layout.expires_at_s is not None:
        item[EXPIRES_AT] = {"N": str(layout.expires_at_s(record))}
    return item


def pointer_of(record: Record) -> Attributes | None:
    """The item that is written beside a new record so that it can be found in a second list; mostly there is none."""
    layout = LAYOUTS[type(record)]
    if layout.pointer is None:
        return None
    pointer = layout.pointer(record)
    target = key_of(record)
    return {
        PK: {"S": pointer.pk},
        SK: {"S": pointer.sk},
        ITEM_TYPE: {"S": "Pointer"},
        TARGET_PK: target[PK],
        TARGET_SK: target[SK],
    } | _place(LISTS, pointer.place, record.key)


def record_of(kind: type[R], item: Attributes) -> R:
    """The record an item holds."""
    return instance_of(kind, item)


def _place(index: str, place: Place | None, key: tuple[str, ...]) -> Attributes:
    if place is None:
        return {}
    name = INDEX_NAMES[index]
    partition, sort = index_key(index, place, key)
    return {f"{name}pk": {"S": partition}, f"{name}sk": {"S": sort}}


def text(item: Attributes, name: str) -> str:
    """A text attribute."""
    value: Any = item[name]["S"]
    return str(value)
