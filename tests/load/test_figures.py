"""What is told of a run under load follows from what was counted."""

from __future__ import annotations

import pytest

from load.runs.artillery import Heard
from load.runs.figures import broke, by_phase, bytes_per_deployment, growth, judged, measured, recovery_seconds
from load.runs.latencies import Latencies
from load.runs.scenarios import SCENARIOS, Scenario, scenario_of, steady


def a_second(*, answered: int = 10, bucket: int = 100, **kinds: int) -> Latencies:
    latencies = Latencies()
    latencies.add({"answered": answered, "ms": {str(bucket): answered}, **kinds})
    return latencies


def a_scenario(**changes: object) -> Scenario:
    given = {"what": "-", "script": "mix", "phases": (steady(10, 3), steady(50, 2), steady(10, 10))}
    return Scenario(**(given | changes))  # type: ignore[arg-type]


SLOW = 250
"""A bucket of 1.8 seconds."""


def test_a_quantile_is_at_most_four_percent_off():
    latencies = a_second(answered=95, bucket=100)
    latencies.plus(a_second(answered=5, bucket=SLOW))

    assert latencies.quantile_ms(0.95) == pytest.approx(0.1 * 1.04**100, rel=0.04)
    assert latencies.quantile_ms(0.96) == pytest.approx(0.1 * 1.04**SLOW, rel=0.04)


def test_a_refusal_by_a_limit_is_no_error_and_a_timeout_is():
    latencies = a_second(answered=10, limited=3, **{"error ETIMEDOUT": 2})

    assert (latencies.requests, latencies.errors, latencies.told()["limited"]) == (15, 2, 3)


def test_the_warm_up_is_not_measured():
    heard = Heard(seconds={100: a_second(status500=1), 101: a_second(), 102: a_second()})

    assert measured(heard, a_scenario(measured_from_s=1)).errors == 0


def test_recovery_is_counted_from_the_end_of_the_spike_to_the_first_of_five_normal_seconds():
    seconds = {100 + n: a_second() for n in range(15)}
    seconds |= {106: a_second(bucket=SLOW), 108: a_second(status503=1)}

    assert recovery_seconds(Heard(seconds=seconds), a_scenario()) == 4
    assert recovery_seconds(Heard(seconds={n: a_second(bucket=SLOW) for n in range(15)}), a_scenario()) is None


def test_a_second_without_an_answer_is_not_normal():
    seconds = {100 + n: a_second() for n in range(15) if n != 7}

    assert recovery_seconds(Heard(seconds=seconds), a_scenario()) == 3


@pytest.mark.parametrize(
    ("second", "causes"),
    [
        (a_second(answered=50), None),
        (a_second(answered=50, status500=5), ["errors"]),
        (a_second(answered=50, bucket=SLOW), ["latency"]),
        (a_second(answered=20), ["throughput"]),
    ],
)
def test_what_broke_first_is_named(second: Latencies, causes: list[str] | None):
    heard = Heard(seconds={100: second})

    found = broke(by_phase(heard, a_scenario(phases=(steady(50, 1),))))

    assert (found and found["causes"]) == causes


def test_users_who_send_three_requests_each_want_three_times_their_rate():
    scenario = a_scenario(phases=(steady(10, 1),), requests_each=3)

    assert [row["wantedPerSecond"] for row in by_phase(Heard(), scenario)] == [30]


def test_growth_compares_the_second_quarter_with_the_last():
    rows = [{"memoryBytes": 1_000 + n, "threads": 70, "handles": 90 + n // 50} for n in range(100)]

    found = growth(rows)

    assert found["memoryGrowthPercent"] == pytest.approx(4.8, abs=0.1)
    assert (found["threadGrowth"], found["handleGrowth"]) == (0, 1)


def test_what_a_deployment_leaves_is_compared_between_the_halves_and_series_do_not_count():
    def held(deployments: int, size: int, windows: int) -> dict[str, dict[str, int]]:
        return {"Deployment": {"items": deployments, "bytes": size}, "Window": {"items": windows, "bytes": windows}}

    found = bytes_per_deployment([held(10, 1_000, 0), held(20, 2_000, 9), held(30, 3_200, 99)])

    assert found == {"bytesPerDeployment": 120, "bytesPerDeploymentGrowthPercent": 20.0}


def test_a_limit_whose_figure_is_missing_is_not_met():
    assert [row["met"] for row in judged({"a": 1, "b": None}, {"a": 1, "b": 1, "c": 1})] == [True, False, False]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_is_bounded_and_sends_something(name: str):
    scenario = scenario_of(name)

    assert 0 < scenario.seconds + sum(scenario.rounds) <= 3_700
