"""What every answer carries, browsers' preflights, failures of ours, and the service's own pages."""

from __future__ import annotations

from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib.domain.errors import Unavailable
from chalicelib.routes.api import add_routes
from infra.local.http_server import LocalHttp
from tests.fakes import FakeStore
from tests.routes.conftest import Api, make_api

ORIGIN = "https://console.test"
PROMISED = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class BrokenStore(FakeStore):
    """A table that breaks in its own words."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._later = error

    def break_down(self) -> None:
        self.error = self._later

    def get(self, kind: Any, *key: str) -> Any:
        if self.error is not None:
            raise self.error
        return super().get(kind, *key)

    def list(self, kind: Any, *prefix: str, **options: Any) -> Any:
        if self.error is not None:
            raise self.error
        return super().list(kind, *prefix, **options)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/health"), ("GET", "/openapi.json"), ("GET", "/api/v1/deployments")],
)
def test_every_answer_carries_the_security_headers_and_its_request_id(api: Api, method: str, path: str) -> None:
    answer = api.call(method, path)

    assert {name: answer.header(name) for name in PROMISED} == PROMISED
    assert answer.header("X-Request-Id") == answer.header("x-amzn-RequestId")


def test_a_problem_names_its_request_and_its_place(api: Api) -> None:
    answer = api.call("GET", "/api/v1/deployments?limit=0", user="vic")

    assert answer.json()["requestId"] == answer.header("X-Request-Id")
    assert answer.json()["instance"] == "/api/v1/deployments"


@pytest.mark.parametrize("origin", [ORIGIN, "https://evil.test", "null", None])
def test_only_an_allowed_site_may_read_answers(api: Api, origin: str | None) -> None:
    answer = api.call("GET", "/health", headers={"Origin": origin} if origin else {})

    assert answer.header("Access-Control-Allow-Origin") == (ORIGIN if origin == ORIGIN else None)
    assert answer.header("Vary") == "Origin"


def test_a_preflight_is_answered_for_every_path(api: Api) -> None:
    answer = api.call("OPTIONS", "/api/v1/deployments", headers={"Origin": ORIGIN})
    other = api.call("OPTIONS", "/api/v1/deployments/x/cancel", headers={"Origin": "https://evil.test"})

    assert (answer.status, answer.header("Access-Control-Allow-Origin")) == (204, ORIGIN)
    assert answer.header("Access-Control-Allow-Methods") == "GET,POST,OPTIONS"
    assert "Idempotency-Key" in str(answer.header("Access-Control-Allow-Headers"))
    assert (other.status, other.header("Access-Control-Allow-Origin")) == (204, None)


def test_a_failure_of_ours_is_500_without_the_inside() -> None:
    api = make_api()
    api.token("vic")
    object.__setattr__(api.edge.ports, "store", None)

    answer = api.call("GET", "/api/v1/deployments", user="vic")

    body = answer.json()
    assert (answer.status, body["type"]) == (500, "/problems/internal-error")
    assert (body["detail"], body["errors"]) == ("Something went wrong on our side.", [])
    assert "NoneType" not in answer.body.decode()


def test_a_service_that_does_not_answer_is_503_with_a_hint_to_come_back() -> None:
    api = make_api()
    execution = api.has_deployment()
    store = BrokenStore(Unavailable("The table does not answer."))
    store.break_down()
    api.token("vic")
    object.__setattr__(api.edge.ports, "store", store)

    answer = api.call("GET", f"/api/v1/deployments/{execution}", user="vic")

    assert (answer.status, answer.json()["type"]) == (503, "/problems/unavailable")
    assert answer.header("Retry-After") == "1"


def test_an_edge_that_cannot_be_made_is_500_in_the_same_shape() -> None:
    def nothing() -> Any:
        raise RuntimeError("HOTSWAP_TABLE is not set")

    app = Chalice(app_name="hotswap-broken", configure_logs=False)
    add_routes(app, nothing)

    answer = LocalHttp(app).request("GET", "/health")

    assert (answer.status, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "HOTSWAP_TABLE" not in answer.body.decode()


def test_health_says_version_and_stage_and_what_can_be_reached(api: Api) -> None:
    answer = api.call("GET", "/health")

    assert answer.json() == {
        "status": "ok",
        "version": "0.1.0",
        "stage": "test",
        "checks": {"table": "ok"},
        "line": "running",
    }


def test_health_is_503_when_the_table_cannot_be_reached() -> None:
    api = make_api()
    store = BrokenStore(Unavailable("The table does not answer."))
    store.break_down()
    object.__setattr__(api.edge.ports, "store", store)

    answer = api.call("GET", "/health")

    assert (answer.status, answer.json()["checks"]) == (503, {"table": "unavailable"})


def test_the_description_of_the_api_is_served(api: Api) -> None:
    assert api.call("GET", "/openapi.json").json()["openapi"] == "3.1.0"


@pytest.mark.parametrize("method", ["PATCH", "TRACE", "PUT"])
def test_another_method_is_refused_in_the_same_shape(api: Api, method: str) -> None:
    answer = api.call(method, "/api/v1/deployments", {}, user="ada")

    assert (answer.status, set(answer.json())) == (403, set(api.call("GET", "/api/v1/nowhere").json()))


def test_a_method_override_is_not_understood(api: Api) -> None:
    execution = api.has_deployment()

    answer = api.call(
        "GET", f"/api/v1/deployments/{execution}", user="ada", headers={"X-HTTP-Method-Override": "DELETE"}
    )

    assert (answer.status, answer.json()["status"]) == (200, "Pending")


def test_a_media_type_chalice_itself_refuses_has_the_shape_of_all_problems(api: Api) -> None:
    answer = api.call("GET", "/api/v1/deployments", user="vic", headers={"Content-Type": "text/plain"})

    assert (answer.status, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert answer.header("Content-Type") == "application/problem+json"
