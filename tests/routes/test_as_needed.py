"""In Lambda a noun of the API is imported when it is first asked for; what is answered is the same."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import Chalice

import app as application
from chalicelib.routes.api import add_routes
from chalicelib.routes.endpoint import Spec, all_specs
from chalicelib.routes.noun import NOUNS

SPECS = {f"{spec.method} {spec.path}": spec for spec in all_specs()}


def an_app_of_lambda() -> Chalice:
    def edge() -> Any:
        return None

    app = Chalice(app_name="hotswap-as-needed", configure_logs=False)
    add_routes(app, edge, as_needed=True)
    return app


def ask(app: Chalice, method: str, path: str) -> int:
    context = {"resourcePath": path, "httpMethod": method, "requestId": "r", "identity": {}}
    event = {
        "path": path,
        "headers": {},
        "multiValueHeaders": {},
        "multiValueQueryStringParameters": None,
        "pathParameters": {each[1:-1]: "x" for each in path.split("/") if each.startswith("{")} or None,
        "requestContext": context,
        "body": None,
        "stageVariables": None,
        "isBase64Encoded": False,
    }
    return int(app(event, None)["statusCode"])


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_first_request_finds_its_route_whichever_it_is(spec: Spec) -> None:
    app = an_app_of_lambda()
    assert not app.routes

    ask(app, spec.method, spec.path)

    assert set(app.routes[spec.path]) == set(application.app.routes[spec.path])


def test_all_routes_are_there_in_the_end_and_once() -> None:
    app = an_app_of_lambda()

    for spec in SPECS.values():
        ask(app, spec.method, spec.path)

    assert {path: set(methods) for path, methods in app.routes.items()} == {
        path: set(methods) for path, methods in application.app.routes.items()
    }


def test_who_asks_for_deployments_waits_for_nothing_else() -> None:
    app = an_app_of_lambda()

    ask(app, "GET", "/api/v1/deployments")

    assert {path.split("/")[3] for path in app.routes} == {"deployments"}


def test_what_there_is_not_is_answered_as_ever(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(an_app_of_lambda(), "PATCH", "/api/v1/deployments") == 405


def test_no_path_is_served_by_two_nouns_and_every_noun_is_listed() -> None:
    nouns: dict[str, set[str]] = {}
    for spec in SPECS.values():
        nouns.setdefault(spec.path, set()).add(spec.tag)

    assert [path for path, of in nouns.items() if len(of) > 1] == []
    assert {spec.tag for spec in SPECS.values()} == set(NOUNS)
