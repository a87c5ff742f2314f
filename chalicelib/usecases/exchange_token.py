"""Exchange an identity token of a trusted issuer for an access token: a CI job deploys without a password."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.access import Role
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotAuthenticated
from chalicelib.domain.identity import Session
from chalicelib.domain.trust import TrustedIssuer
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.identity_ports import IdentityPorts
from chalicelib.usecases.log_in import ACCESS_SECONDS
from chalicelib.usecases.ports import Add, Ports

LONGEST_SUBJECT = 255
"""Source: OpenID Connect Core 1.0, section 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """What a job gets: a token for a quarter of an hour, and nothing to make it last longer."""

    name: str
    roles: tuple[Role, ...]
    environments: tuple[Environment, ...]
    access_token: str
    access_expires_at_ms: int


def exchange_token(token: str, *, request_id: str = "", identity: IdentityPorts, ports: Ports) -> Exchanged:
    """An access token with what the first matching rule gives.

    Raises:
        NotAuthenticated: no trusted issuer made this token for us, it is not good now, or no rule accepts it.
        Unavailable: the issuer's keys cannot be had.
    """
    url, audiences = identity.id_tokens.addressed(token)
    candidates = [each for each in ports.store.list(TrustedIssuer) if each.url == url and each.audience in audiences]
    if len(candidates) != 1:
        raise NotAuthenticated("No trusted issuer made this token for this service.")
    issuer = candidates[0]
    claims = identity.id_tokens.read(token, issuer=issuer.url, audience=issuer.audience)
    subject, rule = claims.get("sub"), issuer.grant(claims)
    if rule is None or not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT:
        raise NotAuthenticated(f"The issuer '{issuer.name}' is trusted, but no rule accepts this token.")
    now = ports.clock.machine_ms()
    name = f"{issuer.name}:{subject}"
    session = Session(
        id=ports.new_id(),
        username=name,
        generation=0,
        issuer=issuer.name,
        issuer_id=issuer.id,
        roles=rule.roles,
        environments=rule.environments,
        created_at_ms=now,
        expires_at_ms=now + ACCESS_SECONDS * 1000,
    )
    deed = Deed(
        subject=f"session:{session.id}",
        actor=name,
        action="TokenExchanged",
        detail={"issuer": issuer.name, "roles": [str(role) for role in rule.roles], "conditions": list(rule.claims)},
        request_id=request_id,
    )
    ports.store.commit(Add(session), audited(deed, ports=ports))
    access = identity.tokens.issue(
        subject=name, roles=rule.roles, session=session.id, generation=0, lives_s=ACCESS_SECONDS
    )
    return Exchanged(
        name=name,
        roles=rule.roles,
        environments=rule.environments,
        access_token=access,
        access_expires_at_ms=session.expires_at_ms,
    )
