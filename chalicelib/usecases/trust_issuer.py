"""Trust an issuer of identity tokens by policy, and stop trusting it."""

from __future__ import annotations

from dataclasses import asdict

from chalicelib.domain.access import Caller
from chalicelib.domain.errors import AlreadyExists, NotFound, StaleWrite
from chalicelib.domain.trust import TrustedIssuer, TrustRule
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Remove


def trust_issuer(
    name: str,
    *,
    url: str,
    audience: str,
    rules: tuple[TrustRule, ...],
    caller: Caller,
    request_id: str = "",
    ports: Ports,
) -> TrustedIssuer:
    """The issuer, whose tokens may be exchanged from now on by whoever meets one of the rules.

    Raises:
        AlreadyExists: the name is taken, or the same issuer and audience are trusted under another name.
    """
    for known in ports.store.list(TrustedIssuer):
        if (known.url, known.audience) == (url, audience):
            raise AlreadyExists("issuer", known.name)
    issuer = TrustedIssuer(
        name=name,
        id=ports.new_id(),
        url=url,
        audience=audience,
        rules=rules,
        added_by=caller.name,
        added_at_ms=ports.clock.machine_ms(),
    )
    detail = {"url": url, "audience": audience, "rules": [asdict(rule) for rule in rules]}
    deed = Deed(
        subject=f"issuer:{name}", actor=caller.name, action="IssuerTrusted", detail=detail, request_id=request_id
    )
    try:
        ports.store.commit(Add(issuer), audited(deed, ports=ports))
    except StaleWrite as lost:
        raise AlreadyExists("issuer", name) from lost
    return issuer


def distrust_issuer(name: str, *, reason: str, caller: Caller, request_id: str = "", ports: Ports) -> None:
    """The issuer is forgotten; sessions it vouched for are over at once.

    Raises:
        NotFound: no such issuer.
    """

    def decide() -> tuple[None, tuple[Change, ...]]:
        issuer = get_issuer(name, ports=ports)
        deed = Deed(
            subject=f"issuer:{name}",
            actor=caller.name,
            action="IssuerDistrusted",
            detail={"url": issuer.url, "reason": reason},
            request_id=request_id,
        )
        return None, (Remove(issuer), audited(deed, ports=ports))

    decide_and_commit(decide, ports=ports)


def list_issuers(*, ports: Ports) -> tuple[TrustedIssuer, ...]:
    """Every issuer that is trusted, by name."""
    return ports.store.list(TrustedIssuer)


def get_issuer(name: str, *, ports: Ports) -> TrustedIssuer:
    """One of them.

    Raises:
        NotFound: no such issuer.
    """
    issuer = ports.store.get(TrustedIssuer, name)
    if issuer is None:
        raise NotFound("issuer", name)
    return issuer
