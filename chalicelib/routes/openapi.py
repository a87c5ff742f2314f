"""OpenAPI 3.1 from what every route promises."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo
from pydantic.json_schema import models_json_schema

from chalicelib.domain.access import PERMISSIONS, Role
from chalicelib.domain.module import SEMVER
from chalicelib.routes.endpoint import Spec, all_specs

REFERENCE = "#/components/schemas/{model}"
TITLE = "HotSwap"
DESCRIPTION = (
    "Progressive delivery: a module version goes onto a live fleet a little at a time, is judged on the fleet's own "
    "numbers, and is taken back when it is worse."
)
_PATH_SCHEMAS: dict[str, dict[str, Any]] = {
    "executionId": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    "nodeId": {"type": "string", "pattern": "^[dqsp]-[0-9A-HJKMNP-TV-Z]{26}$"},
    "callId": {"type": "string", "pattern": "^[0-9A-Z]{26}[.][a-z-]{2,26}[.][0-9]{1,3}$"},
    "ruleId": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    "webhookId": {"type": "string", "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$"},
    "keyId": {"type": "string", "pattern": "^ed25519:[0-9a-f]{32}$"},
    "environment": {"type": "string", "enum": ["Development", "QA", "Staging", "Production"]},
    "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$"},
    "version": {"type": "string", "maxLength": 128, "pattern": f"^{SEMVER.pattern}$"},
    "username": {"type": "string", "pattern": "^[a-z0-9][a-z0-9._@-]{1,63}$"},
    "delegator": {"type": "string", "maxLength": 128},
    "delegate": {"type": "string", "maxLength": 128},
    "issuerName": {"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{1,31}$"},
}


class FieldError(BaseModel):
    """A field, and the rule it broke."""

    field: str
    rule: str


class Problem(BaseModel):
    """What went wrong (RFC 9457). `errors` is empty unless fields broke rules."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: Annotated[str, Field(alias="requestId")]
    errors: list[FieldError]
    current_status: Annotated[str | None, Field(alias="currentStatus")] = None


def describe(*, version: str = "0.1.0") -> dict[str, Any]:
    """The description of every operation, the same every time."""
    found = all_specs()
    inputs = [(spec.body, "validation") for spec in found if spec.body is not None]
    outputs = [(spec.response, "serialization") for spec in found if spec.response is not None]
    _, schemas = models_json_schema(
        [*dict.fromkeys(inputs), *dict.fromkeys(outputs), (Problem, "serialization")],  # type: ignore[list-item]
        ref_template=REFERENCE,
    )
    paths: dict[str, Any] = {}
    for spec in found:
        paths.setdefault(spec.path, {})[spec.method.lower()] = _operation(spec)
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": version, "description": DESCRIPTION, "license": {"name": "MIT"}},
        "paths": paths,
        "components": {
            "schemas": _untitled(dict(sorted(schemas["$defs"].items()))),
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "nodeCredential": {"type": "http", "scheme": "bearer", "description": "What a node got by enrolling."},
                "callbackToken": {"type": "http", "scheme": "bearer", "description": "What a hook call brought along."},
            },
        },
    }


def _operation(spec: Spec) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": spec.operation_id,
        "summary": spec.summary,
        "tags": [spec.tag],
        "parameters": [*_path_parameters(spec), *_query_parameters(spec), *_header_parameters(spec)],
        "responses": {
            **{str(int(s)): _success(spec, s) for s in (spec.status, *spec.also)},
            **{str(s): _failure(s) for s in _failures(spec)},
        },
        "security": [] if spec.access is None else [{_scheme(spec): []}],
    }
    if spec.access not in (None, "node", "callback"):
        allowed = [str(role) for role in Role if spec.access in PERMISSIONS[role]]
        operation["description"] = f"Roles: {', '.join(allowed)}."
    if spec.body is not None:
        required = any(field.is_required() for field in spec.body.model_fields.values())
        content = {"application/json": {"schema": {"$ref": REFERENCE.format(model=spec.body.__name__)}}}
        operation["requestBody"] = {"required": required, "content": content}
    return operation


def _scheme(spec: Spec) -> str:
    return {"node": "nodeCredential", "callback": "callbackToken"}.get(str(spec.access), "accessToken")


def _path_parameters(spec: Spec) -> list[dict[str, Any]]:
    return [{"name": name, "in": "path", "required": True, "schema": _PATH_SCHEMAS[name]} for name in spec.path_names]


def _query_parameters(spec: Spec) -> list[dict[str, Any]]:
    if spec.query is None:
        return []
    schema = _untitled(spec.query.model_json_schema())
    definitions = schema.get("$defs", {})
    required = schema.get("required", [])
    bounds = {field.alias or name: _bounds(field) for name, field in spec.query.model_fields.items()}
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _inlined(each, definitions) | bounds[name],
        }
        for name, each in schema["properties"].items()
    ]


def _bounds(field: FieldInfo) -> dict[str, Any]:
    """What a number from a query must keep: pydantic leaves it out of the schema where a text is read first."""
    limits = {"minimum": "ge", "maximum": "le"}
    return {
        name: getattr(each, limit) for each in field.metadata for name, limit in limits.items() if hasattr(each, limit)
    }


def _untitled(schema: Any) -> Any:
    """A schema without the titles pydantic makes up from names; a property that is called title stays."""
    if isinstance(schema, dict):
        kept = {name: each for name, each in schema.items() if name != "title" or not isinstance(each, str)}
        return {name: _untitled(each) for name, each in kept.items()}
    return [_untitled(each) for each in schema] if isinstance(schema, list) else schema


def _inlined(schema: Any, definitions: dict[str, Any]) -> Any:
    """A query parameter's schema without references: what it refers to is known nowhere else."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
        return {name: _inlined(each, definitions) for name, each in schema.items()}
    return [_inlined(each, definitions) for each in schema] if isinstance(schema, list) else schema


def _header_parameters(spec: Spec) -> list[dict[str, Any]]:
    headers = []
    if spec.is_idempotent_by_key:
        headers.append(("Idempotency-Key", {"type": "string", "minLength": 1, "maxLength": 128}))
    if spec.has_if_match:
        headers.append(("If-Match", {"type": "string"}))
    return [{"name": name, "in": "header", "required": False, "schema": schema} for name, schema in headers]


def _failures(spec: Spec) -> list[int]:
    found = {int(HTTPStatus.INTERNAL_SERVER_ERROR), *spec.errors}
    if spec.body is not None:
        found |= {400, 413, 415}
    if spec.query is not None or spec.path_names:
        found.add(400)
    if spec.path_names:
        found.add(404)  # an id there cannot be
    if spec.access is not None:
        found |= {401} if spec.access in ("node", "callback") else {401, 403}
    return sorted(found)


def _success(spec: Spec, status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if spec.response is not None:
        schema = {"$ref": REFERENCE.format(model=spec.response.__name__)}
        answer["content"] = {spec.media_type: {"schema": schema}}
    elif status != HTTPStatus.NO_CONTENT:
        answer["content"] = {spec.media_type: {}}
    return answer


def _failure(status: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": REFERENCE.format(model="Problem")}}}
    return {"description": HTTPStatus(status).phrase, "content": content}
