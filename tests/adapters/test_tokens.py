"""Access tokens: what is ours is read, and nothing else."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.adapters.secret_keys import key_id_of, public_bytes
from chalicelib.adapters.tokens import Claims, Tokens
from chalicelib.domain.access import Role
from chalicelib.domain.errors import NotAuthenticated
from tests.fakes import FakeClock

KEY = Ed25519PrivateKey.generate()
OLD_KEY = Ed25519PrivateKey.generate()
KID, OLD_KID = key_id_of(public_bytes(KEY)), key_id_of(public_bytes(OLD_KEY))
NOW_S = 1_790_000_000


class FakeKeys:
    """Keys that stay, unless they are taken away."""

    def __init__(self) -> None:
        self.gone: set[str] = set()

    def signing_key(self) -> tuple[str, Ed25519PrivateKey]:
        return KID, KEY

    def verifying_keys(self) -> dict[str, Ed25519PrivateKey]:
        return {name: key for name, key in ((KID, KEY), (OLD_KID, OLD_KEY)) if name not in self.gone}

    def verifying_key(self, key_id: str) -> Ed25519PrivateKey | None:
        return self.verifying_keys().get(key_id)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW_S * 1000)


@pytest.fixture
def keys() -> Any:
    return FakeKeys()


@pytest.fixture
def tokens(clock: FakeClock, keys: Any) -> Tokens:
    return Tokens(keys, clock)


def issued(tokens: Tokens) -> str:
    return tokens.issue(subject="dana", roles=[Role.DEPLOYER], session="s1", generation=3)


def forged(*, key: Any = KEY, algorithm: str = "EdDSA", header: dict[str, Any] | None = None, **changes: Any) -> str:
    """A token like ours, but for the changes; None takes a claim away."""
    claims: dict[str, Any] = {
        "iss": "hotswap",
        "aud": "hotswap-api",
        "sub": "dana",
        "iat": NOW_S,
        "nbf": NOW_S,
        "exp": NOW_S + 900,
        "jti": "j",
        "sid": "s1",
        "gen": 3,
        "roles": ["Deployer"],
    }
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": KID, "typ": "at+jwt"} | (header or {}))


def test_a_token_proves_what_it_was_issued_for(tokens: Tokens):
    assert tokens.read(issued(tokens)) == Claims(
        subject="dana", roles=frozenset({Role.DEPLOYER}), session="s1", generation=3, expires_at_s=NOW_S + 900
    )


def test_no_two_tokens_are_the_same(tokens: Tokens):
    assert issued(tokens) != issued(tokens)


def test_a_token_is_good_until_its_time_is_over(tokens: Tokens, clock: FakeClock):
    token = issued(tokens)

    clock.advance(seconds=899)
    tokens.read(token)
    clock.advance(seconds=1)

    with pytest.raises(NotAuthenticated):
        tokens.read(token)


def test_a_token_of_an_older_key_is_read_while_the_key_is_kept(tokens: Tokens):
    assert tokens.read(forged(key=OLD_KEY, header={"kid": OLD_KID})).subject == "dana"


def test_a_token_that_was_read_before_is_refused_once_its_key_is_gone_or_its_time_over(
    tokens: Tokens, keys: FakeKeys, clock: FakeClock
):
    token = issued(tokens)
    assert tokens.read(token) == tokens.read(token)

    keys.gone.add(KID)
    with pytest.raises(NotAuthenticated):
        tokens.read(token)

    keys.gone.clear()
    assert tokens.read(token).subject == "dana"
    clock.advance(seconds=900)
    with pytest.raises(NotAuthenticated):
        tokens.read(token)


def test_a_changed_token_is_refused_though_the_one_it_was_made_of_is_known(tokens: Tokens):
    known, other = issued(tokens), forged(key=OLD_KEY, sub="ada")
    tokens.read(known)

    head, payload, _ = other.split(".")
    for text in (f"{head}.{payload}.{known.split('.')[2]}", known + "A", known[:-1]):
        with pytest.raises(NotAuthenticated):
            tokens.read(text)


def test_no_more_tokens_are_remembered_than_there_may_be_and_none_as_it_is(keys: Any, clock: FakeClock):
    tokens = Tokens(keys, clock, most_known=3)
    made = [issued(tokens) for _ in range(10)]

    for token in (*made, *made):
        assert tokens.read(token).subject == "dana"

    assert len(tokens._verified) <= 3
    assert not set(made) & set(tokens._verified)


def test_a_token_lives_an_hour_at_most(tokens: Tokens):
    with pytest.raises(ValueError):
        tokens.issue(subject="dana", roles=[], session="s", generation=0, lives_s=3_601)


def test_the_forged_token_is_good_but_for_its_changes(tokens: Tokens):
    assert tokens.read(forged()).subject == "dana"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": OLD_KEY},
        {"header": {"kid": "unknown"}},
        {"header": {"kid": ""}},
        {"header": {"typ": "JWT"}},
        {"header": {"jku": "https://attacker.test/keys"}},
        {"header": {"crit": ["exp"], "exp": 1}},
        {"key": "", "algorithm": "none"},
        {"key": KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw) * 2, "algorithm": "HS256"},
        {"iss": "somebody"},
        {"iss": None},
        {"aud": "another-api"},
        {"aud": ["hotswap-api", "another-api"]},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"jti": None},
        {"sid": None},
        {"gen": None},
        {"gen": "3"},
        {"gen": True},
        {"roles": None},
        {"roles": "Admin"},
        {"roles": ["Root"]},
        {"roles": [["Admin"]]},
        {"exp": None},
        {"exp": NOW_S},
        {"exp": NOW_S + 3_601},
        {"exp": float(NOW_S + 900)},
        {"iat": None},
        {"nbf": None},
        {"nbf": NOW_S + 60},
        {"scope": "all"},
        {"iat": NOW_S + 60, "exp": NOW_S + 900},
    ],
)
def test_what_is_not_ours_and_as_we_make_it_is_refused(tokens: Tokens, changes: dict[str, Any]):
    with pytest.raises(NotAuthenticated):
        tokens.read(forged(**changes))


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "é.é.é", "." * 10, "A" * 9_000, "eyJhbGciOiJFZERTQSJ9.." * 3])
def test_what_is_no_token_is_refused(tokens: Tokens, text: str):
    with pytest.raises(NotAuthenticated):
        tokens.read(text)


def test_a_good_token_that_is_too_long_is_refused(tokens: Tokens):
    with pytest.raises(NotAuthenticated):
        tokens.read(forged(sub="d" * 8_192))


def test_a_changed_payload_is_refused(tokens: Tokens):
    header, payload, signature = issued(tokens).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps(claims | {"roles": ["Admin"]}).encode()).decode().rstrip("=")

    with pytest.raises(NotAuthenticated):
        tokens.read(f"{header}.{changed}.{signature}")


def test_the_published_keys_verify_our_tokens_and_hold_nothing_secret(tokens: Tokens):
    published = tokens.jwks()

    keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(published).keys}
    token = issued(tokens)
    claims = jwt.decode(
        token,
        keys[KID],
        algorithms=["EdDSA"],
        audience="hotswap-api",
        options={"verify_exp": False, "verify_iat": False},
    )
    assert claims["sub"] == "dana"
    assert all(set(key) == {"kty", "crv", "alg", "use", "kid", "x"} for key in published["keys"])


def test_a_key_id_is_the_thumbprint_of_the_key():
    # The example of RFC 8037, appendix A.3.
    public = base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")

    assert key_id_of(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
