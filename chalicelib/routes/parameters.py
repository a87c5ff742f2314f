"""What stands in the path, the query and the headers of a request, each checked by its rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from chalicelib.domain.errors import NotFound, Violation
from chalicelib.domain.hook import CALL_ID
from chalicelib.domain.identity import USERNAME_RULE, is_username
from chalicelib.domain.module import is_module_name, is_version
from chalicelib.domain.telemetry import correlation_id_of
from chalicelib.domain.trust import ISSUER_NAME_RULE, is_issuer_name
from chalicelib.routes.fields import MODULE_NAME_RULE, VERSION_RULE, environment_named

_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_NODE = re.compile(r"[dqsp]-[0-9A-HJKMNP-TV-Z]{26}")
_KEY_ID = re.compile(r"ed25519:[0-9a-f]{32}")
_REVISION = re.compile(r'"([0-9]{1,8})"')
_IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,128}")

_NAMES: Final[Mapping[str, tuple[Callable[[str], bool], str]]] = MappingProxyType(
    {
        "name": (is_module_name, MODULE_NAME_RULE),
        "version": (is_version, VERSION_RULE),
        "username": (is_username, USERNAME_RULE),
        "issuerName": (is_issuer_name, ISSUER_NAME_RULE),
    }
)
"""What callers name themselves: a broken rule is told."""

_IDS: Final[Mapping[str, tuple[re.Pattern[str], str]]] = MappingProxyType(
    {
        "executionId": (_ULID, "deployment"),
        "nodeId": (_NODE, "node"),
        "keyId": (_KEY_ID, "signing key"),
        "callId": (CALL_ID, "hook call"),
        "webhookId": (_ULID, "webhook"),
        "ruleId": (_ULID, "deploy rule"),
    }
)
"""What we name: whatever looks different does not exist."""


def path_values(names: tuple[str, ...], given: Mapping[str, str]) -> tuple[dict[str, Any], tuple[Violation, ...]]:
    """The path's parameters by the views' names for them, and the rules they break.

    Raises:
        NotFound: an id or an environment there cannot be.
    """
    values: dict[str, Any] = {}
    violations: list[Violation] = []
    for name in names:
        text = given.get(name, "")
        if name in _NAMES and not _NAMES[name][0](text):
            violations.append(Violation(name, _NAMES[name][1]))
        if name in _IDS and not _IDS[name][0].fullmatch(text):
            raise NotFound(_IDS[name][1], text[:100])
        values[_snake(name)] = _environment(text) if name == "environment" else text
    return values, tuple(violations)


def query_values(given: Mapping[str, list[str]]) -> tuple[dict[str, str], tuple[Violation, ...]]:
    """The query's parameters; one that is given twice breaks a rule."""
    twice = tuple(Violation(name[:100], "must be given once") for name, values in given.items() if len(values) != 1)
    return {name: values[0] for name, values in given.items() if len(values) == 1}, twice[:100]


def idempotency_key(event: Mapping[str, Any]) -> tuple[str, tuple[Violation, ...]]:
    """The Idempotency-Key header, empty where there is none."""
    given = _header(event, "idempotency-key")
    if not given:
        return "", ()
    if len(given) > 1 or not _IDEMPOTENCY_KEY.fullmatch(given[0]):
        return "", (Violation("Idempotency-Key", "must be 1 to 128 visible ASCII characters, given once"),)
    return given[0], ()


def if_match(event: Mapping[str, Any]) -> tuple[int | None, tuple[Violation, ...]]:
    """The revision an If-Match header names, None where there is none or any will do."""
    given = _header(event, "if-match")
    if not given or given == ["*"]:
        return None, ()
    match = _REVISION.fullmatch(given[0]) if len(given) == 1 else None
    if match is None:
        return None, (Violation("If-Match", 'must be one revision in quotes, such as "3"'),)
    return int(match[1]), ()


def correlation_id(event: Mapping[str, Any]) -> str:
    """What the caller says the request belongs to, empty where it says nothing that can be that."""
    given = _header(event, "x-correlation-id")
    return correlation_id_of(given[0]) if len(given) == 1 else ""


def source_address(event: Mapping[str, Any]) -> str:
    """The address a request came from as the gateway saw it. What callers say of themselves is not believed."""
    identity = (event.get("requestContext") or {}).get("identity") or {}
    return str(identity.get("sourceIp") or "unknown")[:64]


def _header(event: Mapping[str, Any], wanted: str) -> list[str]:
    headers = event.get("multiValueHeaders") or {}
    return [value for name, values in headers.items() if name.lower() == wanted for value in values]


def _environment(text: str) -> Any:
    found = environment_named(text)
    if found is None:
        raise NotFound("environment", text[:100])
    return found


def _snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)
