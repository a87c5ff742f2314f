"""Secrets are found nowhere they must not be, in the whole run: tests/conftest.py looks. Row U03."""

from __future__ import annotations

import base64
import json
import logging
from typing import Any

import boto3
import pytest

from chalicelib import wiring
from chalicelib.domain.seal import MasterKey
from chalicelib.domain.waiting import Wait
from chalicelib.observability import log, log_failure
from chalicelib.usecases.ports import Add
from infra.local.cloud import LocalCloud
from infra.local.repairs import task_tokens
from infra.resources import HOTSWAP
from tests import canaries
from tests.builders import a_deployment
from tests.canaries import PASSWORD, planted
from tests.conftest import _leaks
from tests.fakes import fake_ports
from tests.routes.conftest import Api, make_api
from tests.security.conftest import RealApi
from tests.stories.conftest import a_world
from tests.stories.story_time import StoryTime


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
    assert canaries.found() == [f"{service}:Anything"]


KEY = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
PEM = f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"
TASK_TOKEN = task_tokens.new_token()
SECRETS = {
    "a password": PASSWORD,
    "a refresh token": "hsr_01J00000000000000000000001_" + "x" * 43,
    "a node's credential": "hsn_" + "x" * 43,
    "an enrol token": "hse_" + "x" * 43,
    "a call's token": MasterKey(b"m" * 32).callback_token("01J00000000000000000000001.test.1"),
    "a receiver's secret": MasterKey(b"m" * 32).secret("hooks", 1),
    "a signing key": PEM,
    "a task token": TASK_TOKEN,
}


@pytest.mark.parametrize("kind", SECRETS)
def test_u03_a_secret_is_known_by_its_mark_or_its_form_however_it_is_wrapped(kind: str) -> None:
    for wrapped in (
        SECRETS[kind],
        {"deep": [SECRETS[kind]]},
        json.dumps({"a": SECRETS[kind]}),
        [SECRETS[kind].encode()],
    ):
        assert canaries.is_in(wrapped, task_tokens=True), wrapped
    assert not canaries.is_in({"name": "hsr_", "eyJ": ".eyJ", "text": "hsc_short AQ-nothing"}, task_tokens=True)


def test_u03_a_real_token_is_known_by_its_form(real: RealApi) -> None:
    assert canaries.is_in(real.api.log_in("dana")["accessToken"])


def test_u03_what_is_put_into_secrets_manager_is_learnt() -> None:
    value = json.dumps({"keys": {"one": {"pem": PEM, "signsFrom": 0, "goodUntil": 1}}})
    other = base64.b64encode(b"\x07" * 32).decode()

    canaries.require_absent("secretsmanager", "PutSecretValue", {"SecretId": "hotswap/keys", "SecretString": value})
    canaries.require_absent(
        "secretsmanager", "PutSecretValue", {"SecretId": "hotswap/master-key", "SecretString": other}
    )

    assert canaries.is_in(f"the key is {KEY}")
    assert canaries.is_in({"derived from": other})


def test_u03_a_user_s_function_alone_is_told_the_token_of_its_call() -> None:
    told = {"FunctionName": "hotswap-hook-smoke", "Payload": SECRETS["a call's token"]}

    canaries.require_absent("lambda", "Invoke", told)
    with pytest.raises(AssertionError):
        canaries.require_absent("lambda", "Invoke", told | {"FunctionName": "events"})
    assert canaries.found() == ["lambda:Invoke"]


@pytest.mark.parametrize("kind", ["a password", "a task token"])
def test_u03_a_secret_in_an_output_that_the_machine_keeps_is_found(kind: str) -> None:
    time = StoryTime()
    steps = {"steps": lambda _event, _context: {"said": SECRETS[kind]}}
    with LocalCloud(timers=time, resources=HOTSWAP, handlers=steps) as cloud:
        cloud.start_execution("hotswap-deployment", "one", {"deploymentId": "one"})
        time.wait_until_quiet()

    assert "the output of arn:aws:lambda:us-east-1:123456789012:function:steps" in canaries.found()


def test_u03_a_secret_in_a_record_or_an_event_of_a_fake_is_found() -> None:
    ports = fake_ports()
    with pytest.raises(AssertionError):
        ports.store.commit(Add(a_deployment(description=PASSWORD)))
    with pytest.raises(AssertionError):
        ports.calls.order({"kind": "hook", "body": SECRETS["a call's token"]})

    assert canaries.found() == ["dynamodb:PutItem", "lambda:Invoke"]


def test_u03_a_secret_in_an_answer_that_refuses_is_found(api_with_people: Api) -> None:
    answer = api_with_people.call("GET", f"/api/v1/deployments/{planted('typed', 1)}", user="vic")

    assert (answer.status, canaries.found()) == (404, ["the answer 404 to GET"])


def test_u03_the_token_of_a_waiting_state_is_in_no_answer_event_or_log() -> None:
    """Whoever may read the machine's history sees it there: Step Functions keeps what it gives to the function."""
    with a_world(on_dynamodb=True) as world:
        world.has_nodes("Development", 1)
        world.has_version("1.0.0")
        deployment = world.deploy("1.0.0", "Development")
        world.settle()
        wait = wiring.store().get(Wait, deployment)
        assert wait is not None
        assert canaries.has_task_token(wait.token)

        world.run(deployment)
        answers = [world.as_user("ada", "GET", f"/api/v1/{path}") for path in _tells(deployment)]

    assert [answer.status for answer in answers] == [200] * len(answers)
    assert canaries.found() == []


def _tells(deployment: str) -> tuple[str, ...]:
    about = f"deployments/{deployment}"
    return (about, f"{about}/events?after=0", f"{about}/verdicts", f"audit?subject=deployment:{deployment}")


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
