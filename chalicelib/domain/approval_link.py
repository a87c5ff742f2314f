"""A link that lets one person decide on one question, once, without logging in where they are."""

from __future__ import annotations

from dataclasses import dataclass

LINK_LIVES_S = 15 * 60
"""How long a link is good (machine time)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalLink:
    """What a link is bound to: the question, the plan that was read, the person, and their rights as they were then."""

    id: str
    person: str
    generation: int
    deployment_id: str
    approval_id: str
    plan_hash: str
    expires_at_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedLink:
    """A link that has decided; kept until it would have expired anyway."""

    id: str
    expires_at_s: int
    revision: int = 0

    @property
    def key(self) -> tuple[str, ...]:
        return (self.id,)
