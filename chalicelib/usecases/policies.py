"""Read and change the policy of an environment."""

from __future__ import annotations

from dataclasses import fields, replace

from chalicelib.domain.access import Caller
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound, StaleWrite, WrongDigest
from chalicelib.domain.override import overridden
from chalicelib.domain.policy import DEFAULT_POLICIES, Policy
from chalicelib.domain.rollback_window import is_return, returning
from chalicelib.domain.rollout import Rollout
from chalicelib.usecases.auditing import Deed, audited
from chalicelib.usecases.ports import Add, Ports


def current_policy(environment: Environment, *, ports: Ports) -> Policy:
    """The revision in force: the newest one, or revision 0 as delivered."""
    newest = ports.store.list(Policy, environment, newest_first=True, limit=1)
    return newest[0] if newest else DEFAULT_POLICIES[environment]


def policy_revision(environment: Environment, revision: int, *, ports: Ports) -> Policy:
    """One revision, as a deployment that started under it keeps it.

    Raises:
        NotFound: there never was such a revision.
    """
    if revision == 0:
        return DEFAULT_POLICIES[environment]
    found = ports.store.get(Policy, environment, f"{revision:08d}")
    if found is None:
        raise NotFound("policy revision", f"{environment} {revision}")
    return found


def policy_of(rollout: Rollout, *, ports: Ports) -> Policy:
    """The terms a rollout runs under: the revision it keeps, what its request overrode, and those of a return within
    the rollback window."""
    kept = overridden(policy_revision(rollout.environment, rollout.policy_revision, ports=ports), rollout.override)
    return returning(kept) if rollout.is_return else kept


def terms_of(
    rollout: Rollout, assignment: Assignment | None, wanted: str | None, *, ports: Ports
) -> tuple[Policy, bool]:
    """The terms a rollout would run under if it were planned now, and whether it would be a return."""
    kept = overridden(policy_revision(rollout.environment, rollout.policy_revision, ports=ports), rollout.override)
    goes_back = is_return(kept, assignment, wanted, now_ms=ports.clock.policy_ms())
    return (returning(kept) if goes_back else kept), goes_back


def change_policy(
    policy: Policy, *, expected_revision: int | None, caller: Caller, request_id: str = "", ports: Ports
) -> Policy:
    """The policy as the environment's next revision.

    Raises:
        WrongDigest: `expected_revision` is not the one in force.
        StaleWrite: somebody else changed it at the same moment.
    """
    current = current_policy(policy.environment, ports=ports)
    if expected_revision is not None and expected_revision != current.revision:
        raise WrongDigest(f"The policy in force is revision {current.revision}, not {expected_revision}.")
    changed = replace(
        policy,
        revision=current.revision + 1,
        changed_by=caller.name,
        changed_at_ms=ports.clock.policy_ms(),
    )
    try:
        ports.store.commit(Add(changed), audited(_deed(current, changed, request_id), ports=ports))
    except StaleWrite as lost:
        raise StaleWrite("policy", str(policy.environment)) from lost
    return changed


def _deed(before: Policy, after: Policy, request_id: str) -> Deed:
    """What was changed, by the names of the policy's parts; the revisions themselves are kept for ever."""
    told = {"revision", "changed_by", "changed_at_ms"}
    parts = [each.name for each in fields(after) if getattr(before, each.name) != getattr(after, each.name)]
    return Deed(
        subject=f"policy:{after.environment}",
        actor=after.changed_by,
        action="PolicyChanged",
        detail={"revision": after.revision, "changed": sorted(set(parts) - told)},
        request_id=request_id,
    )
