"""`make bench`: counts, paired ratios and times, written to results/bench/, and compared with the baseline.

Counts must not grow at all; ratios may by RATIO_MAY_GROW. Times depend on the machine and are reported, not judged.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from load.bench import (
    calls,
    cold_starts,
    deployments,
    emulator,
    handlers,
    judge,
    kernel_swap,
    planner,
    rollback,
    scaling,
)
from load.page.__main__ import main as write_page
from load.provenance import RESULTS, provenance, store
from load.quiet import without_log

OUT = RESULTS / "bench"
BASELINE = OUT / "baseline.json"
RATIO_MAY_GROW = 0.15
"""What a busy machine does to a paired ratio, and a little more."""

QUICK: Mapping[str, Callable[[], dict[str, Any]]] = {
    "calls": calls.measure,
    "deployments": deployments.measure,
    "handlers": handlers.measure,
    "emulator": emulator.measure,
    "planner": planner.measure,
    "judge": judge.measure,
}
SLOW: Mapping[str, Callable[[], dict[str, Any]]] = {
    "cold_starts": cold_starts.measure,
    "scaling": scaling.measure,
    "kernel_swap": kernel_swap.measure,
    "rollback": rollback.measure,
}
"""Minutes each. All but scaling mean something on a quiet machine only."""

COUNTS = {
    "calls": ("calls", "mostCalls", "readUnits", "mostWriteUnits"),
    "deployments": ("stateTransitions", "timelineEvents"),
    "scaling": ("mostCalls", "stateTransitions", "largestItem", "largestTransaction", "largestState", "largestEvent"),
}
RATIOS = {"cold_starts": ("timesBare",), "handlers": ("ratio", "ratioTuned"), "emulator": ("ratio",)}
ARE_RATIOS = frozenset(name for names in RATIOS.values() for name in names)


def main(arguments: list[str] | None = None) -> int:
    """0 unless something grew beyond what the baseline allows."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"some of {', '.join((*QUICK, *SLOW))}; without any, the quick ones; or `all`"
    )
    parser.add_argument("--set-baseline", action="store_true", help="what is measured now is the baseline")
    told = parser.parse_args(arguments)
    benches = {**QUICK, **SLOW}
    names = list(benches) if told.names == ["all"] else told.names or list(QUICK)
    unknown = set(names) - set(benches)
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    grown: list[str] = []
    for name in names:
        origin, begun = provenance(f"make bench BENCH={name}"), time.monotonic()
        with without_log():
            measured = benches[name]()
        whole = {**origin, **measured}
        store(OUT / f"{name}.json", whole)
        judged = figures_of(name, whole)
        grown += regressions(judged, baseline.get(name, {}))
        print(f"{name}: {len(judged)} figures that are held, {time.monotonic() - begun:.0f} s", flush=True)
        if told.set_baseline:
            baseline[name] = judged
            store(BASELINE, baseline)
        write_page([])
    if told.set_baseline:
        return 0
    for each in grown:
        print(f"GREW  {each}")
    return 1 if grown else 0


def figures_of(name: str, whole: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a result that are compared with the baseline, by their path."""
    wanted = (*COUNTS.get(name, ()), *RATIOS.get(name, ()))
    found = {}
    for path, value in _leaves(whole, ""):
        if _name(path) in wanted and not path.startswith("/limits"):
            found[path] = value
    return found


def regressions(found: Mapping[str, float], baseline: Mapping[str, float]) -> list[str]:
    """What grew: counts at all, ratios by more than RATIO_MAY_GROW. What the baseline does not know is new, not worse."""
    grown = []
    for path, value in found.items():
        before = baseline.get(path)
        if before is None:
            continue
        allowed = before * (1 + RATIO_MAY_GROW) if _name(path) in ARE_RATIOS else before
        if value > allowed:
            grown.append(f"{path}: {before:g} -> {value:g}")
    return grown


def _name(path: str) -> str:
    """What a figure is called; of a spread the median is compared."""
    return path.removesuffix("/median").rpartition("/")[2]


def _leaves(part: Any, path: str) -> Iterator[tuple[str, float]]:
    """Every number with its path; rows of a list are known by their first words, not by their place."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            yield from _leaves(value, f"{path}/{name}")
    elif isinstance(part, list):
        for row in part:
            words = (
                [str(value) for value in row.values() if isinstance(value, str | int)][:3]
                if isinstance(row, dict)
                else []
            )
            yield from _leaves(row, f"{path}/{' '.join(words)}") if words else ()
    elif isinstance(part, int | float) and not isinstance(part, bool):
        yield path, part


if __name__ == "__main__":
    sys.exit(main())
