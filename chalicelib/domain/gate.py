"""When people have to agree before an environment is changed."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.approval import RoleNeeded
from chalicelib.domain.environment import Environment
from chalicelib.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """People who have to agree: how many, of which roles, for how long they may be asked (policy time), and why they are.

    `excludes_pusher`: whoever registered the version may not answer, as the requester never may.
    """

    approvers: int
    expires_seconds: int
    why: str
    roles: tuple[RoleNeeded, ...] = ()
    excludes_pusher: bool = True
    reason_required: bool = False


def gate_before(
    policy: Policy, *, target: Environment, requested: bool, jumps: bool, breaks_freezes: bool
) -> Gate | None:
    """The gate before one environment of a deployment to `target`, None when nobody is asked.

    `requested`: the request wants a gate before its target; that adds one and never removes one. `jumps`: it passes
    over environments, so a second person has to agree whatever the policy says. `breaks_freezes`: so has one where a
    calendar is broken.
    """
    if policy.approval.required:
        why = "The policy asks for it."
    elif jumps and policy.environment is target:
        why = "A hotfix that jumps environments needs a second person."
    elif breaks_freezes:
        why = "Breaking a freeze needs a second person."
    elif requested and policy.environment is target:
        why = "The request asks for it."
    else:
        return None
    return Gate(
        approvers=policy.approval.approvers,
        expires_seconds=policy.approval.expires_seconds,
        why=why,
        roles=policy.approval.roles,
        excludes_pusher=policy.approval.exclude_pusher,
        reason_required=policy.approval.reason_required,
    )
