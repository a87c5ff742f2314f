"""What docs/contracts/events.schema.json says of an event; every fake bus of the tests holds what it is given to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

SCHEMA = json.loads((Path(__file__).parents[1] / "docs" / "contracts" / "events.schema.json").read_text("utf-8"))
DEPLOYMENT, LINE, NODE = (SCHEMA["$defs"][f"{name}Event"] for name in ("deployment", "line", "node"))
TYPES = {
    "deployment": frozenset(DEPLOYMENT["properties"]["type"]["enum"]),
    "line": frozenset(LINE["properties"]["type"]["enum"]),
    "node": frozenset({"NodeDrifted", "NodeHealed"}),
}


def check_event(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Raises jsonschema.ValidationError where an event is not as the contract says it is."""
    _validator(detail_type).validate(dict(detail))


@cache
def _validator(detail_type: str) -> jsonschema.Draft202012Validator:
    """The rules of one type alone; choosing among all of them for every event takes ten times as long."""
    if detail_type in TYPES["line"]:
        return jsonschema.Draft202012Validator(LINE)
    if detail_type in TYPES["node"]:
        return jsonschema.Draft202012Validator(NODE)
    rules = [each for each in DEPLOYMENT["allOf"] if each["if"]["properties"]["type"]["const"] == detail_type]
    return jsonschema.Draft202012Validator(DEPLOYMENT | {"allOf": rules})
