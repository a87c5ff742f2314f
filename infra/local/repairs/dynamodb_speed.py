"""DynamoDB answers without the detour: what moto's tables give is JSON already."""

# mypy: disable-error-code="attr-defined,arg-type"
# (moto is typed in parts)
from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core import responses
from moto.dynamodb.responses import DynamoResult

CONTENT_TYPE = "application/x-amz-json-1.0"
_OPERATIONS = frozenset({"GetItem", "PutItem", "DeleteItem", "UpdateItem", "Query", "Scan", "TransactWriteItems"})


def _never_bytes(value: Any) -> Any:
    raise TypeError(f"{type(value).__name__} has to go through the model")


@contextmanager
def answers_are_written_as_they_are() -> Iterator[None]:
    """Repair: items are plain JSON in their wire form. moto walks the service model once more for every attribute,
    trying each of its possible names, which takes longer than everything else a read or write does."""
    through_the_model = DynamoResult.execute_result

    def execute_result(self: Any, context: Any) -> Any:
        if context.operation_model.name in _OPERATIONS and isinstance(self.result, dict):
            try:
                body = json.dumps(self.result, default=_never_bytes)
            except TypeError:
                return through_the_model(self, context)
            return 200, {"Content-Type": CONTENT_TYPE}, body
        return through_the_model(self, context)

    with patch.object(DynamoResult, "execute_result", execute_result):
        yield


@contextmanager
def actions_are_looked_up_once() -> Iterator[None]:
    """Repair: the methods of a class do not change between requests. moto inspects it anew for each."""
    names = functools.lru_cache(maxsize=None)(responses.method_names_from_class)
    with patch.object(responses, "method_names_from_class", names):
        yield
