"""The timeline of a deployment over HTTP: in parts, and waiting for what happens next."""

from __future__ import annotations

import threading

from chalicelib.domain.analysis.verdict import (
    ComparedWith,
    Conclusion,
    Decision,
    Finding,
    Reason,
    ReasonCode,
    Verdict,
)
from chalicelib.domain.deployment import Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.rollout import Rollout
from chalicelib.domain.timeline import Event, EventType
from chalicelib.routes.edge import Patience
from chalicelib.usecases.ports import Add
from chalicelib.usecases.tell_verdict import verdict_entry
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


def verdict_event(seq: int, environment: Environment, *, execution: str) -> Event:
    finding = Finding(
        metric="errorRate",
        unit="bp",
        canary_value=812,
        baseline_value=101,
        canary_samples=5_000,
        baseline_samples=45_000,
        sample_unit="requests",
        test="beta-binomial",
        p_value="1e-9",
        alpha="0.0008",
        effect_bp=70_396,
        low_bp=41_000,
        high_bp=None,
        threshold_bp=5_000,
        tested_bp=5_400,
        floor=10,
        conclusion=Conclusion.HARM,
        sentence="Errors 8.12 % against 1.01 %.",
    )
    verdict = Verdict(
        decision=Decision.ROLLBACK,
        compared_with=ComparedWith.CONTROL,
        findings=(finding,),
        reasons=(Reason(code=ReasonCode.METRIC_WORSE, sentence="Worse."),),
        sentence="Worse.",
    )
    entry = verdict_entry(Rollout(environment=environment), verdict, final=False)
    return an_event(
        deployment_id=execution,
        seq=seq,
        type=entry.type,
        environment=entry.environment,
        wave=entry.wave,
        detail=entry.detail,
    )


def test_a_verdict_shows_every_number_it_was_reached_by(api: Api) -> None:
    execution = api.has_deployment()
    api.store.commit(Add(verdict_event(2, Environment.PRODUCTION, execution=execution)))

    page = api.ok("vic", "GET", f"{ALL}/{execution}/verdicts")

    [verdict] = page["verdicts"]
    assert (verdict["seq"], verdict["environment"], verdict["wave"], verdict["final"]) == (2, "Production", 0, False)
    assert (verdict["decision"], verdict["comparedWith"], verdict["sentence"]) == ("rollback", "control", "Worse.")
    assert verdict["reasons"] == [{"code": "metricWorse", "sentence": "Worse.", "missing": 0}]
    assert verdict["findings"] == [
        {
            "metric": "errorRate",
            "nodeId": None,
            "unit": "bp",
            "canaryValue": 812,
            "baselineValue": 101,
            "canarySamples": 5_000,
            "baselineSamples": 45_000,
            "sampleUnit": "requests",
            "test": "beta-binomial",
            "pValue": "1e-9",
            "alpha": "0.0008",
            "effectBp": 70_396,
            "lowBp": 41_000,
            "highBp": None,
            "thresholdBp": 5_000,
            "testedBp": 5_400,
            "floor": 10,
            "critical": True,
            "source": "heartbeat",
            "conclusion": "harm",
            "sentence": "Errors 8.12 % against 1.01 %.",
        }
    ]
    assert page["nextAfter"] is None


def test_verdicts_are_read_in_parts_and_of_one_environment(api: Api) -> None:
    execution = api.has_deployment()
    both = (Environment.STAGING, Environment.PRODUCTION)
    api.store.add_many([verdict_event(n, both[n % 2], execution=execution) for n in range(2, 152)])
    path = f"{ALL}/{execution}/verdicts?environment=production&limit=50"

    first = api.ok("vic", "GET", path)
    second = api.ok("vic", "GET", f"{path}&after={first['nextAfter']}")

    assert [each["seq"] for each in (*first["verdicts"], *second["verdicts"])] == list(range(3, 152, 2))
    assert (len(first["verdicts"]), second["nextAfter"]) == (50, None)


def test_verdicts_of_an_unknown_deployment_are_404(api: Api) -> None:
    assert api.call("GET", f"{ALL}/01J00000000000000000099999/verdicts", user="vic").status == 404
