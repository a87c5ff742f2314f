"""Every kind of call with every mode of failing, in every scenario; then pairs and triples. `make chaos` plays more."""

from __future__ import annotations

import itertools

import pytest

from tests.chaos.explore import Tally, drawn_plans, explore, judged, one_of_each
from tests.chaos.injector import Mode
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.chaos.simulation import play

SEED = 20261122
SHARE = 3
"""In `make test` every third plan of each scenario is played, each scenario another third."""
DRAWN = 60


@pytest.mark.parametrize(("place", "scenario"), list(enumerate(SCENARIOS.values())), ids=list(SCENARIOS))
def test_one_fault_of_any_kind_at_any_kind_of_call_breaks_nothing(place: int, scenario: Scenario) -> None:
    tally = Tally()
    plans = one_of_each(scenario, seed=SEED)

    verdicts = [(plan, judged(plan, tally)) for plan in plans[place % SHARE :: SHARE]]

    assert not [(plan, str(verdict)) for plan, verdict in verdicts if not verdict.passed]
    assert {mode for _, mode in tally.fired} == set(Mode)


def test_pairs_and_triples_of_faults_break_nothing() -> None:
    tally = Tally()

    verdicts = [(plan, judged(plan, tally)) for plan in itertools.islice(drawn_plans(SEED), DRAWN)]

    assert not [(plan, str(verdict)) for plan, verdict in verdicts if verdict.violations]
    assert tally.runs > DRAWN / 2, "too few of the plans met all of their faults"


def test_every_way_out_of_the_program_is_met() -> None:
    """A port that does not pass the injector would never fail here, and nobody would notice."""
    met = {name for scenario in SCENARIOS.values() for name in play(scenario).calls}

    assert met >= {"table.get", "table.list", "table.page", "table.commit", "table.add_many"}
    assert met >= {"machine.start", "machine.answer", "bus.publish", "artifacts.read", "node.heartbeat", "sweep"}
    assert met >= {"api.create", "api.approve", "api.cancel", "api.roll_back", "api.get"}
    assert {name for name in met if name.startswith("step.")} >= {"step.AdvanceWave", "step.RestoreNodes"}


def test_a_failing_run_leaves_all_that_is_needed_to_play_it_again(tmp_path, monkeypatch, capsys) -> None:
    """A checker that believes nothing makes a failing run of a good one."""
    monkeypatch.setattr("tests.chaos.checker.INVARIANTS", (nothing_is_right,))
    tally, plan = Tally(), one_of_each(SCENARIOS["cancelled"], seed=1)[0]

    explore([plan, plan], tally, until=float("inf"), folder=tmp_path, stop_at_first=True)

    kept = tmp_path / "cancelled-001"
    assert {file.name for file in kept.iterdir()} == {
        "plan.json",
        "replay.txt",
        "verdict.txt",
        "history.txt",
        "state.txt",
    }
    assert f"--faults {plan[1][0]}" in (kept / "replay.txt").read_text()
    assert tally.failed == [plan], "it stops at the first"


def nothing_is_right(_evidence: object):
    yield "nothing is right"
