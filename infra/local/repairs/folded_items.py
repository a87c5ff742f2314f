"""Items that nobody uses are text."""

# mypy: disable-error-code="attr-defined,method-assign"
# (moto is typed in parts)
from __future__ import annotations

import json
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.responses import DynamoHandler

from infra.local.repairs.dynamodb_json import json_of

_FOLDED = "hotswap_folded"

MOST_UNFOLDED = 2_000
"""Items of the table as objects: those that were written, or looked into, last."""


class _Folding:
    """Stands for the attributes of an item that has none of its own, and unfolds them.

    A stored item is never changed in place (`dynamodb_items.py`), so what was written of it stays true. What a call is
    making is changed until the call has ended, so items are folded between calls.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._unfolded: deque[weakref.ref[Any]] = deque()

    def __get__(self, item: Any, _owner: Any = None) -> Any:
        if item is None:
            return self
        text = item.__dict__.get(_FOLDED)
        if text is None:
            raise AttributeError("attrs")
        attributes = LimitedSizeDict()
        for name, value in json.loads(text).items():
            # Its size was measured when it was put.
            dict.__setitem__(attributes, name, DynamoType(value))
        item.attrs = attributes
        delattr(item, _FOLDED)
        self.note(item)
        return attributes

    def note(self, item: Any) -> None:
        """It is in use now."""
        self._unfolded.append(weakref.ref(item))

    def fold(self) -> None:
        """All but those that were used last. The caller holds the lock of the tables, and is between calls."""
        while len(self._unfolded) > self._most:
            oldest = self._unfolded.popleft()()
            # What is folded already was noted twice; what is made of bytes stays as it is.
            if oldest is None or "attrs" not in oldest.__dict__ or (text := json_of(oldest)) is None:
                continue
            setattr(oldest, _FOLDED, text)
            del oldest.attrs


@contextmanager
def items_out_of_use_are_folded(most: int = MOST_UNFOLDED) -> Iterator[None]:
    """Not a defect of moto, but an item is an object for each attribute of each of its parts, six times its text. Nearly
    all that a deployment leaves is read as text, if at all. To be entered before what makes calls atomic.
    """
    make, call_action = Item.__new__, DynamoHandler.call_action
    folding = _Folding(most)

    def make_and_note(cls: type[Any], *args: Any, **kwargs: Any) -> Any:
        made = make(cls, *args, **kwargs)
        folding.note(made)
        return made

    def fold_and_call(self: Any) -> Any:
        folding.fold()
        return call_action(self)

    with (
        patch.object(Item, "attrs", folding, create=True),
        patch.object(Item, "__new__", make_and_note),
        patch.object(DynamoHandler, "call_action", fold_and_call),
    ):
        yield
