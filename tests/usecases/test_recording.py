"""One change is one transaction: the deployment, its timeline, its audit chain, and what the world is told."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import NotFound, StaleWrite
from chalicelib.domain.timeline import AuditRecord, Event, EventType, audit_hash
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.recording import MAX_TRIES, Decided, Entry, change_deployment, get_deployment
from tests.builders import DEPLOYMENT_ID, a_deployment
from tests.fakes import FakeStore, FakeTelemetry, fake_ports

ENTRIES = (Entry(type=EventType.PAUSED), Entry(type=EventType.RESUMED, detail={"by": "dana"}))


def stored() -> Ports:
    ports = fake_ports()
    ports.store.commit(Add(a_deployment()))
    return ports


def described(deployment: Deployment) -> Decided:
    return Decided(after=replace(deployment, description=deployment.description + "x"), entries=ENTRIES)


def test_a_change_is_written_with_its_events_and_its_audit_records_in_one_commit() -> None:
    ports = stored()

    after = change_deployment(DEPLOYMENT_ID, described, actor="dana", ports=ports)

    store: FakeStore = ports.store  # type: ignore[assignment]
    assert len(store.commits[1]) == 1 + 3 * len(ENTRIES)
    events, records = ports.store.list(Event, DEPLOYMENT_ID), ports.store.list(AuditRecord, DEPLOYMENT_ID)
    assert [event.seq for event in events] == [record.seq for record in records] == [1, 2]
    assert [record.previous_hash for record in records] == ["", records[0].hash]
    assert all(record.hash == audit_hash(record) and record.actor == "dana" for record in records)
    assert (after.event_seq, after.audit_hash, after.revision) == (2, records[1].hash, 1)


def test_nothing_decided_is_nothing_written() -> None:
    ports = stored()

    assert change_deployment(DEPLOYMENT_ID, lambda _: None, ports=ports) == a_deployment()
    assert len(ports.store.commits) == 1  # type: ignore[attr-defined]


def test_a_decision_that_loses_is_made_again_on_what_is_stored_by_then() -> None:
    ports = stored()
    seen: list[int] = []

    def decide(deployment: Deployment) -> Decided:
        seen.append(deployment.revision)
        if len(seen) == 1:
            change_deployment(DEPLOYMENT_ID, described, ports=ports)
        return described(deployment)

    after = change_deployment(DEPLOYMENT_ID, decide, ports=ports)

    assert seen == [0, 1]
    assert after.description == "xx"


def test_of_many_changes_at_once_none_is_lost_and_the_timeline_has_no_gap() -> None:
    ports = stored()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: change_deployment(DEPLOYMENT_ID, described, ports=ports), range(8)))

    after = get_deployment(DEPLOYMENT_ID, ports=ports)
    assert (after.description, after.revision) == ("x" * 8, 8)
    assert [event.seq for event in ports.store.list(Event, DEPLOYMENT_ID)] == list(range(1, 17))


def test_whoever_loses_every_time_is_told() -> None:
    ports = stored()
    ports.store.fail_next(*[StaleWrite("Deployment", DEPLOYMENT_ID)] * MAX_TRIES)  # type: ignore[attr-defined]

    with pytest.raises(StaleWrite):
        change_deployment(DEPLOYMENT_ID, described, ports=ports)


def test_what_does_not_exist_cannot_be_changed() -> None:
    with pytest.raises(NotFound):
        change_deployment("nobody", described, ports=fake_ports())


def test_what_the_world_is_told_names_the_deployment_and_the_place_in_its_timeline() -> None:
    ports = stored()

    change_deployment(DEPLOYMENT_ID, described, ports=ports)

    told = ports.bus.published  # type: ignore[attr-defined]
    assert [(m["detail"]["executionId"], m["detail"]["seq"]) for m in told] == [(DEPLOYMENT_ID, 1), (DEPLOYMENT_ID, 2)]
    assert [message["detailType"] for message in told] == ["Paused", "Resumed"]


def test_what_was_written_is_shown_once_with_its_numbers_and_what_lost_is_not() -> None:
    ports = stored()
    tries: list[int] = []

    def decide(deployment: Deployment) -> Decided:
        tries.append(deployment.revision)
        if len(tries) == 1:
            change_deployment(DEPLOYMENT_ID, described, ports=ports)
        detail = {"status": "Completed", "environments": {}}
        over = replace(deployment, status=Status.COMPLETED, ended_at_ms=deployment.created_at_ms + 5_000)
        return Decided(after=over, entries=(Entry(type=EventType.DEPLOYMENT_ENDED, detail=detail),))

    change_deployment(DEPLOYMENT_ID, decide, ports=ports)

    shown: FakeTelemetry = ports.telemetry  # type: ignore[assignment]
    assert [(event, fields["seq"]) for event, fields in shown.lines] == [
        ("Paused", 1),
        ("Resumed", 2),
        ("DeploymentEnded", 3),
    ]
    assert [(str(each.measure), each.of, each.value) for each in shown.measurements] == [
        ("DeploymentsEnded", "Completed", 1),
        ("DeploymentDuration", "Completed", 5),
    ]


def test_nothing_is_shown_of_a_write_that_failed() -> None:
    ports = stored()

    def decide(deployment: Deployment) -> Decided:
        return replace(described(deployment), after=replace(deployment, id="01J00000000000000000000404"))

    with pytest.raises(StaleWrite):
        change_deployment(DEPLOYMENT_ID, decide, ports=ports)

    assert ports.telemetry == FakeTelemetry()
