"""Plays plans of faults and judges each run: every single fault, then several at once by seed, for as long as asked.

    python -m tests.chaos.explore --minutes 10 --seed 1
    python -m tests.chaos.explore --bounded --seed 1
    python -m tests.chaos.explore --replay two-want-the-turn --faults 17:answer-lost,80:paused

A failing run leaves a folder with its plan, history, state, verdict and the command that plays it again.
"""

from __future__ import annotations

import argparse
import json
import pprint
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.chaos.checker import Verdict, judge
from tests.chaos.evidence import Evidence, evidence_of
from tests.chaos.faults import Fault
from tests.chaos.plans import Plan, bounded, several, singles
from tests.chaos.scenarios import SCENARIOS
from tests.chaos.simulation import play
from tests.chaos.tally import Tally


def judged(plan: Plan, tally: Tally, *, folder: Path | None = None) -> Verdict:
    """Play and judge one plan; what fails is kept in `folder`."""
    name, faults = plan
    evidence = evidence_of(play(SCENARIOS[name], faults))
    verdict = judge(evidence)
    tally.take(plan, evidence, verdict)
    if verdict.violations and folder is not None:
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
    parser.add_argument("--bounded", action="store_true", help="what make test plays, and no more")
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
    # Half of the time for single faults, the rest for several at once.
    parts = ((singles(given.seed), begun + given.minutes * 30), (several(given.seed), end))
    for plans, until in ((bounded(given.seed), end),) if given.bounded else parts:
        explore(plans, tally, until=until, folder=given.out, stop_at_first=given.stop_at_first)
    print(f"seed {given.seed}, {time.process_time():.0f} s of CPU")
    print("\n".join(tally.lines()))
    return 1 if tally.violations else 0


if __name__ == "__main__":
    sys.exit(main())
