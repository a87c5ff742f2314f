"""Which requests count against which limit, as the firewall's statements: made from the routes and `routes/limits.py`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from chalicelib.domain.rate import RateLimit
from chalicelib.routes.endpoint import Spec, all_specs
from chalicelib.routes.limits import POLL, PUBLIC, READ, SIGN_IN, WRITE, limit_of

_ONE_BY_ONE: Final = (SIGN_IN, PUBLIC, POLL)
"""Limits on few operations: these are named. READ and WRITE are whatever is left."""

_AS_IT_IS: Final = [{"priority": 0, "type": "NORMALIZE_PATH"}]
STAGE_PATH: Final = "/api"


def rules() -> tuple[tuple[RateLimit, dict[str, Any]], ...]:
    """Each limit, and which requests count against it."""
    specs = _specs()
    named: dict[RateLimit | None, list[Spec]] = defaultdict(list)
    for spec in specs:
        named[limit_of(spec.operation_id, spec.method, spec.access)].append(spec)
    others = _any_of([_is(spec) for limit in (*_ONE_BY_ONE, None) for spec in named[limit]])
    rest = {"notStatement": {"statement": others}}
    return (
        *((limit, _any_of([_is(spec) for spec in named[limit]])) for limit in _ONE_BY_ONE),
        (READ, {"andStatement": {"statements": [_method("GET"), rest]}}),
        (WRITE, {"andStatement": {"statements": [{"notStatement": {"statement": _method("GET")}}, rest]}}),
    )


def path_pattern(path: str) -> str:
    """A regular expression for the paths of an operation, behind the stage."""
    return "^" + STAGE_PATH + re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)).replace("\\-", "-") + "/?$"


def _specs() -> Sequence[Spec]:
    import app  # noqa: F401  # declares every operation

    return all_specs()


def _is(spec: Spec) -> dict[str, Any]:
    return {
        "andStatement": {
            "statements": [
                _method(spec.method),
                {
                    "regexMatchStatement": {
                        "regexString": path_pattern(spec.path),
                        "fieldToMatch": {"uriPath": {}},
                        "textTransformations": _AS_IT_IS,
                    }
                },
            ]
        }
    }


def _method(method: str) -> dict[str, Any]:
    return {
        "byteMatchStatement": {
            "searchString": method,
            "positionalConstraint": "EXACTLY",
            "fieldToMatch": {"method": {}},
            "textTransformations": [{"priority": 0, "type": "NONE"}],
        }
    }


def _any_of(statements: list[Mapping[str, Any]]) -> dict[str, Any]:
    return {"orStatement": {"statements": statements}} if len(statements) > 1 else dict(statements[0])
