"""Every event that can go out has its shape in the published schema."""

from __future__ import annotations

import jsonschema
import pytest

from chalicelib.domain.node_history import What
from chalicelib.domain.timeline import EventType
from tests.event_schema import DEPLOYMENT, SCHEMA, TYPES, check_event

WHOLE = jsonschema.Draft202012Validator(SCHEMA)
A_LINE_EVENT = {"type": "LineStopped", "at": 1, "stopped": True, "by": "ada", "reason": "fire"}
A_NODE_EVENT = {"nodeId": "p-1", "name": "production-1", "environment": "Production", "at": 1, "reason": "drift"}


def test_every_type_of_event_is_in_the_schema_and_no_other() -> None:
    assert TYPES["deployment"] | TYPES["line"] == {str(each) for each in EventType}
    assert not TYPES["deployment"] & TYPES["line"]
    assert TYPES["node"] == {f"Node{each}" for each in (What.DRIFTED, What.HEALED)}


def test_the_details_of_every_type_are_spelled_out() -> None:
    spelled = [rule["if"]["properties"]["type"]["const"] for rule in DEPLOYMENT["allOf"]]
    assert sorted(spelled) == sorted(TYPES["deployment"])
    for rule in DEPLOYMENT["allOf"]:
        assert rule["then"]["properties"]["detail"]["additionalProperties"] is False


def test_the_schema_is_one_and_each_kind_of_event_fits_it_once() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    WHOLE.validate(A_LINE_EVENT)
    WHOLE.validate(A_NODE_EVENT)
    assert not WHOLE.is_valid(A_NODE_EVENT | {"type": "LineStopped"})


def test_an_event_the_contract_does_not_know_is_refused() -> None:
    with pytest.raises(jsonschema.ValidationError):
        check_event("SomethingElse", {"type": "SomethingElse"})
    with pytest.raises(jsonschema.ValidationError):
        check_event("LineStopped", A_LINE_EVENT | {"more": 1})
