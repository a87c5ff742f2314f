"""Access tokens under attack, over HTTP with the real keys. Rows T01 to T15 of docs/security.md."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as ec_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.adapters.secret_keys import SIGNS_AFTER_MS, VERIFIES_ON_MS
from chalicelib.domain.identity import Session
from infra.local.gateway import HttpRequest
from tests.routes.conftest import PASSWORD, Api
from tests.security.conftest import RealApi

HERE = "/api/v1/authentication"


def encoded(value: Any) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def signed(real: RealApi, header: Any, payload: Any) -> str:
    """Any header and any payload under our own good signature."""
    _, key = real.keys.signing_key()
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{encoded(key.sign(text.encode()))}"


def good(real: RealApi) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token that is good."""
    token = real.api.token("dana")
    return jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})


def refused(real: RealApi, token: str) -> None:
    before = real.api.snapshot()
    assert real.me(token) == 401, token[:200]
    assert real.api.snapshot() == before


def test_the_forgery_of_these_tests_is_good_but_for_its_changes(real: RealApi) -> None:
    assert real.me(signed(real, *good(real))) == 200


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer ")],
        [("Authorization", "Basic ZGFuYTp3cm9uZw==")],
        [("Authorization", "Bearer {token}"), ("Authorization", "Bearer {token}")],
        [("Authorization", "Bearer {token}"), ("authorization", "Basic eA==")],
        [("Authorization", "{token}")],
        [("Authorization", "Bearer {token} {token}")],
        [("X-Authorization", "Bearer {token}")],
        [("Cookie", "token={token}")],
    ],
)
def test_t01_nothing_but_one_bearer_token_is_an_identity(real: RealApi, headers: list[tuple[str, str]]) -> None:
    token = real.api.token("dana")
    sent = [(name, value.format(token=token)) for name, value in headers]
    request = HttpRequest(method="GET", target=f"{HERE}/me", headers=sent)

    answer = real.api.http.gateway.handle(request)

    assert (answer.status, answer.header("WWW-Authenticate")) == (401, "Bearer")


def test_t01_a_token_in_the_query_is_no_identity(real: RealApi) -> None:
    assert real.api.call("GET", f"{HERE}/me?access_token={real.api.token('dana')}").status == 401


@pytest.mark.parametrize("algorithm", ["none", "nOnE", "NONE", ""])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_t02_an_unsigned_token_is_refused(real: RealApi, algorithm: str, signature: str) -> None:
    header, claims = good(real)

    refused(real, f"{encoded(header | {'alg': algorithm})}.{encoded(claims)}.{signature}")


def public_texts(real: RealApi) -> list[bytes]:
    """Our public key in every spelling somebody may take for a shared secret."""
    public = real.keys.signing_key()[1].public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    [jwk] = real.api.edge.identity.tokens.jwks()["keys"]
    return [
        pem,
        pem.strip(),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes_raw(),
        json.dumps(jwk).encode(),
        jwk["x"].encode(),
    ]


@pytest.mark.parametrize("spelling", range(6))
@pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
def test_t03_our_public_key_is_nobodys_shared_secret(real: RealApi, algorithm: str, spelling: int) -> None:
    import hashlib
    import hmac

    header, claims = good(real)
    text = f"{encoded(header | {'alg': algorithm})}.{encoded(claims)}"
    digest = getattr(hashlib, "sha" + algorithm[2:])
    mac = hmac.new(public_texts(real)[spelling], text.encode(), digest).digest()

    refused(real, f"{text}.{encoded(mac)}")


def test_t04_another_algorithm_with_a_key_of_its_own_is_refused(real: RealApi) -> None:
    header, claims = good(real)
    keys = {"RS256": rsa_key(65_537, 2_048), "PS256": rsa_key(65_537, 2_048), "ES256": ec_key(SECP256R1())}

    for algorithm, key in keys.items():
        refused(real, jwt.encode(claims, key, algorithm=algorithm, headers=header | {"alg": algorithm}))


@pytest.mark.parametrize(
    "key_id",
    [
        "../../dev/null",
        "' OR 1=1 --",
        '{"$ne": null}',
        "http://127.0.0.1/key",
        "",
        7,
        None,
        ["a"],
        {"a": 1},
        "k" * 2_000,
    ],
)
def test_t05_a_key_id_is_looked_up_and_never_followed(real: RealApi, key_id: Any) -> None:
    header, claims = good(real)

    refused(real, signed(real, header | {"kid": key_id}, claims))


