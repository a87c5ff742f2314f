"""Let somebody decide on approvals in one's place for a time, and take that back."""

from __future__ import annotations

from chalicelib.domain.access import PERMISSIONS, Action, Caller, Role, require
from chalicelib.domain.delegation import LONGEST_DELEGATION_MS, Delegation
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput, NotAllowed, NotFound, Violation
from chalicelib.domain.identity import User
from chalicelib.usecases.auditing import Deed, audited, decide_and_commit
from chalicelib.usecases.ports import Add, Change, Ports, Remove, Replace

MAY_ANSWER = "a user with one of the roles " + ", ".join(sorted(r for r in Role if Action.ANSWER in PERMISSIONS[r]))


def delegate_approvals(
    to: str, *, from_ms: int | None, until_ms: int, reason: str, caller: Caller, request_id: str = "", ports: Ports
) -> Delegation:
    """The delegation of the caller's own decisions to somebody else; a new one to the same person replaces the old.

    Raises:
        InvalidInput: to themselves, to nobody we know, to somebody who may not answer approvals, or for a time that makes no sense.
    """
    now = ports.clock.policy_ms()
    begins = now if from_ms is None else from_ms
    wrong = []
    if to == caller.name:
        wrong.append(Violation("to", "must be somebody else"))
    elif (user := ports.store.get(User, to)) is None:
        wrong.append(Violation("to", "must be a user"))
    elif not any(Action.ANSWER in PERMISSIONS[role] for role in user.roles):
        wrong.append(Violation("to", f"must be {MAY_ANSWER}; {to} may only look"))
    if until_ms <= max(begins, now):
        wrong.append(Violation("until", "must be later than now and than 'from'"))
    elif until_ms - begins > LONGEST_DELEGATION_MS:
        wrong.append(Violation("until", "must be at most 90 days after 'from'"))
    if wrong:
        raise InvalidInput(*wrong)

    def change() -> tuple[Delegation, tuple[Change, ...]]:
        stored = ports.store.get(Delegation, caller.name, to)
        given = Delegation(
            delegator=caller.name,
            delegate=to,
            from_ms=begins,
            until_ms=until_ms,
            reason=reason,
            revision=0 if stored is None else stored.revision + 1,
        )
        detail = {"to": to, "from": begins, "until": until_ms, "reason": reason}
        deed = _deed("ApprovalsDelegated", caller.name, caller, detail, request_id)
        return given, (Add(given) if stored is None else Replace(given), audited(deed, ports=ports))

    return decide_and_commit(change, ports=ports)


def end_delegation(delegator: str, delegate: str, *, caller: Caller, request_id: str = "", ports: Ports) -> None:
    """End a delegation at once; what was decided under it stays decided.

    Raises:
        NotAllowed: it is somebody else's, and the caller is no Admin.
        NotFound: there is none.
    """

    def change() -> tuple[None, tuple[Change, ...]]:
        stored = ports.store.get(Delegation, delegator, delegate)
        if stored is None:
            raise NotFound("delegation", f"{delegator} to {delegate}")
        if caller.name != delegator and Role.ADMIN not in caller.roles:
            raise NotAllowed("Only whoever delegated, or an Admin, may end a delegation.")
        deed = _deed("DelegationEnded", delegator, caller, {"to": delegate}, request_id)
        return None, (Remove(stored), audited(deed, ports=ports))

    decide_and_commit(change, ports=ports)


def list_delegations(*, ports: Ports) -> tuple[Delegation, ...]:
    """Those that are on or to come, by who delegates."""
    now = ports.clock.policy_ms()
    return tuple(each for each in ports.store.list(Delegation) if now < each.until_ms)


def rights_of(caller: Caller, on_behalf_of: str, environment: Environment, *, ports: Ports) -> Caller:
    """In whose rights the caller decides in this environment: their own, or the delegator's as they are now.

    Raises:
        NotAllowed: they may not.
    """
    if not on_behalf_of:
        require(caller, Action.DECIDE, environment)
        return caller
    given = ports.store.get(Delegation, on_behalf_of, caller.name)
    if given is None or not given.counts_at(ports.clock.policy_ms()):
        raise NotAllowed(f"{on_behalf_of} has not delegated approvals to you, or not for now.")
    user = ports.store.get(User, on_behalf_of)
    if user is None or not user.may_log_in(ports.clock.machine_ms()):
        raise NotAllowed(f"{on_behalf_of} may not decide any more, so nobody may for them.")
    delegator = Caller(name=user.username, roles=frozenset(user.roles), environments=frozenset(user.environments))
    require(delegator, Action.DECIDE, environment)
    return delegator


def _deed(action: str, delegator: str, caller: Caller, detail: dict[str, object], request_id: str) -> Deed:
    return Deed(
        subject=f"delegations:{delegator}", actor=caller.name, action=action, detail=detail, request_id=request_id
    )
