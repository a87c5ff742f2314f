"""The whole API against its own description: schemathesis draws good and bad requests, and every check it has judges."""

from __future__ import annotations

import base64
import functools
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import hypothesis
import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, Phase
from schemathesis import checks
from schemathesis.config import SchemathesisConfig
from schemathesis.core.parameters import ParameterLocation

from chalicelib.domain.access import Action
from chalicelib.domain.guessing import WINDOW_MS
from chalicelib.routes.endpoint import all_specs
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
    # The client of these tests says that it takes packed answers and cannot unpack them.
    headers = {name: value for name, value in headers.items() if name.upper() != "ACCEPT-ENCODING"}
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
    api.ok("ada", "POST", "/api/v1/users", {"username": "erin", "roles": ["Viewer"]})
    return api


@functools.cache
def there() -> dict[str, str]:
    """What a path may name and there is, until one of the requests removes it."""
    api = installation()
    key = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
    modules = "/api/v1/modules/payment-processor"
    webhook = {"url": "https://hooks.example.com/", "eventTypes": ["*"]}
    return {
        "environment": "Development",
        "executionId": api.has_deployment(),
        "keyId": api.ok("ada", "POST", "/api/v1/signing-keys", {"publicKey": key, "owner": "ada"})["keyId"],
        "name": "payment-processor",
        "nodeId": api.has_node()[0],
        "ruleId": api.ok("ada", "POST", f"{modules}/deploy-rules", {})["ruleId"],
        "username": "erin",
        "version": "2.0.0",
        "webhookId": api.ok("ada", "POST", "/api/v1/webhooks", webhook)["webhookId"],
    }


def served() -> LocalHttp:
    from tests.routes import conftest

    conftest.served.edge = installation().edge
    return http()


CHECKS = {
    "negative_data_rejection": {
        "expected-statuses": [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"],
    },
}
"""What is too long for its field may be too long for a body, too: 413 is a refusal, and not among the usual ones."""

BOUNDED = SchemathesisConfig.from_dict({"checks": CHECKS, "phases": {"coverage": {"enabled": False}}})
"""Without the coverage phase, which makes some sixty cases of each operation whatever `max_examples` says."""

WHOLE = SchemathesisConfig.from_dict({"checks": CHECKS})

schema = schemathesis.openapi.from_wsgi("/openapi.json", wsgi, config=BOUNDED)
whole = schemathesis.openapi.from_wsgi("/openapi.json", wsgi, config=WHOLE)

NOT_ASKED = tuple(checks.CHECKS.get_one(name) for name in ("unsupported_method", "positive_data_acceptance"))
"""What is not asked, and why.

unsupported_method: API Gateway answers 403 to a method a path does not have, and so does the local one.
positive_data_acceptance: rules between fields, cursors (opaque) and 674.0 for 674 (we take whole numbers only where whole
numbers are written) cannot be said in a schema, so a request may keep the schema and still break a rule.
"""


FOR_USERS = frozenset(
    f"{spec.method} {spec.path}"
    for spec in all_specs()
    if isinstance(spec.access, Action) and spec.operation_id != "changePassword"
)

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
    token = _signed_in()
    _aim(case)
    try:
        answer = case.call_and_validate(headers={"Authorization": f"Bearer {token}"}, excluded_checks=list(NOT_ASKED))
        if answer.status_code < 300:
            told.fulfilled.add(case.operation.label)
        # Otherwise all that is tested is that nobody is let in. (Some cases are sent without the token on purpose.)
        signed_in = answer.request.headers.get("Authorization") == f"Bearer {token}"
        assert not (signed_in and answer.status_code == 401 and case.operation.label in FOR_USERS)
    finally:
        told.counted["cpuMs"] += round((time.process_time() - began) * 1000)


def _signed_in() -> str:
    """A token that is good now: one of the requests before may have been to log out, many were wrong passwords."""
    served()  # other tests of this process have installations of their own
    there()  # made before anybody's time is over
    api = installation()
    token = api.token("ada")
    if api.call("GET", "/api/v1/authentication/me", headers={"Authorization": f"Bearer {token}"}).status != 200:
        api.clock.advance(WINDOW_MS)
        api.forget("ada")
    return api.token("ada")


def _aim(case: schemathesis.Case) -> None:
    """Every second path that is meant to be good names what there is; ids that are drawn meet nothing."""
    told.counted["cases"] += 1
    if told.counted["cases"] % 2 and not (case.meta and case.meta.is_negative_at(ParameterLocation.PATH)):
        case.path_parameters.update({name: there()[name] for name in case.path_parameters if name in there()})
