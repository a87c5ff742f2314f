"""What must hold of every run, whatever went wrong in it. Each function says what it found, or nothing.

Safety first (S: never), then liveness (L: at last). The letters are those of docs/reliability.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import pairwise

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import ENDS, TRANSITIONS, Deployment, Status
from chalicelib.domain.timeline import EventType, audit_hash
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


def fences_of_effects_rise(evidence: Evidence) -> Found:
    """S4: on all nodes together, no effect carries a smaller fence than one before it."""
    highest = 0
    for effect in evidence.history.effects:
        if effect.fence < highest:
            yield f"{effect.node} obeyed fence {effect.fence} after {highest} had been obeyed"
        highest = max(highest, effect.fence)


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


def waves_are_judged_in_order(evidence: Evidence) -> Found:
    """S10: a wave starts once, after the one before it was judged; promotion comes after the last one's judgement."""
    for deployment_id, events in evidence.events.items():
        started: list[int] = []
        passed: set[int] = set()
        for event in events:
            wave = event.wave or 0
            if event.type is EventType.WAVE_STARTED:
                if started and (wave != started[-1] + 1 or started[-1] not in passed):
                    yield f"{deployment_id} started wave {wave} after {started}, judged {sorted(passed)}"
                started.append(wave)
            if event.type is EventType.VERDICT_REACHED:
                passed.add(wave)
            ended = event.type is EventType.ENVIRONMENT_ENDED or (
                event.type is EventType.DEPLOYMENT_ENDED and event.status == Status.COMPLETED
            )
            if ended and started and started[-1] not in passed:
                yield f"{deployment_id} was promoted without a judgement of wave {started[-1]}"


def fleet_is_uniform(evidence: Evidence) -> Found:
    """S11: in the end every node runs exactly what is stable; what was taken back runs nowhere."""
    for assignment in evidence.assignments:
        for node, digest in evidence.running.items():
            if digest != assignment.stable_digest:
                yield f"{node} runs {digest}, and {assignment.stable_digest} is stable"


def only_registered_bytes_run(evidence: Evidence) -> Found:
    """S12: nodes run what is registered and signed, nothing else."""
    for effect in evidence.history.effects:
        if effect.digest is not None and effect.digest not in evidence.versions:
            yield f"{effect.node} ran {effect.digest}, which nobody registered"


def timeline_is_told(evidence: Evidence) -> Found:
    """S13: a timeline has no gaps, and exactly its events were published, each at least once."""
    published = {message["id"] for message in evidence.published}
    written: set[str] = set()
    for deployment in evidence.deployments:
        events = evidence.events.get(deployment.id, [])
        if [event.seq for event in events] != list(range(1, deployment.event_seq + 1)):
            yield f"{deployment.id} counts {deployment.event_seq} events and has {[event.seq for event in events]}"
        written |= {f"{deployment.id}#{event.seq:08d}" for event in events}
    for missing in sorted(written - published):
        yield f"{missing} was never published"
    for invented in sorted(published - written):
        yield f"{invented} was published and never happened"


def audit_is_complete(evidence: Evidence) -> Found:
    """S14: every event has its audit record, and the chain holds."""
    for deployment_id, events in evidence.events.items():
        audits = evidence.audits.get(deployment_id, [])
        if [(a.seq, str(a.action)) for a in audits] != [(e.seq, str(e.type)) for e in events]:
            yield f"the audit of {deployment_id} says something else than its timeline"
        previous = ""
        for audit in audits:
            if audit.previous_hash != previous or audit.hash != audit_hash(audit):
                yield f"the chain of {deployment_id} breaks at {audit.seq}"
            previous = audit.hash


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


INVARIANTS: tuple[Callable[[Evidence], Found], ...] = (
    acknowledged_is_kept,
    one_deployment_for_a_key,
    a_refusal_leaves_nothing,
    fences_of_effects_rise,
    turn_is_linearizable,
    turns_follow_each_other,
    transitions_are_legal,
    one_execution_at_a_time,
    approved_before_touched,
    waves_are_judged_in_order,
    fleet_is_uniform,
    only_registered_bytes_run,
    timeline_is_told,
    audit_is_complete,
    every_deployment_ends,
    outbox_is_empty,
    nothing_is_left_behind,
    second_pass_is_idle,
    ends_as_wished,
    nothing_unexpected_is_raised,
)
