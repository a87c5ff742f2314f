"""The whole API against its own description: schemathesis draws good and bad requests, and every check it has judges."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import checks
from schemathesis.config import SchemathesisConfig

from infra.local.http_server import LocalHttp
from tests.routes.conftest import Api, http, make_api
from tests.security import fuzz_figures as told

EXAMPLES = 3
"""For each operation; 25 s of CPU for 99 operations."""

MORE_EXAMPLES = 60
"""For each operation in make test-long."""

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def wsgi(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """The gateway as a WSGI application."""
    target = quote(environ["PATH_INFO"].encode("latin-1"), safe="/%:@!$&'()*+,;=~-._")
    if environ.get("QUERY_STRING"):
        target += "?" + environ["QUERY_STRING"]
    headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["Content-Type"] = environ["CONTENT_TYPE"]
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length) if length else b""
    answer = served().request(environ["REQUEST_METHOD"], target, body=body, headers=headers)
    told.counted["requests"] += 1
    told.counted[f"{answer.status // 100}xx"] += 1
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
    return [answer.body]


@functools.cache
def installation() -> Api:
    api = make_api()
    api.has_deployment()
    api.has_node()
    return api


def served() -> LocalHttp:
    from tests.routes import conftest

    conftest.served.edge = installation().edge
    return http()


BOUNDED = SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
"""Without the coverage phase, which makes some sixty cases of each operation whatever `max_examples` says."""

schema = schemathesis.openapi.from_wsgi("/openapi.json", wsgi, config=BOUNDED)
whole = schemathesis.openapi.from_wsgi("/openapi.json", wsgi)

NOT_ASKED = tuple(checks.CHECKS.get_one(name) for name in ("unsupported_method", "positive_data_acceptance"))
"""What is not asked, and why.

unsupported_method: API Gateway answers 403 to a method a path does not have, and so does the local one.
positive_data_acceptance: rules between fields, cursors (opaque) and 674.0 for 674 (we take whole numbers only where whole
numbers are written) cannot be said in a schema, so a request may keep the schema and still break a rule.
"""


bounded = functools.partial(
    hypothesis.settings,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@schema.parametrize()
@bounded(max_examples=EXAMPLES)
def test_p07_i01_no_request_breaks_what_the_description_promises(case: schemathesis.Case) -> None:
    judge(case)


@pytest.mark.long
@whole.parametrize()
@bounded(max_examples=MORE_EXAMPLES)
def test_p07_i01_and_none_of_many_more(case: schemathesis.Case) -> None:
    judge(case)


def judge(case: schemathesis.Case) -> None:
    """The request and every check of its answer, counted for the end of the run."""
    began = time.process_time()
    told.operations.add(case.operation.label)
    token = installation().token("ada")
    try:
        case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=list(NOT_ASKED))
    finally:
        told.counted["cpuMs"] += round((time.process_time() - began) * 1000)
