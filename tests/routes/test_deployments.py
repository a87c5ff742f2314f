"""Deployments over HTTP: asking for one, looking at it, saying something to it."""

from __future__ import annotations

import dataclasses

import pytest

from chalicelib.domain.deployment import Deployment, Failure, Stage, StageName, StageStatus, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Phase, Rollout, Wave, WaveStatus
from chalicelib.domain.strategies import WaveKind
from chalicelib.usecases.ports import Add, Replace
from tests.builders import a_deployment
from tests.routes.conftest import Api

ALL = "/api/v1/deployments"
BODY = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development"}


def test_creating_one_is_202_with_its_place_and_its_links(api: Api) -> None:
    api.has_version()

    answer = api.call("POST", ALL, BODY, user="dana")

    execution = answer.json()["executionId"]
    assert (answer.status, answer.header("Location")) == (202, f"{ALL}/{execution}")
    assert answer.json() == {
        "executionId": execution,
        "status": "Pending",
        "startTime": "2026-09-21T14:13:20.000Z",
        "links": {"self": f"{ALL}/{execution}", "events": f"{ALL}/{execution}/events"},
    }
    assert api.ports.executions.is_running(execution)


def test_everything_the_caller_sent_comes_back(api: Api) -> None:
    sent = {
        "targetEnvironment": "QA",
        "requesterEmail": "dev@example.com",
        "requireApproval": True,
        "description": "Fee breakdown — ünïcode, 'quotes' and\nlines",
        "metadata": {"ticket": "PAY-17", "$ne": "#:{0.__class__}${jndi:}"},
    }

    found = api.ok("vic", "GET", f"{ALL}/{api.has_deployment(**sent)}")

    assert {name: found[name] for name in sent} == sent
    assert (found["moduleName"], found["version"], found["requestedBy"]) == ("payment-processor", "2.0.0", "dana")
    assert [each["environment"] for each in found["environments"]] == ["Development", "QA"]


def test_a_hotfix_jumps_what_it_names_and_asks_for_a_second_person(api: Api) -> None:
    hotfix = {"reason": "money is lost", "skip": ["development", "QA"]}

    found = api.ok("vic", "GET", f"{ALL}/{api.has_deployment(targetEnvironment='Staging', hotfix=hotfix)}")

    assert [each["phase"] for each in found["environments"]] == ["Skipped", "Skipped", "Pending"]
    assert (found["requireApproval"], found["hotfixReason"]) == (True, "money is lost")


def test_an_unknown_version_is_404_and_nothing_is_recorded(api: Api) -> None:
    api.token("dana")
    before = api.snapshot()

    answer = api.call("POST", ALL, BODY, user="dana", headers={"Idempotency-Key": "k"})

    assert (answer.status, answer.json()["type"]) == (404, "/problems/not-found")
    assert api.snapshot() == before


def test_the_same_key_and_body_give_the_same_answer_even_when_the_deployment_has_moved_on(api: Api) -> None:
    api.has_version()
    key = {"Idempotency-Key": "once"}
    first = api.call("POST", ALL, BODY, user="dana", headers=key)
    stored = api.store.get(Deployment, first.json()["executionId"])
    assert stored is not None
    api.store.commit(Replace(dataclasses.replace(stored, status=Status.RUNNING, revision=stored.revision + 1)))

    second = api.call("POST", ALL, {**BODY, "targetEnvironment": "development"}, user="dana", headers=key)

    assert (second.status, second.body, second.header("Location")) == (202, first.body, first.header("Location"))


def test_the_same_key_with_another_body_is_422(api: Api) -> None:
    api.has_version()
    api.call("POST", ALL, BODY, user="dana", headers={"Idempotency-Key": "once"})

    answer = api.call("POST", ALL, {**BODY, "description": "other"}, user="dana", headers={"Idempotency-Key": "once"})

    assert (answer.status, answer.json()["type"]) == (422, "/problems/idempotency-mismatch")


def test_the_key_of_one_caller_is_not_the_key_of_another(api: Api) -> None:
    api.has_version()
    one = api.call("POST", ALL, BODY, user="dana", headers={"Idempotency-Key": "k"}).json()
    other = api.call("POST", ALL, BODY, user="ada", headers={"Idempotency-Key": "k"}).json()

    assert one["executionId"] != other["executionId"]


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "k" * 129])
def test_a_key_is_1_to_128_visible_ascii_characters(api: Api, key: str) -> None:
    api.has_version()

    answer = api.call("POST", ALL, BODY, user="dana", headers={"Idempotency-Key": key})

    assert [error["field"] for error in answer.json()["errors"]] == ["Idempotency-Key"]


def test_the_list_is_newest_first_and_its_pages_miss_and_repeat_nothing(api: Api) -> None:
    made = [api.has_deployment() for _ in range(7)]

    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        page = api.ok("vic", "GET", f"{ALL}?limit=2{cursor}")
        seen += [each["executionId"] for each in page["deployments"]]
        cursor = f"&cursor={page['cursor']}"

    assert (seen, page["cursor"]) == (made[::-1], None)


