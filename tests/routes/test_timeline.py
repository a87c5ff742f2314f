"""The timeline of a deployment over HTTP: in parts, and waiting for what happens next."""

from __future__ import annotations

import threading

from chalicelib.domain.deployment import Status
from chalicelib.domain.timeline import Event, EventType
from chalicelib.routes.edge import Patience
from chalicelib.usecases.ports import Add
from tests.builders import a_deployment, an_event
from tests.routes.conftest import Api, make_api

ALL = "/api/v1/deployments"


def test_the_timeline_starts_behind_a_number(api: Api) -> None:
    execution = api.has_deployment()
    api.ok("dana", "POST", f"{ALL}/{execution}/cancel", {"reason": "changed my mind"})

    everything = api.ok("vic", "GET", f"{ALL}/{execution}/events")
    rest = api.ok("vic", "GET", f"{ALL}/{execution}/events?after=1")

    assert [event["type"] for event in everything["events"]] == [
        "DeploymentCreated",
        "CancelRequested",
        "DeploymentEnded",
    ]
    assert everything["events"][1]["detail"] == {"by": "dana", "reason": "changed my mind"}
    assert [event["seq"] for event in rest["events"]] == [2, 3]
    assert (rest["status"], rest["ended"], rest["nextAfter"]) == ("Cancelled", True, 3)


def test_waiting_ends_with_the_next_event() -> None:
    happens = iter([lambda: None, lambda: None])
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if next(happens, None) is None:
            api.store.commit(Add(an_event(deployment_id=execution, seq=2, type=EventType.TURN_GRANTED)))

    api = make_api(pause=pause)
    execution = api.has_deployment()

    answer = api.ok("vic", "GET", f"{ALL}/{execution}/events?after=1&waitSeconds=20")

    assert [event["type"] for event in answer["events"]] == ["TurnGranted"]
    assert len(waited) == 3


def test_waiting_ends_empty_when_nothing_happens(api: Api) -> None:
    execution = api.has_deployment()
    before = api.clock.machine_ms()

    answer = api.ok("vic", "GET", f"{ALL}/{execution}/events?after=1&waitSeconds=5")

    assert (answer["events"], answer["ended"], answer["nextAfter"]) == ([], False, 1)
    assert 4_900 <= api.clock.machine_ms() - before <= 5_000


def test_nobody_waits_for_a_deployment_that_has_ended(api: Api) -> None:
    execution = api.has_deployment()
    api.ok("dana", "POST", f"{ALL}/{execution}/cancel")
    before = api.clock.machine_ms()

    answer = api.ok("vic", "GET", f"{ALL}/{execution}/events?after=3&waitSeconds=20")

    assert (answer["events"], answer["ended"]) == ([], True)
    assert api.clock.machine_ms() == before


def test_who_finds_no_place_to_wait_is_answered_at_once() -> None:
    inside, leave = threading.Event(), threading.Event()

    def pause(_seconds: float) -> None:
        inside.set()
        leave.wait(10)

    api = make_api(pause=pause, patience=Patience(1))
    path = f"{ALL}/{api.has_deployment()}/events?after=1&waitSeconds=1"
    api.token("vic")
    waiting = threading.Thread(target=api.call, args=("GET", path), kwargs={"user": "vic"})
    waiting.start()
    inside.wait(10)

    answer = api.call("GET", path, user="vic")
    leave.set()
    waiting.join(10)

    assert (answer.status, answer.json()["events"]) == (200, [])


def test_a_long_timeline_is_read_in_parts_and_says_when_it_is_over(api: Api) -> None:
    ended = a_deployment(status=Status.COMPLETED)
    api.store.commit(Add(ended))
    api.store.add_many(
        [
            Event(deployment_id=ended.id, seq=n, type=EventType.NODE_FAILED, at_ms=n, status="Running")
            for n in range(1, 251)
        ]
    )

    first = api.ok("vic", "GET", f"{ALL}/{ended.id}/events")
    second = api.ok("vic", "GET", f"{ALL}/{ended.id}/events?after={first['nextAfter']}")

    assert (len(first["events"]), first["ended"]) == (200, False)
    assert (len(second["events"]), second["ended"], second["nextAfter"]) == (50, True, 250)


def test_instants_in_an_events_detail_are_written_as_everywhere_in_the_api(api: Api) -> None:
    execution = api.has_deployment()
    detail = {"nodes": 2, "failed": 0, "bakeUntil": 1_790_000_060_000}
    api.store.commit(Add(an_event(deployment_id=execution, seq=2, type=EventType.WAVE_DEPLOYED, detail=detail)))

    shown = api.ok("vic", "GET", f"{ALL}/{execution}/events?after=1")["events"][0]["detail"]

    assert shown == {"nodes": 2, "failed": 0, "bakeUntil": "2026-09-21T14:14:20.000Z"}
