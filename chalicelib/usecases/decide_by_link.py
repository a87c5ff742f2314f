"""Decide from a phone: a signed link for one person and one question, good for a few minutes and for one decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from chalicelib.domain.access import Action, Caller, require
from chalicelib.domain.approval import Approval
from chalicelib.domain.approval_link import LINK_LIVES_S, ApprovalLink, UsedLink
from chalicelib.domain.errors import AlreadyDecided, NotAuthenticated
from chalicelib.domain.identity import User
from chalicelib.usecases.decide_approval import asked_approval, decide_approval, require_question
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.read_approvals import Question, question
from chalicelib.usecases.recording import get_deployment


class ApprovalLinks(Protocol):
    """Signed links."""

    def sign(self, link: ApprovalLink) -> str:
        """The link as text that nobody can make or change without the key."""
        ...

    def read(self, token: str) -> ApprovalLink:
        """What a link says.

        Raises:
            NotAuthenticated: it is not one of ours, changed, or its time is over.
        """
        ...


def make_link(deployment_id: str, *, caller: Caller, links: ApprovalLinks, ports: Ports) -> tuple[str, ApprovalLink]:
    """A link with which the caller, and nobody else, may decide on what the deployment asks for now.

    Raises:
        NotFound: it never asked. AlreadyDecided: it does not ask any more.
        NotAllowed: the caller may not decide there, or is no user with an account here.
    """
    approval = asked_approval(get_deployment(deployment_id, ports=ports), ports=ports)
    require(caller, Action.DECIDE, approval.environment)
    if approval.decided_at_ms is not None:
        raise AlreadyDecided("approval", approval.status)
    user = ports.store.get(User, caller.name)
    if user is None:
        raise NotAuthenticated("Links are for users with an account here.")
    link = ApprovalLink(
        id=ports.new_id(),
        person=user.username,
        generation=user.generation,
        deployment_id=deployment_id,
        approval_id=approval.id,
        plan_hash=approval.plan_hash,
        expires_at_s=ports.clock.machine_ms() // 1000 + LINK_LIVES_S,
    )
    return links.sign(link), link


def read_link(token: str, *, links: ApprovalLinks, ports: Ports) -> tuple[str, Question]:
    """Whom a link is for and what they are asked. Changes nothing, however often it is looked at.

    Raises:
        NotAuthenticated: the link is not good, or its person's rights changed since.
        AlreadyDecided: it was used, or the question is answered.
        WrongDigest: another question, or another plan, is asked now.
    """
    link, _ = _good(token, links=links, ports=ports)
    approval = asked_approval(get_deployment(link.deployment_id, ports=ports), ports=ports)
    require_question(approval, link.approval_id, link.plan_hash)
    if approval.decided_at_ms is not None:
        raise AlreadyDecided("approval", approval.status)
    return link.person, question(approval, ports=ports)


def decide_by_link(
    token: str, *, approved: bool, reason: str, request_id: str = "", links: ApprovalLinks, ports: Ports
) -> Approval:
    """The approval after the link's person decided with it; the link is used up in the same write.

    Raises:
        NotAuthenticated, AlreadyDecided, WrongDigest: as `read_link`; and all that `decide_approval` raises.
    """
    link, caller = _good(token, links=links, ports=ports)
    return decide_approval(
        link.deployment_id,
        approved=approved,
        reason=reason,
        approval_id=link.approval_id,
        plan_hash=link.plan_hash,
        caller=replace(caller, request_id=request_id),
        also=(Add(UsedLink(id=link.id, expires_at_s=link.expires_at_s)),),
        ports=ports,
    )


def _good(token: str, *, links: ApprovalLinks, ports: Ports) -> tuple[ApprovalLink, Caller]:
    link = links.read(token)
    user = ports.store.get(User, link.person)
    if user is None or not user.may_log_in(ports.clock.machine_ms()) or user.generation != link.generation:
        raise NotAuthenticated("Your rights changed since this link was made; log in instead.")
    if ports.store.get(UsedLink, link.id) is not None:
        raise AlreadyDecided("link", "used")
    caller = Caller(
        name=user.username,
        roles=frozenset(user.roles),
        environments=frozenset(user.environments),
        has_temporary_password=user.temporary_until_ms is not None,
    )
    return link, caller
