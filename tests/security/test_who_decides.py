"""Attacks on approvals: forged and borrowed links, delegations, and rules that ask in somebody's place. Rows O05, T10, R04."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.approval_links import SignedApprovalLinks
from chalicelib.domain.deployment import Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Phase, Rollout
from chalicelib.domain.trust import is_issuer_name
from chalicelib.routes.fields import iso
from chalicelib.usecases.ports import Add, Replace
from tests.builders import DEPLOYMENT_ID, a_deployment, an_approval
from tests.routes.conftest import Api
from tests.security.conftest import RealApi
from tests.stories.conftest import a_world

QUESTION = f"/api/v1/approvals/deployments/{DEPLOYMENT_ID}"
LINK = "/api/v1/approvals/link"


@pytest.fixture
def asked(real: RealApi) -> RealApi:
    """Dana's deployment waits for somebody to agree to Production; tokens and links are real."""
    links = SignedApprovalLinks(real.keys, real.clock)
    object.__setattr__(real.api.edge, "links", links)
    rollout = Rollout(environment=Environment.PRODUCTION, phase=Phase.AWAITING_APPROVAL, approval_id="apr-1")
    waiting = a_deployment(target=Environment.PRODUCTION, status=Status.PENDING_APPROVAL, rollouts=(rollout,))
    real.api.store.commit(Add(waiting), Add(an_approval(id="apr-1")))
    return real


def a_link(api: Api, user: str = "amal") -> str:
    return str(api.ok(user, "POST", f"{QUESTION}/link")["link"].partition("#")[2])


def decide(api: Api, token: str, *, approved: bool = True) -> Any:
    return api.call("POST", f"{LINK}/decision", {"token": token, "approved": approved, "reason": "fine"})


def changed(token: str, part: int, **claims: Any) -> str:
    """The token with other claims (or headers) under the old signature."""
    parts = token.split(".")
    inside = json.loads(base64.urlsafe_b64decode(parts[part] + "=="))
    parts[part] = base64.urlsafe_b64encode(json.dumps(inside | claims).encode()).decode().rstrip("=")
    return ".".join(parts)


