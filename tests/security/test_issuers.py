"""Identity tokens of an issuer of our own, over loopback: keys, rollover, leeway, and what a job never gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.adapters.id_tokens import (
    CLOCKS_DIFFER_S,
    FETCHED_AGAIN_AFTER_MS,
    GOOD_WITHOUT_ANSWER_MS,
    LOOKED_AGAIN_AFTER_MS,
    IdTokens,
)
from chalicelib.adapters.outbound_http import SafeHttp
from chalicelib.domain.errors import Unavailable
from tests.fakes import FakeClock
from tests.security.conftest import RealApi
from tests.security.oidc_issuer import OidcIssuer, SigningPair
from tests.security.test_tokens import encoded

EXCHANGE = "/api/v1/authentication/exchange"
RULE = {"claims": {"repository": ["acme/payments"]}, "roles": ["Deployer"], "environments": ["Development"]}


@pytest.fixture
def trusting(real: RealApi, issuer: OidcIssuer) -> RealApi:
    body = {"name": "ci", "url": issuer.url, "audience": "hotswap", "rules": [RULE]}
    real.api.ok("ada", "POST", "/api/v1/issuers", body)
    return real


def exchange(real: RealApi, token: str) -> int:
    return real.api.call("POST", EXCHANGE, {"idToken": token}).status


def test_a_ci_job_deploys_without_a_password(trusting: RealApi, issuer: OidcIssuer) -> None:
    trusting.api.has_version()
    answer = trusting.api.call("POST", EXCHANGE, {"idToken": issuer.token()})
    assert answer.status == 200
    headers = {"Authorization": f"Bearer {answer.json()['accessToken']}"}
    body = {"moduleName": "payment-processor", "version": "2.0.0", "targetEnvironment": "Development"}

    accepted = trusting.api.call("POST", "/api/v1/deployments", body, headers=headers)

    assert accepted.status == 202
    found = trusting.api.ok("vic", "GET", f"/api/v1/deployments/{accepted.json()['executionId']}")
    assert found["requestedBy"] == "ci:repo:acme/payments:ref:refs/heads/main"


@pytest.mark.parametrize("kind", [SigningPair.es256, SigningPair.rs256])
def test_the_keys_of_usual_issuers_are_understood(trusting: RealApi, issuer: OidcIssuer, kind: Any) -> None:
    issuer.keys = [kind("one")]

    assert exchange(trusting, issuer.token()) == 200


def test_keys_are_fetched_once_an_hour_and_not_with_every_token(trusting: RealApi, issuer: OidcIssuer) -> None:
    for _ in range(3):
        assert exchange(trusting, issuer.token()) == 200
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]

    trusting.clock.advance(FETCHED_AGAIN_AFTER_MS)
    exchange(trusting, issuer.token())

    assert issuer.asked.count("/keys") == 2


def test_a_key_that_rolled_over_is_found_and_an_old_one_forgotten(trusting: RealApi, issuer: OidcIssuer) -> None:
    old = issuer.keys[0]
    assert exchange(trusting, issuer.token()) == 200
    issuer.keys = [SigningPair.es256("two")]
    trusting.clock.advance(LOOKED_AGAIN_AFTER_MS)

    assert exchange(trusting, issuer.token()) == 200
    assert exchange(trusting, issuer.token(key=old)) == 401


def test_made_up_key_ids_do_not_make_us_ask_the_issuer_all_the_time(trusting: RealApi, issuer: OidcIssuer) -> None:
    for number in range(20):
        assert exchange(trusting, issuer.token(header={"kid": f"made-up-{number}"})) == 401

    assert issuer.asked.count("/keys") == 1


def test_an_issuer_that_is_down_leaves_us_with_the_keys_we_know_for_a_day(
    trusting: RealApi, issuer: OidcIssuer
) -> None:
    assert exchange(trusting, issuer.token()) == 200
    issuer.is_down = True
    trusting.clock.advance(FETCHED_AGAIN_AFTER_MS)

    assert exchange(trusting, issuer.token()) == 200
    trusting.clock.advance(GOOD_WITHOUT_ANSWER_MS)
    assert exchange(trusting, issuer.token()) == 503


def test_clocks_may_differ_by_half_a_minute(trusting: RealApi, issuer: OidcIssuer) -> None:
    now = trusting.clock.machine_ms() // 1000

    assert exchange(trusting, issuer.token(iat=now - 300, exp=now - CLOCKS_DIFFER_S + 1)) == 200
    assert exchange(trusting, issuer.token(iat=now - 300, exp=now - CLOCKS_DIFFER_S)) == 401
    assert exchange(trusting, issuer.token(nbf=now + CLOCKS_DIFFER_S)) == 200
    assert exchange(trusting, issuer.token(nbf=now + CLOCKS_DIFFER_S + 1)) == 401


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example.com"},
        {"aud": "another"},
        {"aud": None},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"exp": 1e308},
        {"exp": "1790000900"},
        {"iat": 0},
        {"repository": "acme/other"},
        {"repository": None},
        {"repository": ["acme/payments"]},
        {"repository": {"acme/payments": 1}},
    ],
)
def test_a_token_that_does_not_say_what_it_must_gets_nothing(
    trusting: RealApi, issuer: OidcIssuer, claims: dict[str, Any]
) -> None:
    assert exchange(trusting, issuer.token(**claims)) == 401


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"jku": "http://127.0.0.1:1/keys"},
        {"jwk": {"kty": "EC"}},
        {"x5u": "http://127.0.0.1:1/chain"},
        {"typ": "at+jwt"},
        {"kid": 7},
        {"kid": "unknown"},
    ],
)
def test_a_header_that_brings_its_own_rules_gets_nothing(
    trusting: RealApi, issuer: OidcIssuer, header: dict[str, Any]
) -> None:
    _, payload, signature = issuer.token().split(".")
    own = {"alg": "ES256", "typ": "JWT", "kid": "one"} | header

    assert exchange(trusting, f"{encoded(json.dumps(own).encode())}.{payload}.{signature}") == 401


def test_a_key_of_another_kind_under_a_known_id_gets_nothing(trusting: RealApi, issuer: OidcIssuer) -> None:
    forger = SigningPair("one", SigningPair.rs256("x").private, "RS256")

    assert exchange(trusting, issuer.token(key=forger)) == 401


@pytest.mark.filterwarnings("ignore:The RSA key is")
def test_an_rsa_key_that_is_too_short_is_not_used(trusting: RealApi, issuer: OidcIssuer) -> None:
    issuer.keys = [SigningPair.rs256("short", 1_024), SigningPair.es256("one")]

    assert exchange(trusting, issuer.token(key=issuer.keys[0])) == 401
    assert exchange(trusting, issuer.token()) == 200


@pytest.mark.parametrize(
    "discovery",
    [{"issuer": "https://other.example.com"}, {"jwks_uri": None}, {"jwks_uri": "http://169.254.169.254/latest"}],
)
def test_an_issuer_that_sends_us_elsewhere_is_not_followed(
    trusting: RealApi, issuer: OidcIssuer, discovery: dict[str, Any]
) -> None:
    issuer.discovery = discovery

    assert exchange(trusting, issuer.token()) == 503
    assert "/keys" not in issuer.asked


def test_an_issuer_on_this_machine_is_asked_only_where_that_is_allowed(issuer: OidcIssuer) -> None:
    reader = IdTokens(SafeHttp(), FakeClock())

    with pytest.raises(Unavailable):
        reader.read(issuer.token(), issuer=issuer.url, audience="hotswap")
    assert issuer.asked == []


def test_an_access_token_of_ours_is_no_identity_token(trusting: RealApi) -> None:
    assert exchange(trusting, trusting.api.token("dana")) == 401
