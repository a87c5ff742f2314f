"""An item as JSON in DynamoDB's wire form, written once and kept beside the item."""

from __future__ import annotations

import json
from typing import Any

from moto.dynamodb.models.dynamo_type import DynamoType

_KEPT = "hotswap_json"


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


def _plain(attribute: DynamoType) -> dict[str, Any]:
    kind, value = attribute.type, attribute.value
    if kind == "M":
        return {kind: {name: _plain(part) for name, part in value.items()}}
    if kind == "L":
        return {kind: [_plain(part) for part in value]}
    if kind in ("B", "BS"):
        raise _BinaryError
    return {kind: value}
