"""An item as JSON in DynamoDB's wire form, written once and kept beside the item."""

from __future__ import annotations

import json
import re
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

_KEPT = "hotswap_json"
_BINARY = re.compile(r'"BS?":')


class _BinaryError(Exception):
    """A value that is no text."""


def json_of(item: Any) -> str | None:
    """The attributes of a stored item; None if one of them is binary. moto's copies of an item start without it."""
    kept: str | None = item.__dict__.get(_KEPT)
    if kept is None:
        try:
            kept = json.dumps({name: _plain(value) for name, value in item.attrs.items()})
        except _BinaryError:
            return None
        setattr(item, _KEPT, kept)
    return kept


def forget_json(item: Any) -> None:
    """After moto changed a new item in place."""
    if item is not None:
        item.__dict__.pop(_KEPT, None)


def keep_json(item: Any, attributes: dict[str, Any]) -> str | None:
    """Write a new item's attributes down, as they came over the wire; None if they hold bytes or moto's own objects."""
    try:
        written = json.dumps(attributes)
    except TypeError:
        return None
    if _BINARY.search(written):
        return None
    setattr(item, _KEPT, written)
    return written


def _plain(attribute: DynamoType) -> dict[str, Any]:
    kind, value = attribute.type, attribute.value
    if kind == "M":
        return {kind: {name: _plain(part) for name, part in value.items()}}
    if kind == "L":
        return {kind: [_plain(part) for part in value]}
    if kind in ("B", "BS"):
        raise _BinaryError
    return {kind: value}
