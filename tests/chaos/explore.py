"""Plays plans of faults and judges each run: every single fault, then pairs and triples by seed, for as long as asked.

    python -m tests.chaos.explore --minutes 10 --seed 1
    python -m tests.chaos.explore --replay two-want-the-turn --faults 17:answer-lost,80:paused

A failing run leaves a folder with its plan, history, state, verdict and the command that plays it again.
"""

from __future__ import annotations

import argparse
import json
import pprint
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.checker import Verdict, judge
from tests.chaos.evidence import Evidence, evidence_of
from tests.chaos.injector import Fault, Mode, drawn
from tests.chaos.scenarios import SCENARIOS, Scenario
from tests.chaos.simulation import play

COMMITS_CHOSEN = 6
"""Commits differ more than other calls do, so this many of them stand for all."""

Plan = tuple[str, tuple[Fault, ...]]


@dataclass
class Tally:
    """What was played so far."""

    runs: int = 0
    invalid: int = 0
    fired: Counter[tuple[str, str]] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    failed: list[Plan] = field(default_factory=list)
    slowest_rounds: dict[str, int] = field(default_factory=dict)

    def lines(self) -> Iterator[str]:
        """Counts, no adjectives."""
        modes: Counter[str] = Counter()
        for (_, mode), count in self.fired.items():
            modes[mode] += count
        yield f"{self.runs} runs judged, {self.invalid} invalid (a fault came too late to fire), {len(self.failed)} failed"
        yield f"{sum(modes.values())} faults fired: " + ", ".join(
            f"{name} {count}" for name, count in sorted(modes.items())
        )
        yield f"{len(self.fired)} pairs of (call, mode)"
        slowest = ", ".join(f"{mode} {5 * rounds} s" for mode, rounds in sorted(self.slowest_rounds.items()))
        yield f"longest run of one fault, in virtual time: {slowest}"
        for name, count in self.violations.most_common():
            yield f"VIOLATED {name}: {count} times"


def calls_of(scenario: Scenario) -> list[str]:
    """The calls of an undisturbed run, in order."""
    return play(scenario).calls


def single_faults(scenario: Scenario) -> list[Plan]:
    """Every call of the undisturbed run with every mode."""
    count = len(calls_of(scenario))
    return [(scenario.name, (Fault(ordinal, mode),)) for ordinal in range(1, count + 1) for mode in Mode]


def one_of_each(scenario: Scenario, *, seed: int) -> list[Plan]:
    """Every kind of call with every mode once, at a call the seed chooses: the part that fits into minutes."""
    chance = random.Random(seed)
    places: dict[str, list[int]] = {}
    for ordinal, name in enumerate(calls_of(scenario), start=1):
        places.setdefault(name, []).append(ordinal)
    chosen = [
        ordinal
        for name, at in places.items()
        for ordinal in chance.sample(at, min(len(at), COMMITS_CHOSEN if name == "table.commit" else 1))
    ]
    return [(scenario.name, (Fault(ordinal, mode),)) for ordinal in chosen for mode in Mode]


def single_plans(seed: int) -> Iterator[Plan]:
    """No fault at all, then every kind of call with every mode once, then every call with every mode."""
    yield from ((name, ()) for name in SCENARIOS)
    for scenario in SCENARIOS.values():
        yield from one_of_each(scenario, seed=seed)
    every = [plan for scenario in SCENARIOS.values() for plan in single_faults(scenario)]
    random.Random(seed).shuffle(every)
    yield from every


def drawn_plans(seed: int) -> Iterator[Plan]:
    """Pairs and triples without end; plan number n of a seed is always the same."""
    lengths = {name: len(calls_of(scenario)) for name, scenario in SCENARIOS.items()}
    chance = random.Random(seed)
    while True:
        name = chance.choice(list(SCENARIOS))
        yield name, drawn(chance.getrandbits(48), calls=lengths[name], count=chance.choice((2, 3)))


def judged(plan: Plan, tally: Tally, *, folder: Path | None = None) -> Verdict:
    """Play and judge one plan; what fails is kept in `folder`."""
    name, faults = plan
    run = play(SCENARIOS[name], faults)
    evidence = evidence_of(run)
    verdict = judge(evidence)
    tally.runs += not verdict.invalid
    tally.invalid += bool(verdict.invalid)
    tally.fired.update((fired.call, fired.mode) for fired in evidence.history.fired)
    if len(faults) == 1 and verdict.passed:
        mode = str(faults[0].mode)
        tally.slowest_rounds[mode] = max(tally.slowest_rounds.get(mode, 0), run.rounds)
    if verdict.violations:
        tally.violations.update({invariant for invariant, _ in verdict.violations})
        tally.failed.append(plan)
        if folder is not None:
            keep(plan, evidence, verdict, folder / f"{name}-{len(tally.failed):03d}")
    return verdict


def keep(plan: Plan, evidence: Evidence, verdict: Verdict, folder: Path) -> None:
    """Everything somebody needs who wants to know why."""
    name, faults = plan
    command = f"python -m tests.chaos.explore --replay {name} --faults {','.join(map(str, faults))}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "replay.txt").write_text(command + "\n")
    (folder / "plan.json").write_text(json.dumps({"scenario": name, "faults": [str(fault) for fault in faults]}))
    (folder / "verdict.txt").write_text(f"{verdict}\n")
    (folder / "history.txt").write_text(pprint.pformat(evidence.history, width=160))
    (folder / "state.txt").write_text(pprint.pformat(evidence, width=160))
    print(f"{verdict}\n  again: {command}\n  kept in {folder}", flush=True)


def explore(plans: Iterable[Plan], tally: Tally, *, until: float, folder: Path | None, stop_at_first: bool) -> None:
    """Play plans until the time is up (seconds of `time.monotonic`)."""
    if stop_at_first and tally.failed:
        return
    for plan in plans:
        judged(plan, tally, folder=folder)
        if time.monotonic() > until or (stop_at_first and tally.failed):
            return


def main(arguments: Sequence[str] | None = None) -> int:
    """0: nothing violated."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(".hotswap/chaos"))
    parser.add_argument("--stop-at-first", action="store_true")
    parser.add_argument("--replay", choices=list(SCENARIOS))
    parser.add_argument("--faults", default="")
    given = parser.parse_args(arguments)
    tally = Tally()
    if given.replay:
        faults = tuple(Fault.parse(each) for each in given.faults.split(",") if each)
        verdict = judged((given.replay, faults), tally, folder=given.out)
        print(verdict)
        return 0 if verdict.passed else 1
    begun = time.monotonic()
    end = begun + given.minutes * 60
    # Half of the time for single faults, the rest for pairs and triples.
    for plans, until in ((single_plans(given.seed), begun + given.minutes * 30), (drawn_plans(given.seed), end)):
        explore(plans, tally, until=until, folder=given.out, stop_at_first=given.stop_at_first)
    print(f"seed {given.seed}")
    print("\n".join(tally.lines()))
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
