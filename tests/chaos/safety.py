"""What must never happen, whatever went wrong in a run. Each function says what it found, or nothing.

The letters are those of docs/reliability.md. What concerns nodes and events is in the two modules beside this one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import TRANSITIONS, Deployment
from chalicelib.domain.turn import Turn
from tests.chaos.evidence import Evidence
from tests.chaos.history import Outcome
from tests.chaos.linearizable import is_linearizable, turn_register

Found = Iterator[str]


def acknowledged_is_kept(evidence: Evidence) -> Found:
    """S1: what was answered with success is in the table at the end."""
    kept = {each.id: each for each in evidence.deployments}
    for op in ("create", "roll_back"):
        for call in evidence.history.asked(op, Outcome.OK):
            if call.result not in kept:
                yield f"{call.client} was told that {call.result} exists, and it does not"
    approved = {each.id for each in evidence.approvals if each.status is ApprovalStatus.APPROVED}
    for call in evidence.history.asked("approve", Outcome.OK):
        if call.result not in approved:
            yield f"{call.client} was told that {call.result} is approved, and it is not"
    for call in evidence.history.asked("cancel", Outcome.OK):
        if call.key in kept and not kept[call.key].cancel_requested_by:
            yield f"{call.client} was told that {call.key} is cancelled, and nobody knows"


def one_deployment_for_a_key(evidence: Evidence) -> Found:
    """S2: the same caller and Idempotency-Key give the same deployment, and one only."""
    answers: dict[tuple[str, str], set[str]] = defaultdict(set)
    tried: dict[str, set[str]] = defaultdict(set)
    for op in ("create", "roll_back"):
        for call in evidence.history.asked(op):
            tried[call.client].add(call.key)
            if call.outcome is Outcome.OK:
                answers[call.client, call.key].add(call.result)
    for (client, key), found in answers.items():
        if len(found) > 1:
            yield f"{client}'s key {key} was answered with {sorted(found)}"
    for client, made in Counter(each.requested_by for each in evidence.deployments).items():
        if made > len(tried[client]):
            yield f"{client} used {len(tried[client])} keys and has {made} deployments"


def a_refusal_leaves_nothing(evidence: Evidence) -> Found:
    """S3: a request that was refused for good has made nothing."""
    for op in ("create", "roll_back"):
        by_key: dict[tuple[str, str], set[Outcome]] = defaultdict(set)
        for call in evidence.history.asked(op):
            by_key[call.client, call.key].add(call.outcome)
        refused = Counter(client for (client, _), outcomes in by_key.items() if outcomes == {Outcome.REFUSED})
        keys = Counter(client for client, _ in by_key)
        for client, count in refused.items():
            made = sum(each.requested_by == client for each in evidence.deployments)
            if op == "create" and made > keys[client] - count:
                yield f"{client} was refused and has {made} deployments all the same"


def turn_is_linearizable(evidence: Evidence) -> Found:
    """S5: the turn behaved as one register with conditional writes, unknown outcomes included."""
    if evidence.turn_operations and not is_linearizable(evidence.turn_operations, turn_register, start=None):
        yield f"no order explains the {len(evidence.turn_operations)} reads and writes of the turn"


def turns_follow_each_other(evidence: Evidence) -> Found:
    """S6: every grant has the next fence, and goes to another only when the holder before has nothing left to change."""
    ended: dict[str, int] = {}
    for at, deployment in evidence.changes(Deployment):
        if deployment.current is None and deployment.id not in ended and deployment.rollouts:
            ended[deployment.id] = at
        elif deployment.current is not None:
            ended.pop(deployment.id, None)
    grants = evidence.grants()
    for (_, before, fence), (at, holder, following) in pairwise(grants):
        if following != fence + 1:
            yield f"after fence {fence} of {before} came {following} of {holder}"
        if holder != before and ended.get(before, at + 1) > at:
            yield f"{holder} was granted the turn while {before} was still changing nodes"


def transitions_are_legal(evidence: Evidence) -> Found:
    """S7: statuses follow the table, ends absorb, and every write is the next revision of the one before it."""
    last: dict[str, Deployment] = {}
    for _, after in evidence.changes(Deployment):
        before = last.get(after.id)
        if before is not None:
            if after.status is not before.status and after.status not in TRANSITIONS[before.status]:
                yield f"{after.id} went from {before.status} to {after.status}"
            if after.revision != before.revision + 1:
                yield f"{after.id} went from revision {before.revision} to {after.revision}: an update is lost"
        last[after.id] = after


def one_execution_at_a_time(evidence: Evidence) -> Found:
    """S8: a deployment has the executions it counted, and at most one that runs."""
    runs = {each.id: each.run for each in evidence.deployments}
    named = {
        each.id if run == 0 else f"{each.id}-r{run}" for each in evidence.deployments for run in range(each.run + 1)
    }
    for name in evidence.executions:
        if name not in named:
            yield f"{name} is an execution nobody ordered"
    for deployment_id in runs:
        alive = [n for n, runs_on in evidence.executions.items() if runs_on and n.split("-r")[0] == deployment_id]
        if len(alive) > 1:
            yield f"{deployment_id} has {alive} at once"


def approved_before_touched(evidence: Evidence) -> Found:
    """S9: one decision per question, by somebody else than who asked, before any node is told anything."""
    decided: dict[tuple[str, ...], tuple[int, ApprovalStatus]] = {}
    for at, approval in evidence.changes(Approval):
        if approval.status is ApprovalStatus.PENDING:
            continue
        known = decided.setdefault(approval.key, (at, approval.status))
        if known[1] is not approval.status:
            yield f"{approval.id} was {known[1]} and then {approval.status}"
        if approval.status is ApprovalStatus.APPROVED and any(
            d.by == approval.requested_by for d in approval.decisions
        ):
            yield f"{approval.id} was approved by who asked for it"
    asked = {approval.deployment_id: approval for approval in evidence.approvals}
    for at, deployment in evidence.changes(Deployment):
        approval = asked.get(deployment.id)
        if approval is None or not deployment.touched_nodes:
            continue
        when, status = decided.get(approval.key, (at + 1, ApprovalStatus.PENDING))
        if when > at or status is not ApprovalStatus.APPROVED:
            yield f"{deployment.id} touched nodes at {at}, and its approval was {status}"


def reads_never_go_back(evidence: Evidence) -> Found:
    """S23: who has seen a deployment in one revision, or so much of its timeline, never sees less of it again."""
    seen: dict[tuple[str, str, str], int] = {}
    for op in ("get", "events"):
        for call in evidence.history.asked(op, Outcome.OK):
            before = seen.get((op, call.client, call.key), call.argument)
            if call.argument < before:
                yield f"{call.client} saw {call.key} at {before} and then at {call.argument}"
            seen[op, call.client, call.key] = call.argument


def queue_is_first_come(evidence: Evidence) -> Found:
    """S15: who has waited longest is granted the turn; nobody is passed but by an undoing, which goes to the front."""
    turns = [turn for _, turn in evidence.changes(Turn)]
    for before, after in pairwise(turns):
        if after.holder in (before.holder, None) or not before.queue:
            continue
        if after.holder != before.queue[0]:
            yield f"{after.holder} was granted the turn, and {before.queue[0]} was first in the queue"


def secrets_stay_secret(evidence: Evidence) -> Found:
    """S16: no task token stands in what anybody may read: timelines, audits, events."""
    said = repr((evidence.events, evidence.audits, evidence.published))
    for token in evidence.tokens:
        if f"{token}'" in said or f"{token}," in said:
            yield f"the token {token} can be read"
