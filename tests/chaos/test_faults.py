"""The bounded part: every kind of call with every mode of failing, kills at every step, several at once. `make chaos` plays more.

`HOTSWAP_CHAOS_SEED` chooses other calls, scenarios and combinations.
"""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

import pytest

from tests.chaos import explore as exploring
from tests.chaos.explore import explore, judged
from tests.chaos.faults import KILLS, Fault, Mode
from tests.chaos.plans import (
    CASCADES,
    DRAWN,
    PAIRS,
    STRATEGIES,
    Plan,
    cascades,
    drawn_plans,
    every_kind,
    kills,
    pairs,
    places_of,
    stragglers,
    undisturbed,
)
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.tally import Tally

SEED = int(os.environ.get("HOTSWAP_CHAOS_SEED", "20261128"))
PARTS = 4


def failures(plans: list[Plan], tally: Tally, *, invalid_too: bool = False) -> list[tuple[str, str]]:
    """The command that plays a failing plan again, and what is wrong."""
    found = []
    for plan in plans:
        verdict = judged(plan, tally)
        if verdict.violations or (invalid_too and verdict.invalid):
            found.append((f"--replay {plan[0]} --faults {','.join(map(str, plan[1]))}", str(verdict)))
    return found


def test_nothing_breaks_when_nothing_goes_wrong() -> None:
    assert not failures(list(undisturbed()), Tally(), invalid_too=True)


@pytest.mark.parametrize("part", range(PARTS))
def test_one_fault_of_any_kind_at_any_kind_of_call_breaks_nothing(part: int) -> None:
    tally, plans = Tally(), every_kind(SEED)[part::PARTS]

    assert not failures(plans, tally, invalid_too=True)
    assert sum(tally.by_mode.values()) == len(plans), "every fault has fired"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_kill_at_any_step_of_a_strategy_or_of_its_way_back_breaks_nothing(strategy: str) -> None:
    tally, plans = Tally(), list(kills(STRATEGIES[strategy]))

    assert not failures(plans, tally, invalid_too=True)
    assert sum(tally.by_mode[mode] for mode in KILLS) == len(plans)


def test_a_step_that_runs_once_more_when_the_machine_has_gone_on_breaks_nothing() -> None:
    assert not failures(list(stragglers()), Tally(), invalid_too=True)


@pytest.mark.parametrize(
    "plans",
    [
        pytest.param(lambda: pairs(SEED)[:PAIRS], id="pairs of the reduced set"),
        pytest.param(lambda: list(itertools.islice(cascades(SEED), CASCADES)), id="cascades"),
        pytest.param(lambda: list(itertools.islice(drawn_plans(SEED), DRAWN)), id="pairs and triples of anything"),
    ],
)
def test_several_faults_break_nothing(plans) -> None:
    tally, chosen = Tally(), plans()

    assert not failures(chosen, tally)
    assert tally.runs > len(chosen) / 2, "too few of the plans met all of their faults"


def test_every_mode_is_among_the_plans_of_every_seed() -> None:
    assert {fault.mode for _, faults in every_kind(1) for fault in faults} == set(Mode)


def test_every_way_out_of_the_program_is_met() -> None:
    """A port that does not pass the injector would never fail here, and nobody would notice."""
    met = {place.call for name in SCENARIOS for place in places_of(name)}

    assert met >= {"table.get", "table.list", "table.page", "table.commit", "table.add_many", "metrics.series"}
    assert met >= {"machine.start", "machine.answer", "machine.refuse", "machine.is_running", "machine.is_waiting"}
    assert met >= {"bus.publish", "calls.order", "artifacts.read", "node.heartbeat", "sweep"}
    assert met >= {"deliver.request", "deliver.event", "deliver.call", "deliver.result"}
    assert met >= {f"api.{op}" for op in ("create", "approve", "reject", "cancel", "pause", "resume", "roll_back")}
    assert {name for name in met if name.startswith("step.")} >= {"step.AdvanceWave", "step.RestoreNodes"}


def test_a_failing_run_leaves_all_that_is_needed_to_play_it_again(tmp_path: Path, monkeypatch, capsys) -> None:
    """A checker that believes nothing makes a failing run of a good one; the command it leaves fails in the same way."""
    monkeypatch.setattr("tests.chaos.checker.INVARIANTS", (nothing_is_right,))
    tally, plan = Tally(), ("cancelled", (Fault(40, Mode.PAUSED),))

    explore([plan, plan], tally, until=float("inf"), folder=tmp_path, stop_at_first=True)

    kept = tmp_path / "cancelled-001"
    assert {file.name for file in kept.iterdir()} == {
        "plan.json",
        "replay.txt",
        "verdict.txt",
        "history.txt",
        "state.txt",
    }
    assert tally.failed == [plan], "it stops at the first"
    command = re.fullmatch(r"python -m tests\.chaos\.explore (.*)\n", (kept / "replay.txt").read_text())
    assert command is not None
    assert exploring.main([*command[1].split(), "--out", str(tmp_path / "again")]) == 1
    again = tmp_path / "again" / "cancelled-001"
    assert (again / "history.txt").read_text() == (kept / "history.txt").read_text()


def nothing_is_right(_evidence: object):
    yield "nothing is right"