def test_t05_a_token_of_a_megabyte_is_refused_before_it_is_read(real: RealApi) -> None:
    header, claims = good(real)

    assert real.me(signed(real, header | {"kid": "k" * 1_000_000}, claims)) in (401, 431)


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t"])
def test_t06_a_key_that_a_token_brings_along_is_refused_and_nobody_is_asked(
    real: RealApi, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, claims = good(real)
    asked: list[Any] = []
    monkeypatch.setattr("socket.create_connection", lambda *given, **_: asked.append(given))
    [jwk] = real.api.edge.identity.tokens.jwks()["keys"]
    value = {"jwk": jwk, "x5c": ["AAAA"], "x5t": "AAAA"}.get(name, "https://attacker.example/keys")

    refused(real, signed(real, header | {name: value}, claims))
    assert asked == []


@pytest.mark.parametrize("changes", [{"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}, {"b64": False}])
def test_t07_rules_a_token_brings_along_are_refused(real: RealApi, changes: dict[str, Any]) -> None:
    header, claims = good(real)

    refused(real, signed(real, header | changes, claims))


@pytest.mark.parametrize(
    "changes", [{"iat": -900, "nbf": -900, "exp": -1}, {"exp": 0}, {"nbf": 60}, {"iat": 60, "nbf": 60}]
)
def test_t08_a_token_whose_time_is_over_or_has_not_come_is_refused(real: RealApi, changes: dict[str, int]) -> None:
    header, claims = good(real)
    now = real.clock.machine_ms() // 1000

    refused(real, signed(real, header, claims | {name: now + offset for name, offset in changes.items()}))


NO_INSTANT = [None, "1790000900", 1e308, 1.5, True, [], {}, 10**30]


@pytest.mark.parametrize("value", NO_INSTANT)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_t09_an_instant_is_a_whole_number_and_no_token_lives_long(real: RealApi, name: str, value: Any) -> None:
    header, claims = good(real)
    changed = {**claims, name: value} if value is not None else {k: v for k, v in claims.items() if k != name}

    refused(real, signed(real, header, changed))


def test_t09_infinity_is_no_number(real: RealApi) -> None:
    header, claims = good(real)
    payload = json.dumps(claims | {"exp": 0}).replace('"exp": 0', '"exp": Infinity').encode()

    refused(real, signed(real, header, payload))


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["hotswap-api", "another"]},
        {"aud": ["hotswap-api"]},
        {"aud": None},
        {"sub": "ada"},
        {"sid": "another"},
        {"gen": 1},
        {"roles": ["Admin"], "scope": "everything"},
    ],
)
def test_t10_a_token_for_somebody_else_or_of_somebody_else_is_refused(real: RealApi, changes: dict[str, Any]) -> None:
    header, claims = good(real)

    refused(real, signed(real, header, claims | changes))


@pytest.mark.parametrize("kind", ["JWT", "id+jwt", "refresh+jwt", "AT+JWT", None])
def test_t10_another_type_of_token_is_refused(real: RealApi, kind: str | None) -> None:
    header, claims = good(real)

    refused(real, signed(real, header | {"typ": kind}, claims))


def test_t10_a_refresh_token_is_no_access_token_and_the_other_way_round(real: RealApi) -> None:
    tokens = real.api.log_in("dana")

    refused(real, tokens["refreshToken"])
    answer = real.api.call("POST", f"{HERE}/refresh", {"refreshToken": tokens["accessToken"]})
    assert answer.status in (400, 401)


@pytest.mark.parametrize("name", ["sub", "roles", "sid"])
def test_t11_a_claim_that_stands_twice_is_refused(real: RealApi, name: str) -> None:
    header, claims = good(real)
    text = json.dumps(claims)
    twice = text[:-1] + f", {json.dumps(name)}: {json.dumps(claims[name])}}}"

    refused(real, signed(real, header, twice.encode()))


def test_t12_no_bit_of_a_token_can_be_flipped(real: RealApi) -> None:
    token = real.api.token("dana")

    for position in range(0, len(token), 7):
        for flip in (1, 8):
            changed = chr(ord(token[position]) ^ flip)
            other = token[:position] + changed + token[position + 1 :]
            status = real.me(other)
            assert status == 401, (position, changed)


@pytest.mark.parametrize(
    "spell",
    [
        lambda t: t + "=",
        lambda t: t + "==",
        lambda t: t + ".",
        lambda t: t + ".AAAA",
        lambda t: t + ".AAAA.AAAA",
        lambda t: t.rpartition(".")[0],
        lambda t: t.rpartition(".")[0] + ".",
        lambda t: t.replace(".", "..", 1),
        lambda t: t[:-1] + chr(ord(t[-1]) + 1),
        lambda t: t.replace(".", ". ", 1),
        lambda t: t[:20] + "\t" + t[20:],
        lambda t: t.replace("_", "/").replace("-", "+") + "+",
        lambda t: "\u00e9" + t,
        lambda t: t.upper(),
        lambda t: "[" * 4_000,
        lambda t: f"{encoded(b'[' * 3_000)}.{encoded(b'{}')}.AAAA",
        lambda t: f"{encoded(b'null')}.{encoded(b'null')}.AAAA",
    ],
)
def test_t12_a_token_has_one_spelling(real: RealApi, spell: Any) -> None:
    assert real.me(spell(real.api.token("dana"))) == 401


def test_t13_whatever_ends_a_session_ends_it_with_the_next_request(real: RealApi) -> None:
    api = real.api
    ends: list[Any] = [
        lambda token: api.call("POST", f"{HERE}/logout", headers={"Authorization": f"Bearer {token}"}),
        lambda _: api.call("POST", "/api/v1/users/dana/disable", {"reason": "x"}, user="ada"),
        lambda _: api.call(
            "PUT", "/api/v1/users/dana/access", {"roles": ["Viewer"], "environments": ["QA"]}, user="ada"
        ),
        lambda _: api.call("POST", "/api/v1/users/dana/reset-password", {}, user="ada"),
    ]
    for end in ends:
        api.call("POST", "/api/v1/users/dana/enable", {}, user="ada")
        token = _anew(api)
        assert real.me(token) == 200
        assert end(token).status < 300
        assert real.me(token) == 401


def _anew(api: Api) -> str:
    answer = api.call("POST", f"{HERE}/login", {"username": "dana", "password": PASSWORD})
    return str(answer.json()["accessToken"])


def test_t14_a_refresh_token_that_comes_twice_ends_the_family(real: RealApi) -> None:
    first = real.api.log_in("dana")
    second = real.api.call("POST", f"{HERE}/refresh", {"refreshToken": first["refreshToken"]}).json()

    again = real.api.call("POST", f"{HERE}/refresh", {"refreshToken": first["refreshToken"]})

    assert again.status == 401
    assert real.me(first["accessToken"]) == real.me(second["accessToken"]) == 401
    assert real.api.call("POST", f"{HERE}/refresh", {"refreshToken": second["refreshToken"]}).status == 401
    claims = jwt.decode(first["accessToken"], options={"verify_signature": False})
    session = real.api.store.get(Session, claims["sid"])
    assert session is not None
    assert session.revoked


def test_t15_a_rotated_key_verifies_in_its_overlap_and_then_no_more(real: RealApi) -> None:
    old, _ = real.keys.signing_key()
    before = real.api.token("dana")
    header, _ = good(real)

    new = real.keys.rotate()

    published = real.api.call("GET", "/.well-known/jwks.json").json()["keys"]
    assert {key["kid"] for key in published} == {old, new}
    assert real.me(before) == 200
    real.clock.advance(SIGNS_AFTER_MS)
    tokens = real.api.log_in("dana")
    assert jwt.get_unverified_header(tokens["accessToken"])["kid"] == new
    assert real.me(before) == real.me(tokens["accessToken"]) == 200
    real.clock.advance(VERIFIES_ON_MS)
    published = real.api.call("GET", "/.well-known/jwks.json").json()["keys"]
    assert {key["kid"] for key in published} == {new}
    now = real.clock.machine_ms() // 1000
    session = real.api.log_in("dana")["accessToken"]
    claims = jwt.decode(session, options={"verify_signature": False})
    fresh = claims | {"iat": now, "nbf": now, "exp": now + 60}
    assert real.me(signed(real, header | {"kid": new}, fresh)) == 200
    refused(real, _signed_by(real, old, header, fresh))


def _signed_by(real: RealApi, key_id: str, header: dict[str, Any], claims: dict[str, Any]) -> str:
    key = real.keys._current().keys[key_id].private
    text = f"{encoded(header | {'kid': key_id})}.{encoded(claims)}"
    return f"{text}.{encoded(key.sign(text.encode()))}"