def test_filters_narrow_the_list(api: Api) -> None:
    api.has_version(module="other-module")
    other = api.has_deployment(moduleName="other-module")
    qa = api.has_deployment(targetEnvironment="QA")
    api.has_deployment()
    api.ok("dana", "POST", f"{ALL}/{qa}/cancel")

    def found(query: str) -> list[str]:
        return [each["executionId"] for each in api.ok("vic", "GET", f"{ALL}?{query}")["deployments"]]

    assert found("module=other-module") == [other]
    assert found("environment=qa") == [qa]
    assert found("status=cancelled") == [qa]
    assert found("module=other-module&environment=QA") == []


def test_a_filter_that_leaves_little_still_finds_everything(api: Api) -> None:
    wanted = {api.has_deployment(targetEnvironment="QA" if n % 5 == 0 else "Development") for n in range(25)}
    wanted = {e for e in wanted if api.ok("vic", "GET", f"{ALL}/{e}")["targetEnvironment"] == "QA"}

    seen: list[str] = []
    cursor = ""
    for _ in range(20):
        page = api.ok("vic", "GET", f"{ALL}?environment=QA&limit=2{cursor}")
        seen += [each["executionId"] for each in page["deployments"]]
        if page["cursor"] is None:
            break
        cursor = f"&cursor={page['cursor']}"

    assert (sorted(seen), page["cursor"]) == (sorted(wanted), None)


def test_a_cursor_that_was_changed_or_given_for_another_list_is_400(api: Api) -> None:
    for _ in range(3):
        api.has_deployment()
    cursor = api.ok("vic", "GET", f"{ALL}?limit=1")["cursor"]
    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]

    tampered = api.call("GET", f"{ALL}?cursor={flipped}", user="vic")
    foreign = api.call("GET", f"{ALL}?module=payment-processor&cursor={cursor}", user="vic")

    for answer in (tampered, foreign):
        assert (answer.status, answer.json()["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("signal", ["pause", "resume", "promote", "rollback"])
def test_a_signal_that_the_state_forbids_is_409_naming_the_state(api: Api, signal: str) -> None:
    execution = api.has_deployment()
    before = api.snapshot()

    answer = api.call("POST", f"{ALL}/{execution}/{signal}", user="dana")

    body = answer.json()
    assert (answer.status, body["type"], body["currentStatus"]) == (409, "/problems/illegal-transition", "Pending")
    assert api.snapshot() == before


@pytest.mark.parametrize("signal", ["cancel", "pause", "resume", "promote", "rollback"])
def test_an_ended_deployment_takes_no_signal(api: Api, signal: str) -> None:
    ended = a_deployment(status=Status.FAILED, failure=Failure(code="STEP_FAILED", message="broke"), ended_at_ms=1)
    api.store.commit(Add(ended))
    api.token("dana")
    before = api.snapshot()

    answer = api.call("POST", f"{ALL}/{ended.id}/{signal}", {"reason": "r"}, user="dana")

    assert (answer.status, answer.json()["currentStatus"]) == (409, "Failed")
    assert api.snapshot() == before


@pytest.mark.parametrize("signal", ["cancel", "pause", "resume", "promote", "rollback"])
def test_a_signal_to_nobody_is_404(api: Api, signal: str) -> None:
    assert api.call("POST", f"{ALL}/01J00000000000000000099999/{signal}", user="dana").status == 404


def test_cancelling_twice_is_answered_the_same(api: Api) -> None:
    execution = api.has_deployment()

    first = api.call("POST", f"{ALL}/{execution}/cancel", {"reason": "r"}, user="dana")
    second = api.call("POST", f"{ALL}/{execution}/cancel", user="dana")

    assert (first.status, second.status, first.json()["status"]) == (202, 202, "Cancelled")
    assert second.json() == first.json()


def test_a_failed_deployment_says_why_and_shows_stages_waves_and_verdicts(api: Api) -> None:
    wave = Wave(
        number=0,
        kind=WaveKind.DEPLOY,
        first=0,
        upto=2,
        bake_seconds=60,
        status=WaveStatus.ROLLED_BACK,
        compared_with="control",
    )
    rollout = Rollout(
        environment=Environment.DEVELOPMENT,
        phase=Phase.RESTORED,
        waves=(wave,),
        fleet=3,
        touched_upto=2,
        goal="RolledBack",
        why="Errors rose from 1 % to 20 %.",
        restored_nodes=2,
    )
    stage = Stage(name=StageName.BUILD, status=StageStatus.SUCCEEDED, started_at_ms=1, ended_at_ms=2, message="ok")
    failure = Failure(code="ROLLED_BACK", message="Errors rose from 1 % to 20 %.")
    ended = a_deployment(status=Status.ROLLED_BACK, failure=failure, rollouts=(rollout,), stages=(stage,))
    api.store.commit(Add(ended))

    found = api.ok("vic", "GET", f"{ALL}/{ended.id}")

    assert found["error"] == {"code": "ROLLED_BACK", "message": "Errors rose from 1 % to 20 %."}
    assert [(each["name"], each["status"]) for each in found["stages"]] == [("Build", "Succeeded")]
    shown = found["environments"][0]
    assert (shown["restore"]["restoredNodes"], shown["restore"]["goal"]) == (2, "RolledBack")
    assert (shown["waves"][0]["decision"], shown["waves"][0]["comparedWith"]) == ("rollback", "control")
    assert shown["waves"][0]["sentence"] == "Errors rose from 1 % to 20 %."
