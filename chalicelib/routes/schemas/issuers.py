"""Bodies of trusted issuers."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from chalicelib.domain.access import Role
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import DestinationRefused, InvalidInput, Violation
from chalicelib.domain.outbound import destination_of
from chalicelib.domain.trust import CLAIM_RULE, GRANTABLE, TrustedIssuer, TrustRule, is_claim_value
from chalicelib.routes.fields import EnvironmentName, Instant, IssuerName, iso, matching, one_of
from chalicelib.routes.schemas.authentication import in_order
from chalicelib.routes.validation import Answered, Received

URL_RULE = "must be an https URL without user, query or fragment, at most 500 characters"


def _is_issuer_url(text: str) -> bool:
    # Whether this machine may be asked is up to the installation: `checked_url`.
    return _may_be_called(text, loopback=True) and len(text) <= 500 and "?" not in text


def _may_be_called(url: str, *, loopback: bool) -> bool:
    try:
        destination_of(url, loopback=loopback)
    except DestinationRefused:
        return False
    return True


GrantedRole = Annotated[Role, one_of(Role, but=frozenset(Role) - GRANTABLE)]
IssuerUrl = Annotated[str, matching(URL_RULE, _is_issuer_url)]
ClaimName = Annotated[str, Field(min_length=1, max_length=100)]
ClaimValue = Annotated[str, matching(CLAIM_RULE, is_claim_value)]


class Rule(Received):
    """Whoever's token has all of these claims, each with one of the values, gets the roles in the environments. A value
    that ends in `*` accepts what begins like it."""

    claims: Annotated[
        dict[ClaimName, Annotated[list[ClaimValue], Field(min_length=1, max_length=20)]],
        Field(min_length=1, max_length=20),
    ]
    roles: Annotated[list[GrantedRole], Field(min_length=1, max_length=3)]
    environments: Annotated[list[EnvironmentName], Field(min_length=1, max_length=4)]


class TrustIssuer(Received):
    """An OpenID Connect issuer to trust, the audience its tokens must be made for, and what its rules give."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "github",
                    "url": "https://token.actions.githubusercontent.com",
                    "audience": "hotswap",
                    "rules": [
                        {
                            "claims": {"repository": ["acme/payments"], "ref": ["refs/heads/main"]},
                            "roles": ["Deployer"],
                            "environments": ["Development", "QA", "Staging", "Production"],
                        }
                    ],
                }
            ]
        }
    )

    name: IssuerName
    url: IssuerUrl
    audience: Annotated[str, Field(min_length=1, max_length=200)]
    rules: Annotated[list[Rule], Field(min_length=1, max_length=20)]

    def checked_url(self, *, loopback: bool) -> str:
        """The issuer's URL, which its keys may be fetched from; `loopback`: also on this machine, without TLS.

        Raises:
            InvalidInput: it may not be called.
        """
        if not _may_be_called(self.url, loopback=loopback):
            raise InvalidInput(Violation("url", URL_RULE))
        return self.url

    def trust_rules(self) -> tuple[TrustRule, ...]:
        """The same for the use case."""
        return tuple(
            TrustRule(
                claims={name: tuple(values) for name, values in rule.claims.items()},
                roles=tuple(dict.fromkeys(rule.roles)),
                environments=tuple(dict.fromkeys(rule.environments)),
            )
            for rule in self.rules
        )


class RuleBody(Answered):
    """What a rule asks, and what it gives."""

    claims: dict[str, list[str]]
    roles: list[Role]
    environments: list[Environment]


class IssuerBody(Answered):
    """A trusted issuer."""

    name: str
    url: str
    audience: str
    rules: list[RuleBody]
    added_by: str
    added_at: Instant


class IssuerList(Answered):
    """Every trusted issuer."""

    issuers: list[IssuerBody]


def issuer_body(issuer: TrustedIssuer) -> IssuerBody:
    """One issuer."""
    return IssuerBody(
        name=issuer.name,
        url=issuer.url,
        audience=issuer.audience,
        rules=[
            RuleBody(
                claims={name: list(values) for name, values in rule.claims.items()},
                roles=sorted(rule.roles),
                environments=in_order(rule.environments),
            )
            for rule in issuer.rules
        ],
        added_by=issuer.added_by,
        added_at=iso(issuer.added_at_ms),
    )
