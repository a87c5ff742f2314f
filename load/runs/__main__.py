"""`make load SCENARIO=…`: brings up the stack, prepares, sends, judges, reports; ends with 1 when a limit was not met."""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from infra.local.api_client import ApiClient
from load.page.__main__ import main as write_page
from load.provenance import RESULTS, provenance, store
from load.runs import artillery, at_once, figures
from load.runs.artillery import Heard
from load.runs.latencies import Latencies
from load.runs.prepare import VERSIONS, Prepared, prepare
from load.runs.report import write_report
from load.runs.scenarios import ALL_MINUTES, SCENARIOS, Scenario, scenario_of
from load.runs.stack import Stack

OUT = RESULTS / "load"


def main(arguments: list[str] | None = None) -> int:
    """0 only if every limit of every scenario was met."""
    parser = argparse.ArgumentParser(prog="make load", description=__doc__)
    parser.add_argument("scenario", choices=[*SCENARIOS, "all"])
    parser.add_argument("--minutes", type=float, help="for sustained and soak")
    parser.add_argument("--url", help="a deployed installation, made for this, instead of the stack of this machine")
    parser.add_argument("--token", default="", help="the access token of an administrator there")
    parser.add_argument("--out", type=Path, default=OUT, help="where results go")
    told = parser.parse_args(arguments)
    if told.url and not told.token:
        parser.error("--url needs --token")
    names = list(SCENARIOS) if told.scenario == "all" else [told.scenario]
    met = True
    for name in names:
        minutes = ALL_MINUTES.get(name) if told.scenario == "all" and told.minutes is None else told.minutes
        try:
            result = run(name, scenario_of(name, minutes), minutes, told)
        except (RuntimeError, OSError) as failed:
            # The others are still worth running.
            print(f"  {name} could not be run: {failed}")
            met = False
            continue
        store(told.out / f"{name}.json", result)
        met &= _tell(result)
    write_report(told.out)
    if told.out == OUT:
        write_page([])
    print(f"report: {told.out / 'report.html'}")
    return 0 if met else 1


def run(name: str, scenario: Scenario, minutes: float | None, told: argparse.Namespace) -> dict[str, Any]:
    """One scenario from an empty installation (or the one of the URL) to its figures."""
    command = f"make load SCENARIO={name}" + (f" MINUTES={minutes:g}" if minutes is not None else "")
    whole: dict[str, Any] = {**provenance(command), "scenario": name, "what": scenario.what}
    whole["target"] = "the stack of this machine" if told.url is None else "an installation by URL"
    print(f"{name}: {scenario.what}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hotswap-load-") as temporary:
        folder = Path(temporary)
        local = Stack(folder, limits_percent=scenario.limits_percent) if told.url is None else nullcontext(None)
        with local as stack:
            with _prepared(scenario, stack, told, folder) as prepared:
                found = _measure(scenario, prepared, stack)
            problems = prepared.fleet.problems
            process = stack.process() if stack else []
    heard, rest = found
    begin, end = heard.first_second, max(heard.seconds, default=0)
    during = [row for row in process if begin <= row["second"] <= end]
    sums = figures.measured(heard, scenario)
    whole["figures"] = {
        **sums.told(),
        "unintendedErrors": sums.errors,
        "unintendedErrorsPercent": round(100 * sums.errors / max(sums.requests, 1), 3),
        "generatorCpuShare": heard.cpu_share,
        "nodeProblems": len(problems),
        **figures.growth(during),
        **rest.pop("figures", {}),
    }
    whole["limits"] = figures.judged(whole["figures"], scenario.limits)
    whole["byCall"] = {call: each.told() for call, each in sorted(heard.names.items())}
    whole |= rest
    whole["problems"] = problems[:5]
    whole["artillery"] = {key: value for key, value in heard.counters.items() if not key.startswith("plugins.")}
    whole["series"] = figures.series(heard, during)
    return whole


@contextmanager
def _prepared(scenario: Scenario, stack: Stack | None, told: argparse.Namespace, folder: Path) -> Iterator[Prepared]:
    if stack is not None:
        url = stack.url
        admin = ApiClient(base_url=url, username="ada", password=stack.passwords["ada"]).log_in()
    else:
        url, admin = told.url.rstrip("/"), ApiClient(base_url=told.url.rstrip("/"), token=told.token)
    begun = time.monotonic()
    prepared = prepare(scenario, url=url, admin=admin, folder=folder)
    print(f"  prepared in {time.monotonic() - begun:.0f} s", flush=True)
    try:
        yield prepared
    finally:
        prepared.close()


def _measure(scenario: Scenario, prepared: Prepared, stack: Stack | None) -> tuple[Heard, dict[str, Any]]:
    if scenario.rounds:
        return _rounds(scenario, prepared)
    tables: list[Any] = []
    middle = threading.Timer(scenario.seconds / 2, lambda: tables.append(stack.ask("table")) if stack else None)
    if stack:
        stack.ask("forget")
        tables.append(stack.ask("table"))
        middle.start()
    folder = prepared.file.parent / "run"
    heard = artillery.run(scenario.script, scenario.phases, url=prepared.url, targets=prepared.file, folder=folder)
    rest: dict[str, Any] = {"byPhase": figures.by_phase(heard, scenario), "figures": {}}
    if stack:
        middle.join()
        tables.append(stack.ask("table"))
        rest["table"] = tables
        rest["serverByCall"] = stack.ask("spent")
        rest["figures"] |= figures.bytes_per_deployment(tables)
    if "recoverySeconds" in scenario.limits:
        rest["figures"]["recoverySeconds"] = figures.recovery_seconds(heard, scenario)
    if not scenario.limits:
        rest["broke"] = figures.broke(rest["byPhase"])
    return heard, rest


def _rounds(scenario: Scenario, prepared: Prepared) -> tuple[Heard, dict[str, Any]]:
    running = {module["name"]: VERSIONS[0] for module in prepared.targets["modules"]}
    whole, rows = Heard(), []
    for count in scenario.rounds:
        heard, row = at_once.run_round(count, prepared, running=running)
        print(f"  {row}", flush=True)
        whole.cpu_share = max(whole.cpu_share, heard.cpu_share)
        rows.append({**row, "create": heard.names.get("create", Latencies()).told()})
        for into, one in ((whole.seconds, heard.seconds), (whole.names, heard.names)):
            for key, each in one.items():
                into.setdefault(key, Latencies()).plus(each)  # type: ignore[attr-defined]
    sums = {name: sum(row[name] for row in rows) for name in ("lost", "doubled", "notCompleted", "timelinesWithGaps")}
    return whole, {"rounds": rows, "figures": sums}


def _tell(result: dict[str, Any]) -> bool:
    found = result["figures"]
    print(
        f"  {found['requests']} requests, p50 {found['p50Ms']} ms, p95 {found['p95Ms']} ms, p99 {found['p99Ms']} ms, "
        f"{found['unintendedErrors']} unintended errors, {found['limited']} refused by a limit"
    )
    for row in result.get("byPhase", ()):
        print(
            f"    {row['phase']!s:10} answered {row['answeredPerSecond']}/s, p95 {row['p95Ms']} ms, {row['errors']} errors"
        )
    for limit in result["limits"]:
        verdict = "met" if limit["met"] else "NOT MET"
        print(f"  {verdict:8} {limit['figure']} {limit['measured']} (limit {limit['limit']})")
    if result.get("broke"):
        print(f"  broke at {result['broke']['phase']}: {', '.join(result['broke']['causes'])}")
    return all(limit["met"] for limit in result["limits"])


if __name__ == "__main__":
    sys.exit(main())
