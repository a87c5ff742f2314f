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

from moto.core import DEFAULT_ACCOUNT_ID, responses
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb import comparisons
from moto.dynamodb import responses as dynamodb_responses
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodb.responses import DynamoHandler, DynamoResult
from moto.utilities.utils import get_partition

from infra.local.repairs.dynamodb_json import json_of, keep_json

CONTENT_TYPE = "application/x-amz-json-1.0"
TABLE_URL = re.compile(r"https://dynamodb\.([a-z0-9-]+)\.amazonaws\.com/$")
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


@contextmanager
def table_calls_take_the_short_way() -> Iterator[None]:
    """Repair: a call from this process is a table's operation and its parameters, nothing else. moto makes a WSGI
    request of it, looks for its service among two hundred patterns, and takes it apart again; then it and botocore
    compute a checksum of bytes that never went anywhere. That is longer than a read takes."""
    the_long_way = BotocoreStubber.process_request

    def process_request(self: Any, request: Any) -> Any:
        place = TABLE_URL.match(request.url)
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else body
        if place is None or not content or _BINARY.search(content):
            return the_long_way(self, request)
        return _handler(place[1], request, content).call_action()

    with patch.object(BotocoreStubber, "process_request", process_request):
        yield


def _handler(region: str, request: Any, content: bytes) -> Any:
    handler = DynamoHandler()
    handler.is_werkzeug_request = False
    handler.region, handler.partition = region, get_partition(region)
    handler.current_account = DEFAULT_ACCOUNT_ID
    handler.headers = {
        name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
    }
    handler.method, handler.uri, handler.path, handler.raw_path = request.method, request.url, "/", "/"
    handler.querystring, handler.uri_match, handler.response_headers = {}, {}, {}
    handler.params = json.loads(content)
    return handler


@contextmanager
def items_become_json_at_once() -> Iterator[None]:
    """Repair: an item is made of attributes, maps and lists. moto asks of each part first whether it is an instant, and
    then whether it can make JSON of itself; of an item that was put it makes a copy, part by part, to throw away."""
    step_by_step, part_by_part = dynamodb_responses.dynamo_to_dict, Item.to_json

    def plain(part: Any) -> Any:
        kind = type(part)
        if kind is str or kind is bool or kind is int:
            return part
        if kind is DynamoType and part.type not in ("B", "BS"):
            return {part.type: plain(part.value)}
        if isinstance(part, dict):
            return {name: plain(value) for name, value in part.items()}
        if kind is list:
            return [plain(value) for value in part]
        if kind is Item:
            return {"Attributes": plain(part.attrs)}
        return step_by_step(part)

    def to_json(self: Any, root_attr_name: str = "Attributes") -> dict[str, Any]:
        written = json_of(self)
        return part_by_part(self, root_attr_name) if written is None else {root_attr_name: json.loads(written)}

    with patch.object(dynamodb_responses, "dynamo_to_dict", plain), patch.object(Item, "to_json", to_json):
        yield


MOST_ITEM_BYTES = 405_000
"""As moto has it."""


@contextmanager
def new_items_are_measured_once() -> Iterator[None]:
    """Repair: an item is as large as its attributes. moto adds all of them up again whenever it adds one. Here they are
    added up once, and only where their JSON, which is longer and will be wanted, could be too long."""

    def make(self: Any, hash_key: Any, range_key: Any, attrs: dict[str, Any]) -> None:
        self.hash_key, self.range_key = hash_key, range_key
        self.attrs = LimitedSizeDict()
        for name, value in attrs.items():
            dict.__setitem__(self.attrs, name, DynamoType(value))
        written = keep_json(self, attrs)
        if written is not None and len(written) <= MOST_ITEM_BYTES:
            return
        if sum(bytesize(name) + _size(attribute) for name, attribute in self.attrs.items()) > MOST_ITEM_BYTES:
            raise ItemSizeTooLarge

    with patch.object(Item, "__init__", make):
        yield


@contextmanager
def conditions_are_parsed_once() -> Iterator[None]:
    """Repair: an expression with the same names and values means the same. moto takes it apart letter by letter, twice
    for each write that has one."""
    parse_anew = comparisons.create_condition_expression_parser

    @functools.lru_cache(maxsize=4096)
    def parsed(expression: str, bound: str) -> tuple[Any, tuple[str, ...]]:
        parser = parse_anew(expression, *json.loads(bound))
        return parser.parse(), tuple(parser.expr_attr_names_found)

    def parser_of(expression: str | None, names: Any, values: Any) -> Any:
        try:
            bound = json.dumps([names, values])
        except TypeError:
            return parse_anew(expression, names, values)
        return _Parsed(*parsed(expression, bound)) if expression else parse_anew(expression, names, values)

    with (
        patch.object(comparisons, "create_condition_expression_parser", parser_of),
        patch.object(dynamodb_responses, "create_condition_expression_parser", parser_of),
    ):
        yield


class _Parsed:
    """What moto wants of a parser. It adds to the names it was given, so each use has its own."""

    def __init__(self, operation: Any, names: tuple[str, ...]) -> None:
        self.expr_attr_names_found = list(names)
        self._operation = operation

    def parse(self) -> Any:
        """The same operation each time: evaluating it changes nothing in it."""
        return self._operation


def _size(attribute: Any) -> int:
    """The same as `DynamoType.size`, which wraps every part of a map again."""
    if attribute.type == "M":
        return sum(bytesize(name) + _size(part) for name, part in attribute.value.items())
    if attribute.type == "L":
        return sum(_size(part) for part in attribute.value)
    size: int = attribute.size()
    return size