FORGERIES: dict[str, Callable[[str, RealApi], str]] = {
    "for somebody else": lambda token, _: changed(token, 1, sub="ada"),
    "for another deployment": lambda token, _: changed(token, 1, dep="01J00000000000000000000002"),
    "for another plan": lambda token, _: changed(token, 1, pln="1" * 64),
    "that lasts": lambda token, _: changed(token, 1, exp=10**10),
    "that was not used": lambda token, _: changed(token, 1, jti="01J00000000000000000000003"),
    "unsigned": lambda token, _: changed(token, 0, alg="none").rpartition(".")[0] + ".",
    "under another key": lambda token, _: changed(token, 0, kid="another"),
    "with a key of its own": lambda token, _: changed(token, 0, jwk={"kty": "OKP"}),
    "that is an access token": lambda _, real: real.api.token("amal"),
    "that is nothing": lambda _, __: "a.b.c",
    "that is empty": lambda _, __: ".",
    "that is long": lambda token, _: token + "A" * 4_000,
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_o05_a_forged_link_reads_and_decides_nothing(asked: RealApi, kind: str) -> None:
    token = FORGERIES[kind](a_link(asked.api), asked)
    before = asked.api.snapshot()

    read = asked.api.call("POST", f"{LINK}/question", {"token": token})

    assert read.status in (400, 401)
    assert decide(asked.api, token).status in (400, 401)
    assert asked.api.snapshot() == before


def test_t10_a_link_is_no_access_token(asked: RealApi) -> None:
    assert asked.me(a_link(asked.api)) == 401


def test_o05_whoever_has_a_link_decides_once_and_for_its_person(asked: RealApi) -> None:
    token = a_link(asked.api)

    first, second = decide(asked.api, token), decide(asked.api, token, approved=False)

    assert [each["by"] for each in first.json()["decisions"]] == ["amal"]
    assert (second.status, second.json()["type"]) == (409, "/problems/already-decided")


def test_o05_two_links_of_one_person_are_one_answer(asked: RealApi) -> None:
    one, other = a_link(asked.api), a_link(asked.api)

    assert (decide(asked.api, one).status, decide(asked.api, other).status) == (200, 409)


def access(real: RealApi, *roles: str, environments: tuple[str, ...] = tuple(Environment)) -> None:
    real.api.ok("ada", "PUT", "/api/v1/users/amal/access", {"roles": list(roles), "environments": list(environments)})


ENDINGS: dict[str, Callable[[RealApi], Any]] = {
    "its person was disabled": lambda real: real.api.ok(
        "ada", "POST", "/api/v1/users/amal/disable", {"reason": "left"}
    ),
    "its person has another role": lambda real: access(real, "Viewer"),
    "its person acts elsewhere": lambda real: access(real, "Approver", environments=("QA",)),
    "the keys were stolen": lambda real: real.keys.rotate(at_once=True),
    "its time is over": lambda real: real.clock.advance(seconds=15 * 60),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_o05_a_link_ends_at_once_when(asked: RealApi, ending: str) -> None:
    token = a_link(asked.api)
    ENDINGS[ending](asked)
    before = asked.api.snapshot()

    assert decide(asked.api, token).status == 401
    assert asked.api.snapshot() == before


@pytest.mark.parametrize("user", ["dana", "vic"])
def test_o05_who_may_not_decide_gets_no_link(asked: RealApi, user: str) -> None:
    assert asked.api.call("POST", f"{QUESTION}/link", user=user).status == 403


def delegate(api: Api, giver: str, to: str) -> Any:
    until = iso(api.clock.policy_ms() + 3_600_000)
    return api.call("POST", "/api/v1/approvals/delegations", {"to": to, "until": until, "reason": "away"}, user=giver)


def approve_for(api: Api, user: str, giver: str = "") -> Any:
    named = {"onBehalfOf": giver} if giver else {}
    return api.call("POST", f"{QUESTION}/approve", {"reason": "fine", **named}, user=user)


def test_o05_nobody_is_made_a_delegate_by_asking(asked: RealApi) -> None:
    assert approve_for(asked.api, "dana", "amal").status == 403
    assert delegate(asked.api, "dana", "vic").status == 403
    assert delegate(asked.api, "amal", "vic").status == 400


def test_o05_a_requester_gains_nothing_by_a_delegation(asked: RealApi) -> None:
    assert delegate(asked.api, "amal", "dana").status == 201

    assert approve_for(asked.api, "dana", "amal").status == 403


def test_o05_one_delegate_of_two_people_is_one_answer(asked: RealApi) -> None:
    api = asked.api
    two = an_approval(id="apr-1", approvers_needed=2, requested_by="carl", revision=1)
    api.store.commit(Replace(two))
    assert [delegate(api, giver, "dana").status for giver in ("amal", "ada")] == [201, 201]

    answers = [approve_for(api, user, giver) for user, giver in (("dana", "amal"), ("dana", "ada"), ("amal", ""))]

    assert [answer.status for answer in answers] == [200, 403, 403]
    assert approve_for(api, "ada").json()["status"] == "Approved"


@pytest.mark.parametrize("name", ["event", "hook", "node", "rule"])
def test_o05_no_issuer_is_called_like_what_acts_here_by_itself(name: str) -> None:
    assert not is_issuer_name(name)


def test_o05_a_rule_is_nobody_so_neither_who_made_it_nor_who_fed_it_approves() -> None:
    with a_world(on_dynamodb=False) as world:
        for environment in ("Development", "QA", "Staging", "Production"):
            world.has_nodes(environment, 1)
        world.has_policy("Staging", approval={"required": False})
        world.has_policy("Production", approval={"excludePusher": False})
        rules = "/api/v1/modules/payment-processor/deploy-rules"
        rule = world.ok("ada", "POST", rules, {"targetEnvironment": "Production"})["ruleId"]
        world.has_version("1.0.0")
        detail = {"moduleName": "payment-processor", "version": "1.0.0"}
        appeared = {"id": "1", "source": "hotswap.requests", "detail-type": "ArtifactPublished", "detail": detail}
        [execution] = world.cloud.invoke("events", appeared)["executionIds"]
        # Whoever takes the rule away stood behind it all the same.
        world.as_user("ada", "DELETE", f"{rules}/{rule}")
        world.until_status(execution, "PendingApproval")

        path = f"/api/v1/approvals/deployments/{execution}"
        question = world.ok("vic", "GET", path)
        own = world.as_user("ada", "POST", f"{path}/approve", {"reason": "mine"})
        other = world.as_user("bo", "POST", f"{path}/approve", {"reason": "seen"})

        assert question["mayNotDecide"] == ["ada", "dana", f"rule:{rule}"]
        assert (own.status, other.status) == (403, 200)
