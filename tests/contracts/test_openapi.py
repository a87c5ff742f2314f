"""The description of the API is valid, fresh, and what the contracts say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from chalicelib.routes.endpoint import all_specs
from chalicelib.routes.openapi import describe
from chalicelib.routes.schemas.heartbeats import HeartbeatBody
from chalicelib.routes.schemas.nodes import EnrolNode
from infra.api_examples import fitted
from infra.openapi import FILE, rendered

DOCS = Path(__file__).parents[2] / "docs" / "contracts"


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return describe()


def example(page: str, containing: str) -> Any:
    blocks = re.findall(r"```json\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return json.loads(next(block for block in blocks if containing in block))


def test_it_is_valid_openapi_3_1(description: dict[str, Any]) -> None:
    validate(description)


def test_the_checked_in_file_is_fresh() -> None:
    assert FILE.read_text() == rendered()


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [spec.operation_id for spec in all_specs()]

    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    referred = set(re.findall(r"#/components/schemas/([\w-]+)", json.dumps(description)))

    assert referred <= set(description["components"]["schemas"])


def test_every_protected_operation_says_401_and_403(description: dict[str, Any]) -> None:
    for methods in description["paths"].values():
        for operation in methods.values():
            if operation["security"] == [{"accessToken": []}]:
                assert {"401", "403", "500"} <= set(operation["responses"])


def test_the_example_of_a_request_is_the_one_of_the_contract(description: dict[str, Any]) -> None:
    schema = description["components"]["schemas"]["CreateDeployment"]

    assert schema["examples"] == [example("control.md", '"requesterEmail"')]


def test_the_examples_fit_their_schemas(description: dict[str, Any]) -> None:
    schemas = description["components"]["schemas"]
    for name, schema in schemas.items():
        for each in schema.get("examples", []):
            Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}).validate(
                each
            )


def test_a_node_may_send_what_the_node_protocol_shows() -> None:
    EnrolNode.model_validate(example("node-protocol.md", '"hse_'))
    shown = example("node-protocol.md", '"sentAt"')
    digest = "sha256:" + "a" * 64
    sent = json.loads(json.dumps(shown).replace("sha256:…", digest).replace("sha256:\\u2026", digest))

    heartbeat = HeartbeatBody.model_validate(sent).heartbeat()

    assert (heartbeat.interval, heartbeat.windows[0].window.requests) == (42, 120)


@pytest.fixture(scope="module")
def checked_in() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def bodies(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every JSON body that is sent or answered when all goes well, by operation."""
    found = {}
    for methods in document["paths"].values():
        for operation in methods.values():
            parts = {"request": operation.get("requestBody", {})}
            parts |= {status: each for status, each in operation["responses"].items() if status.startswith("2")}
            for name, part in parts.items():
                body = part.get("content", {}).get("application/json", {})
                if body.get("schema"):
                    found[f"{operation['operationId']} {name}"] = body
    return found


def test_the_checked_in_file_is_valid_openapi_3_1(checked_in: dict[str, Any]) -> None:
    validate(checked_in)


def test_every_body_has_an_example_that_fits(checked_in: dict[str, Any]) -> None:
    schemas = checked_in["components"]["schemas"]
    for name, body in bodies(checked_in).items():
        assert "example" in body, name
        Draft202012Validator({**body["schema"], "components": {"schemas": schemas}}).validate(body["example"])


def test_no_example_holds_a_secret(checked_in: dict[str, Any]) -> None:
    text = json.dumps([body["example"] for body in bodies(checked_in).values()])

    assert not re.search(r"eyJ[A-Za-z0-9_-]{20}|hs[enr]_[A-Za-z0-9_-]{20}|X-Amz-Signature=[0-9a-f]{64}", text)


def test_every_operation_is_named_by_a_verb_and_says_what_it_does(checked_in: dict[str, Any]) -> None:
    for methods in checked_in["paths"].values():
        for operation in methods.values():
            assert re.fullmatch(r"[a-z]+([A-Z][a-z]+)*", operation["operationId"]), operation["operationId"]
            assert len(operation["summary"]) >= 10, operation["operationId"]
            assert operation["tags"]


def test_every_operation_says_how_it_fails(checked_in: dict[str, Any]) -> None:
    for methods in checked_in["paths"].values():
        for operation in methods.values():
            failures = {status for status in operation["responses"] if status >= "400"}
            assert "500" in failures
            for status in failures:
                assert "application/problem+json" in operation["responses"][status]["content"]


def test_an_example_recorded_before_a_field_came_is_completed() -> None:
    schemas = {
        "Inner": {"type": "object", "required": ["at"], "properties": {"at": {"type": "string", "format": "date-time"}}}
    }
    schema = {
        "type": "object",
        "required": ["kept", "new", "kind", "inner", "maybe", "many"],
        "properties": {
            "kept": {"type": "integer"},
            "new": {"type": "integer", "minimum": 3},
            "kind": {"enum": ["a", "b"], "type": "string"},
            "inner": {"$ref": "#/components/schemas/Inner"},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "many": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "not asked": {"type": "string"},
        },
    }

    assert fitted(schema, {"kept": 7, "kind": "z", "gone": 1}, schemas) == {
        "kept": 7,
        "new": 3,
        "kind": "a",
        "inner": {"at": "2026-11-21T12:00:00.000Z"},
        "maybe": None,
        "many": [0],
    }
