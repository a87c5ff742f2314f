"""Examples for the description of the API: what a running stack was asked and answered, fitted to today's schemas.

`make examples` records them anew. What was recorded before a field came is completed from its schema, so that a new
field or operation never waits for a recording; the examples always fit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent / "api_examples.json"
MOST_ENTRIES = 2
MOST_DEPTH = 8

Schema = dict[str, Any]


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The document with an example in every JSON body that is sent or answered."""
    recorded = json.loads(FILE.read_text()) if FILE.exists() else {}
    schemas: dict[str, Schema] = document["components"]["schemas"]
    for methods in document["paths"].values():
        for operation in methods.values():
            known = recorded.get(operation["operationId"], {})
            request = operation.get("requestBody", {}).get("content", {})
            _add(request, known.get("request"), schemas)
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    _add(answer.get("content", {}), known.get("response"), schemas)
    return document


def _add(content: dict[str, Any], recorded: Any, schemas: dict[str, Schema]) -> None:
    body = content.get("application/json")
    if body is None or not body.get("schema"):
        return
    declared = _resolved(body["schema"], schemas).get("examples")
    body["example"] = declared[0] if declared and recorded is None else fitted(body["schema"], recorded, schemas)


def fitted(schema: Schema, value: Any, schemas: dict[str, Schema], depth: int = 0) -> Any:
    """A value made to fit a schema: what fits stays, what is missing is filled in, what is unknown is left out."""
    schema = _resolved(schema, schemas)
    if "anyOf" in schema:
        return _one_of(schema["anyOf"], value, schemas, depth)
    if "enum" in schema:
        return value if value in schema["enum"] else schema["enum"][0]
    if value is None and schema.get("examples"):
        value = schema["examples"][0]
    if schema.get("type") == "object":
        return _object(schema, value if isinstance(value, dict) else {}, schemas, depth)
    if schema.get("type") == "array":
        return _array(schema, value if isinstance(value, list) else [], schemas, depth)
    return value if _is_of(schema, value) else _filling(schema)


def _one_of(choices: list[Schema], value: Any, schemas: dict[str, Schema], depth: int) -> Any:
    found = [_resolved(choice, schemas) for choice in choices]
    fitting = next((choice for choice in found if _is_of(choice, value)), None)
    if fitting is not None:
        return fitted(fitting, value, schemas, depth)
    if any(choice.get("type") == "null" for choice in found):
        return None
    return fitted(found[0], value, schemas, depth)


def _object(schema: Schema, value: dict[str, Any], schemas: dict[str, Schema], depth: int) -> dict[str, Any]:
    fields = schema.get("properties", {})
    required = set(schema.get("required", []))
    if not fields:
        inner = schema.get("additionalProperties")
        if isinstance(inner, dict):
            return {name: fitted(inner, each, schemas, depth + 1) for name, each in value.items()}
        return value
    return {
        name: fitted(each, value.get(name, each.get("default", _SPEAKING.get(name))), schemas, depth + 1)
        for name, each in fields.items()
        if name in value or (name in required and depth < MOST_DEPTH)
    }


def _array(schema: Schema, value: list[Any], schemas: dict[str, Schema], depth: int) -> list[Any]:
    items = schema.get("items", {})
    shown = [fitted(items, each, schemas, depth + 1) for each in value[: max(MOST_ENTRIES, schema.get("minItems", 0))]]
    while len(shown) < schema.get("minItems", 0):
        shown.append(fitted(items, None, schemas, depth + 1))
    return shown


_SPEAKING = {"executionId": "01J00000000000000000000001", "moduleName": "payment-processor", "version": "2.0.0"}
"""What a field that nobody recorded is filled with where its name says more than its type."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def _is_of(schema: Schema, value: Any) -> bool:
    kind = schema.get("type")
    if "enum" in schema:
        return value in schema["enum"]
    if kind is None:
        return True
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, _TYPES[kind])


def _filling(schema: Schema) -> Any:
    if "default" in schema:
        return schema["default"]
    if schema.get("examples"):
        return schema["examples"][0]
    kind = schema.get("type")
    if kind == "string":
        instant = "2026-11-21T12:00:00.000Z"
        return instant if schema.get("format") == "date-time" else "x" * max(schema.get("minLength", 0), 1)
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    return False if kind == "boolean" else None


def _resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema
