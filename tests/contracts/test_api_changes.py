"""The report of what changed in the API tells what would break a caller, and nothing else as breaking."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.api_changes import RELEASED, changes

Document = dict[str, Any]


def document() -> Document:
    thing = {
        "type": "object",
        "required": ["name"],
        "properties": {
            "name": {"type": "string", "maxLength": 10},
            "kind": {"enum": ["a", "b"], "type": "string"},
            "inner": {"$ref": "#/components/schemas/Thing"},
            "list": {"type": "array", "items": {"type": "integer"}},
        },
    }
    json_body = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    operation = {
        "operationId": "putThing",
        "parameters": [{"name": "q", "in": "query", "required": False}],
        "requestBody": {"required": False, "content": copy.deepcopy(json_body)},
        "responses": {"200": {"content": json_body}, "204": {}},
    }
    return {
        "paths": {"/things": {"put": operation, "get": {"operationId": "get", "responses": {}}}},
        "components": {"schemas": {"Thing": thing}},
    }


def put(changed: Document) -> Any:
    return changed["paths"]["/things"]["put"]


def thing(changed: Document) -> Any:
    return changed["components"]["schemas"]["Thing"]


BREAKING: dict[str, Callable[[Document], Any]] = {
    "GET /things: is gone": lambda d: d["paths"]["/things"].pop("get"),
    "operation id putThing became setThing": lambda d: put(d).update(operationId="setThing"),
    "takes no query parameter q any more": lambda d: put(d)["parameters"].clear(),
    "needs the query parameter r": lambda d: put(d)["parameters"].append(
        {"name": "r", "in": "query", "required": True}
    ),
    "needs the query parameter q now": lambda d: put(d)["parameters"][0].update(required=True),
    "needs a body now": lambda d: put(d)["requestBody"].update(required=True),
    "answers 204 no more": lambda d: put(d)["responses"].pop("204"),
    "200: field kind is gone": lambda d: thing(d)["properties"].pop("kind"),
    "body: field kind is required now": lambda d: thing(d)["required"].append("kind"),
    "body.kind: refuses b now": lambda d: thing(d)["properties"]["kind"].update(enum=["a"]),
    "maxLength is 5, was 10": lambda d: thing(d)["properties"]["name"].update(maxLength=5),
    "minLength is 3, was open": lambda d: thing(d)["properties"]["name"].update(minLength=3),
    "200.name: is integer, was string": lambda d: thing(d)["properties"]["name"].update(type="integer"),
    "200.list[]: is string, was integer": lambda d: thing(d)["properties"]["list"]["items"].update(type="string"),
    "200.name: may be null now": lambda d: thing(d)["properties"].update(
        name={"anyOf": [{"type": "string", "maxLength": 10}, {"type": "null"}]}
    ),
}


@pytest.mark.parametrize("told", BREAKING)
def test_what_breaks_callers_is_reported_as_breaking(told: str) -> None:
    new = document()
    BREAKING[told](new)

    found = [f"{change.where}: {change.what}" for change in changes(document(), new) if change.is_breaking]

    assert any(told in sentence for sentence in found), found


OTHERS: dict[str, Callable[[Document], Any]] = {
    "is new": lambda d: d["paths"].update({"/more": {"get": {"operationId": "more", "responses": {}}}}),
    "takes the query parameter r": lambda d: put(d)["parameters"].append({"name": "r", "in": "query"}),
    "takes the field extra": lambda d: thing(d)["properties"].update(extra={"type": "string"}),
}


@pytest.mark.parametrize("told", OTHERS)
def test_what_breaks_nobody_is_reported_as_that(told: str) -> None:
    new = document()
    OTHERS[told](new)

    found = changes(document(), new)

    assert any(told in change.what for change in found)
    assert not [change for change in found if change.is_breaking]


def test_the_same_api_has_no_changes() -> None:
    assert changes(document(), document()) == ()


def test_a_field_that_holds_more_is_no_break() -> None:
    new = document()
    thing(new)["properties"]["name"].update(maxLength=20)

    assert changes(document(), new) == ()


def test_the_last_release_is_kept() -> None:
    assert json.loads(RELEASED.read_text())["openapi"] == "3.1.0"
