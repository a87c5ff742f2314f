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
