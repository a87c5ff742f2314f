"""Secrets are found nowhere they must not be, in the whole run: tests/conftest.py looks. Row U03."""

from __future__ import annotations

import logging
from typing import Any

import boto3
import pytest

from chalicelib.observability import log, log_failure
from tests import canaries
from tests.canaries import PASSWORD, planted
from tests.conftest import _leaks
from tests.routes.conftest import Api, make_api


class Report:
    """What pytest keeps of a test's output."""

    def __init__(self, text: str) -> None:
        self.sections = [("Captured stdout call", "nothing"), ("Captured log call", text)]


def test_u03_a_secret_in_the_log_of_a_test_is_found() -> None:
    report: Any = Report(f"login failed with {PASSWORD}")

    assert _leaks(report) == ["Captured log call"]
    assert _leaks(Report("login failed")) == []


@pytest.mark.parametrize("service", ["dynamodb", "stepfunctions", "events", "sqs"])
def test_u03_a_secret_in_a_call_to_aws_is_found(service: str) -> None:
    client = boto3.client(service, region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")

    with pytest.raises(AssertionError, match="a secret is sent to"):
        client._make_api_call("Anything", {"Input": {"deep": [planted("token", 1)]}})


def test_u03_no_answer_and_no_record_holds_a_secret_but_the_one_that_gives_it(api_with_people: Api) -> None:
    api = api_with_people
    wrong = [
        api.call("POST", "/api/v1/authentication/login", {"username": PASSWORD, "password": PASSWORD}),
        api.call("POST", "/api/v1/authentication/login", {"username": "dana", "password": PASSWORD, "x": PASSWORD}),
        api.call("POST", "/api/v1/authentication/refresh", {"refreshToken": planted("refresh", 1)}),
        api.call("POST", "/api/v1/authentication/exchange", {"idToken": planted("id", 1)}),
        api.call("POST", "/api/v1/nodes/enrol", {"token": planted("enrol", 1), "name": "node-01"}),
        api.call("GET", "/api/v1/deployments", headers={"Authorization": f"Bearer {planted('access', 1)}"}),
    ]

    assert all(answer.status >= 400 for answer in wrong)
    assert [answer.body for answer in wrong if canaries.is_in(answer.body.decode())] == []
    assert not canaries.is_in(repr(api.snapshot()))


@pytest.fixture
def api_with_people() -> Api:
    api = make_api()
    api.token("dana")
    api.has_node()
    api.ok("ada", "POST", "/api/v1/users", {"username": "erin", "roles": ["Viewer"]})
    return api


def test_u03_what_is_named_like_a_secret_is_withheld_from_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("hotswap").setLevel(logging.INFO)
    log("something", accessToken=planted("access", 1), password=PASSWORD)
    log_failure("failed", RuntimeError("inside"), credential=planted("node", 1))

    written = capsys.readouterr()
    assert not canaries.is_in(written.out + written.err)
