"""What must never happen to what is told: timelines, audits, events, webhooks, hooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from chalicelib.domain.timeline import EventType, audit_hash
from tests.chaos.evidence import Evidence

Found = Iterator[str]


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


def one_beginning_and_one_end(evidence: Evidence) -> Found:
    """S20: a timeline begins with the request and ends with the end, once each; nothing happens twice in it."""
    once = (
        EventType.DEPLOYMENT_CREATED,
        EventType.DEPLOYMENT_ENDED,
        EventType.RESTORE_STARTED,
        EventType.RESTORE_ENDED,
    )
    for deployment_id, events in evidence.events.items():
        kinds = Counter(event.type for event in events)
        for kind in once:
            if kinds[kind] > 1:
                yield f"{deployment_id} has {kinds[kind]} times {kind}"
        if events and events[0].type is not EventType.DEPLOYMENT_CREATED:
            yield f"{deployment_id} begins with {events[0].type}"
        types = [event.type for event in events]
        after = types[types.index(EventType.DEPLOYMENT_ENDED) + 1 :] if EventType.DEPLOYMENT_ENDED in types else []
        for kind in after:
            # The answer of a hook that was still asked is kept, whatever the deployment came to meanwhile.
            if kind not in (EventType.HOOK_ENDED, EventType.DEPLOYMENT_ENDED):
                yield f"{deployment_id} goes on with {kind} after its end"


def a_hook_has_one_outcome(evidence: Evidence) -> Found:
    """S21: however often a hook was asked, and its answer delivered, its deployment heard one."""
    for deployment_id, events in evidence.events.items():
        for kind in (EventType.HOOK_CALLED, EventType.HOOK_ENDED):
            calls = Counter(event.detail["callId"] for event in events if event.type is kind)
            for call, count in calls.items():
                if count > 1:
                    yield f"{deployment_id} says {kind} {count} times of {call}"


def receivers_hear_the_truth(evidence: Evidence) -> Found:
    """S22: a receiver hears only of events that were published, and is asked only by calls that were ordered."""
    published = {message["id"] for message in evidence.published}
    for webhook, event in evidence.told:
        if event not in published or webhook not in evidence.subscribed:
            yield f"{webhook} was told of {event}"
    ordered = {
        event.detail["callId"]
        for events in evidence.events.values()
        for event in events
        if event.type is EventType.HOOK_CALLED
    }
    for call in evidence.asked:
        if call not in ordered:
            yield f"a hook was asked by {call}, which no deployment knows"
