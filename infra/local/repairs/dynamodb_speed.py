"""DynamoDB answers without the detour: what moto's tables give is JSON already."""

# mypy: disable-error-code="attr-defined,arg-type"
# (moto is typed in parts)
from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from moto.core import responses
from moto.dynamodb.responses import DynamoHandler, DynamoResult

CONTENT_TYPE = "application/x-amz-json-1.0"
_BINARY = re.compile(rb'"BS?"\s*:')
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
def requests_are_read_as_they_are() -> Iterator[None]:
    """Repair: the body of a request is JSON in its wire form too. moto walks the service model for each attribute of
    each item, which only binary values need."""
    through_the_model = DynamoHandler.parse_parameters

    def parse_parameters(self: Any, request: Any) -> None:
        # A quote can only stand unescaped in JSON where a word begins or ends, so no text within an item looks like this.
        if _BINARY.search(request.data) or not request.data:
            through_the_model(self, request)
        else:
            self.params = json.loads(request.data)

    with patch.object(DynamoHandler, "parse_parameters", parse_parameters):
        yield


@contextmanager
def actions_are_looked_up_once() -> Iterator[None]:
    """Repair: the methods of a class do not change between requests. moto inspects it anew for each."""
    names = functools.lru_cache(maxsize=None)(responses.method_names_from_class)
    with patch.object(responses, "method_names_from_class", names):
        yield
