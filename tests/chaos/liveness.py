"""What must come to pass at last, whatever went wrong in a run. Each function says what it found, or nothing."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.approval import ApprovalStatus
from chalicelib.domain.deployment import ENDS
from tests.chaos.evidence import Evidence
from tests.chaos.faults import OBJECTIVE_S, Mode

Found = Iterator[str]


def every_deployment_ends(evidence: Evidence) -> Found:
    """L1: what was accepted comes to an end, and so does its execution."""
    for deployment in evidence.deployments:
        if deployment.status not in ENDS:
            yield f"{deployment.id} is still {deployment.status}"
    for name, runs in evidence.executions.items():
        if runs:
            yield f"execution {name} still waits"


def outbox_is_empty(evidence: Evidence) -> Found:
    """L2: everything that was to be told was told."""
    for message in evidence.outbox:
        yield f"{message.id} is still in the outbox"


def nothing_is_left_behind(evidence: Evidence) -> Found:
    """L3: no turn, place, change or question belongs to a deployment that has ended."""
    over = {each.id for each in evidence.deployments if each.has_ended}
    for turn in evidence.turns:
        for waiting in (*((turn.holder,) if turn.holder else ()), *turn.queue):
            if waiting in over:
                yield f"{waiting} has ended and still has a place in the turn"
    for assignment in evidence.assignments:
        if assignment.deployment_id in over:
            yield f"{assignment.deployment_id} has ended and its nodes are still being changed"
    for approval in evidence.approvals:
        if approval.status is ApprovalStatus.PENDING and approval.deployment_id in over:
            yield f"{approval.id} is still asked for"


def second_pass_is_idle(evidence: Evidence) -> Found:
    """L4: one more pass of the reconciler changes nothing."""
    if evidence.still_to_do:
        yield f"one more pass did {evidence.still_to_do}"


def ends_as_wished(evidence: Evidence) -> Found:
    """L5: one fault alone changes nothing about how a deployment ends."""
    for deployment in evidence.deployments:
        allowed = evidence.wished.get(deployment.id, ENDS)
        if deployment.status not in allowed:
            yield f"{deployment.id} is {deployment.status}, not one of {sorted(allowed)}: {deployment.failure}"


def nothing_unexpected_is_raised(evidence: Evidence) -> Found:
    """L6: every failure has a name that somebody handles."""
    if evidence.trouble:
        yield evidence.trouble[:500]


def it_is_well_again_in_time(evidence: Evidence) -> Found:
    """L7: after one fault everything is over and told within the objective of its kind."""
    if len(evidence.history.fired) != 1:
        return
    fired = evidence.history.fired[0]
    objective = OBJECTIVE_S[Mode(fired.mode)]
    if evidence.recovery_s is None or evidence.recovery_s > objective:
        yield f"{fired.mode} at {fired.call}: well again after {evidence.recovery_s} s, not within {objective} s"


def receivers_hear_everything(evidence: Evidence) -> Found:
    """L8: every receiver hears of every event it wants, each at least once."""
    for webhook in evidence.subscribed:
        for message in evidence.published:
            if not evidence.told[webhook, message["id"]]:
                yield f"{webhook} never heard of {message['id']}"


def poison_is_set_aside(evidence: Evidence) -> Found:
    """L9: an event that nobody can read lies in the dead letters with its reason, and holds up no other."""
    for event in evidence.poisoned:
        if not evidence.letters.get(event, {}).get("type"):
            yield f"{event} is not in the dead letters"
