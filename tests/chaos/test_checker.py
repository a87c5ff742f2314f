"""Every invariant catches a history made by hand to break it, and finds nothing in an undisturbed run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import pytest

from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.timeline import EventType
from chalicelib.domain.turn import Turn
from chalicelib.usecases.ports import Replace
from tests.builders import a_message
from tests.chaos.checker import LEAST_ANSWERS, judge
from tests.chaos.deliveries import POISON
from tests.chaos.evidence import Evidence, evidence_of
from tests.chaos.faults import OBJECTIVE_S, Fault, Mode
from tests.chaos.history import Call, Commit, Effect, Fired, Outcome
from tests.chaos.invariants import INVARIANTS
from tests.chaos.linearizable import Operation
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.simulation import play


@pytest.fixture(scope="module")
def undisturbed() -> Evidence:
    """Two deployments that wanted one turn; and what was told, from a scenario in which somebody listens."""
    evidence, told = (evidence_of(play(SCENARIOS[name])) for name in ("two-want-the-turn", "asked-by-event"))
    evidence.subscribed = told.subscribed
    evidence.told = Counter({("whk", message["id"]): 1 for message in evidence.published})
    return evidence


@pytest.fixture
def evidence(undisturbed: Evidence) -> Evidence:
    return deepcopy(undisturbed)


def deployment_is_lost(evidence: Evidence) -> None:
    del evidence.deployments[0]


def approval_is_lost(evidence: Evidence) -> None:
    evidence.approvals[0] = replace(evidence.approvals[0], status=ApprovalStatus.PENDING)


def key_gives_two(evidence: Evidence) -> None:
    first = next(evidence.history.asked("create"))
    now = evidence.history.now
    again = Call(client=first.client, op="create", key=first.key, invoked=now + 1, ended=now + 2, outcome=Outcome.OK)
    again.result = "another"
    evidence.history.calls.append(again)


def retry_makes_two(evidence: Evidence) -> None:
    evidence.deployments.append(replace(evidence.deployments[0], id="the-same-again"))


def refused_and_made(evidence: Evidence) -> None:
    next(evidence.history.asked("create")).outcome = Outcome.REFUSED


def node_obeys_an_old_order(evidence: Evidence) -> None:
    old = evidence.history.effects[0]
    evidence.history.effects.append(Effect(at=10**6, node=old.node, fence=0, digest=old.digest))


def turn_goes_back(evidence: Evidence) -> None:
    written = next(each for each in evidence.turn_operations if each.name == "write")
    assert written.ended is not None
    later = written.ended + 10**6
    evidence.turn_operations.append(Operation(name="read", answer=written.argument, invoked=later, ended=later + 1))


def turn_is_granted_to_two(evidence: Evidence) -> None:
    """The second takes it while the first still changes nodes."""
    last = evidence.changes(Turn)[-1][1]
    mine = next(d for _, d in evidence.changes(Deployment) if d.current is not None)
    now = evidence.history.now
    for number, turn in enumerate(
        (replace(last, holder=mine.id, fence=last.fence + 1), replace(last, holder="thief", fence=last.fence + 2))
    ):
        evidence.history.commits.append(Commit(at=now + 2 * number, changes=(Replace(mine), Replace(turn))))


def fence_jumps(evidence: Evidence) -> None:
    last = evidence.changes(Turn)[-1][1]
    jumped = replace(last, holder="somebody", fence=last.fence + 2)
    evidence.history.commits.append(Commit(at=evidence.history.now + 1, changes=(Replace(jumped),)))


def end_does_not_absorb(evidence: Evidence) -> None:
    ended = evidence.deployments[0]
    revived = replace(ended, status=Status.RUNNING, revision=ended.revision + 1)
    evidence.history.commits.append(Commit(at=evidence.history.now + 1, changes=(Replace(revived),)))


def update_is_lost(evidence: Evidence) -> None:
    ended = evidence.deployments[0]
    evidence.history.commits.append(Commit(at=evidence.history.now + 1, changes=(Replace(ended),)))


def execution_nobody_ordered(evidence: Evidence) -> None:
    evidence.executions["stranger"] = False


def two_executions_at_once(evidence: Evidence) -> None:
    first = replace(evidence.deployments[0], run=1)
    evidence.deployments[0] = first
    evidence.executions |= {first.id: True, f"{first.id}-r1": True}


def touched_before_approved(evidence: Evidence) -> None:
    evidence.history.commits = [
        write for write in evidence.history.commits if not any(isinstance(c.record, Approval) for c in write.changes)
    ]


def approved_by_the_requester(evidence: Evidence) -> None:
    for _, approval in evidence.changes(Approval):
        if approval.decisions:
            own = replace(approval, requested_by=approval.decisions[0].by)
            evidence.history.commits.append(Commit(at=evidence.history.now + 1, changes=(Replace(own),)))
            return


def last_judgement_is_skipped(evidence: Evidence) -> None:
    events = evidence.events[evidence.deployments[0].id]
    last = max(number for number, event in enumerate(events) if event.type is EventType.VERDICT_REACHED)
    del events[last]


def wave_starts_twice(evidence: Evidence) -> None:
    events = evidence.events[evidence.deployments[0].id]
    place = next(number for number, event in enumerate(events) if event.type is EventType.WAVE_STARTED)
    events.insert(place, events[place])


def node_is_forgotten(evidence: Evidence) -> None:
    evidence.running[next(iter(evidence.running))] = "sha256:old"


def unknown_bytes_run(evidence: Evidence) -> None:
    evidence.history.effects.append(Effect(at=10**6, node="node-00", fence=10**6, digest="sha256:unknown"))


def event_is_not_published(evidence: Evidence) -> None:
    evidence.published.pop()


def event_is_invented(evidence: Evidence) -> None:
    evidence.published.append({"id": "nobody#00000001"})


def timeline_has_a_gap(evidence: Evidence) -> None:
    del evidence.events[evidence.deployments[0].id][2]


def audit_is_changed(evidence: Evidence) -> None:
    audits = evidence.audits[evidence.deployments[0].id]
    audits[1] = replace(audits[1], actor="somebody else")


def audit_is_missing(evidence: Evidence) -> None:
    evidence.audits[evidence.deployments[0].id].pop()


def deployment_hangs(evidence: Evidence) -> None:
    evidence.deployments[0] = replace(evidence.deployments[0], status=Status.RUNNING)


def execution_hangs(evidence: Evidence) -> None:
    evidence.executions[evidence.deployments[0].id] = True


def message_stays(evidence: Evidence) -> None:
    evidence.outbox.append(a_message())


def turn_is_kept(evidence: Evidence) -> None:
    evidence.turns[0] = replace(evidence.turns[0], holder=evidence.deployments[0].id)


def assignment_is_kept(evidence: Evidence) -> None:
    evidence.assignments[0] = replace(evidence.assignments[0], deployment_id=evidence.deployments[0].id)


def sweep_goes_on(evidence: Evidence) -> None:
    evidence.still_to_do = {"relayed": 1}


def it_fails_for_one_fault(evidence: Evidence) -> None:
    evidence.deployments[0] = replace(evidence.deployments[0], status=Status.FAILED)


def second_passes_the_first(evidence: Evidence) -> None:
    last = evidence.changes(Turn)[-1][1]
    waited = replace(last, holder="first", queue=("second", "third"), fence=last.fence + 1)
    passed = replace(waited, holder="third", queue=("second",), fence=last.fence + 2)
    now = evidence.history.now
    for number, turn in enumerate((waited, passed)):
        evidence.history.commits.append(Commit(at=now + number, changes=(Replace(turn),)))


def token_is_told(evidence: Evidence) -> None:
    evidence.published[0] = {**evidence.published[0], "token": evidence.tokens[0]}


def token_is_audited(evidence: Evidence) -> None:
    audits = evidence.audits[evidence.deployments[0].id]
    audits[0] = replace(audits[0], detail={"token": evidence.tokens[0], "more": 1})


def node_goes_there_and_back_and_there(evidence: Evidence) -> None:
    new = evidence.history.effects[-1]
    evidence.history.effects += [replace(new, digest="sha256:old"), new]


def wave_takes_too_many(evidence: Evidence) -> None:
    """The first wave is one node, and two begin at once."""
    first = evidence.history.effects[0]
    evidence.history.effects.insert(1, replace(first, node="node-01"))


def order_goes_beyond_its_wave(evidence: Evidence) -> None:
    """The first wave is one node, and the order names both."""
    for number, commit in enumerate(evidence.history.commits):
        orders = [each for each in commit.changes if isinstance(each.record, Assignment) and each.record.is_changing]
        if orders:
            changed = Replace(replace(orders[0].record, active_upto=2))
            others = tuple(each for each in commit.changes if each is not orders[0])
            evidence.history.commits[number] = replace(commit, changes=(*others, changed))
            return
    raise AssertionError("no order was given")


def wave_bakes_no_time(evidence: Evidence) -> None:
    events = evidence.events[evidence.deployments[0].id]
    deployed = next(event for event in events if event.type is EventType.WAVE_DEPLOYED)
    place = next(number for number, event in enumerate(events) if event.type is EventType.VERDICT_REACHED)
    events[place] = replace(events[place], at_ms=deployed.at_ms + 1_000)


def promoted_without_numbers(evidence: Evidence) -> None:
    """The policy demands them, and the waves were judged by health alone."""
    assert evidence.policy is not None
    evidence.policy = replace(evidence.policy, analysis=AnalysisPolicy())


def it_ends_twice(evidence: Evidence) -> None:
    events = evidence.events[evidence.deployments[0].id]
    events.append(events[-1])


def it_goes_on_after_its_end(evidence: Evidence) -> None:
    events = evidence.events[evidence.deployments[0].id]
    events.append(next(event for event in events if event.type is EventType.WAVE_STARTED))


def hook_ends_twice(evidence: Evidence) -> None:
    events = evidence.events[evidence.deployments[0].id]
    answered = replace(events[1], type=EventType.HOOK_ENDED, detail={"callId": "one"})
    events[2:2] = [answered, answered]


def receiver_hears_a_rumour(evidence: Evidence) -> None:
    evidence.told["whk", "nobody#00000001"] += 1


def hook_is_asked_by_nobody(evidence: Evidence) -> None:
    evidence.asked["nobody.test.1"] += 1


def reader_goes_back(evidence: Evidence) -> None:
    seen = list(evidence.history.asked("get", Outcome.OK))
    evidence.history.calls.append(replace(seen[-1], argument=seen[-1].argument - 1))


def it_takes_too_long(evidence: Evidence) -> None:
    evidence.history.fired.append(Fired(at=1, ordinal=1, call="table.get", mode=Mode.REFUSED))
    evidence.settled_s = evidence.undisturbed_s + OBJECTIVE_S[Mode.REFUSED] + 1


def it_never_ends(evidence: Evidence) -> None:
    it_takes_too_long(evidence)
    evidence.settled_s = None


def receiver_misses_one(evidence: Evidence) -> None:
    evidence.told["whk", evidence.published[-1]["id"]] = 0


def poison_is_swallowed(evidence: Evidence) -> None:
    evidence.poisoned = [event["id"] for event in POISON]
    evidence.letters = {evidence.poisoned[0]: {"type": "/problems/invalid-input"}}


def bug_is_raised(evidence: Evidence) -> None:
    evidence.trouble = "AssertionError: nobody catches it"


BAD: dict[str, tuple[Callable[[Evidence], None], ...]] = {
    "acknowledged_is_kept": (deployment_is_lost, approval_is_lost),
    "one_deployment_for_a_key": (key_gives_two, retry_makes_two),
    "a_refusal_leaves_nothing": (refused_and_made,),
    "fences_of_effects_rise": (node_obeys_an_old_order,),
    "turn_is_linearizable": (turn_goes_back,),
    "turns_follow_each_other": (turn_is_granted_to_two, fence_jumps),
    "transitions_are_legal": (end_does_not_absorb, update_is_lost),
    "one_execution_at_a_time": (execution_nobody_ordered, two_executions_at_once),
    "approved_before_touched": (touched_before_approved, approved_by_the_requester),
    "waves_are_judged_in_order": (last_judgement_is_skipped, wave_starts_twice),
    "fleet_is_uniform": (node_is_forgotten,),
    "only_registered_bytes_run": (unknown_bytes_run,),
    "timeline_is_told": (event_is_not_published, event_is_invented, timeline_has_a_gap),
    "audit_is_complete": (audit_is_changed, audit_is_missing),
    "queue_is_first_come": (second_passes_the_first,),
    "secrets_stay_secret": (token_is_told, token_is_audited),
    "no_node_flaps": (node_goes_there_and_back_and_there,),
    "waves_keep_their_size": (wave_takes_too_many,),
    "waves_bake_their_time": (wave_bakes_no_time,),
    "orders_keep_to_the_plan": (order_goes_beyond_its_wave,),
    "nothing_is_promoted_blindly": (promoted_without_numbers,),
    "one_beginning_and_one_end": (it_ends_twice, it_goes_on_after_its_end),
    "a_hook_has_one_outcome": (hook_ends_twice,),
    "receivers_hear_the_truth": (receiver_hears_a_rumour, hook_is_asked_by_nobody),
    "reads_never_go_back": (reader_goes_back,),
    "every_deployment_ends": (deployment_hangs, execution_hangs),
    "outbox_is_empty": (message_stays,),
    "nothing_is_left_behind": (turn_is_kept, assignment_is_kept),
    "second_pass_is_idle": (sweep_goes_on,),
    "ends_as_wished": (it_fails_for_one_fault,),
    "nothing_unexpected_is_raised": (bug_is_raised,),
    "it_is_well_again_in_time": (it_takes_too_long, it_never_ends),
    "receivers_hear_everything": (receiver_misses_one,),
    "poison_is_set_aside": (poison_is_swallowed,),
}


def test_an_undisturbed_run_passes(evidence: Evidence) -> None:
    assert judge(evidence).passed, str(judge(evidence))


def test_every_invariant_has_a_bad_history() -> None:
    assert set(BAD) == {check.__name__ for check in INVARIANTS}


@pytest.mark.parametrize(
    ("invariant", "spoil"),
    [(name, spoil) for name, spoils in BAD.items() for spoil in spoils],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_bad_history_is_caught_by_its_invariant(
    evidence: Evidence, invariant: str, spoil: Callable[[Evidence], None]
) -> None:
    spoil(evidence)

    assert invariant in {name for name, _ in judge(evidence).violations}


def test_a_run_without_traffic_is_invalid_not_passed(evidence: Evidence) -> None:
    evidence.history.calls = evidence.history.calls[: LEAST_ANSWERS - 1]

    assert judge(evidence).invalid
    assert not judge(evidence).passed


def test_a_fault_that_did_not_fire_makes_the_run_invalid() -> None:
    beyond = evidence_of(play(SCENARIOS["two-want-the-turn"], [Fault(10**6, Mode.REFUSED)]))

    assert judge(beyond).invalid == ("fault 1000000:refused did not fire",)
    assert not judge(beyond).violations


def test_a_client_that_makes_two_calls_at_once_makes_the_run_invalid(evidence: Evidence) -> None:
    first = evidence.history.calls[0]
    evidence.history.calls.insert(1, replace(first))

    assert any("two calls at once" in reason for reason in judge(evidence).invalid)
