"""The API with the real tokens over a secret in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.id_tokens import IdTokens
from chalicelib.adapters.outbound_http import SafeHttp
from chalicelib.adapters.secret_keys import SecretKeys
from chalicelib.adapters.tokens import Tokens
from chalicelib.usecases.identity_ports import IdentityPorts
from tests.adapters.test_secret_keys import FakeSecrets
from tests.canaries import planted
from tests.fakes import FakeClock
from tests.routes.conftest import Api, QuickPasswords, make_api
from tests.security.oidc_issuer import OidcIssuer


class RealApi:
    """An installation whose tokens are real: its keys, its clock, and who is asked for keys of others."""

    def __init__(self, **edge_fields: Any) -> None:
        clock = FakeClock()
        self.keys = SecretKeys(FakeSecrets(), "hotswap/signing-keys", clock)  # type: ignore[arg-type]
        numbers = iter(range(1, 10_000))
        identity = IdentityPorts(
            tokens=Tokens(self.keys, clock),
            id_tokens=IdTokens(SafeHttp(loopback=True), clock),
            passwords=QuickPasswords(),
            new_secret=lambda: planted("secret", next(numbers)),
        )
        self.api: Api = make_api(identity=identity, clock=clock, loopback_issuers=True, **edge_fields)
        self.clock = clock

    def me(self, token: str, **headers: str) -> int:
        """The status of asking who one is with this token."""
        sent = {"Authorization": f"Bearer {token}", **headers}
        return self.api.call("GET", "/api/v1/authentication/me", headers=sent).status


@pytest.fixture
def real() -> RealApi:
    return RealApi()


@pytest.fixture
def issuer(real: RealApi) -> Iterator[OidcIssuer]:
    with OidcIssuer(now_s=lambda: real.clock.machine_ms() // 1000) as running:
        yield running
