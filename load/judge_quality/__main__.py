"""`python -m load.judge_quality`: how good the judge is, measured in a simulated fleet. `--quick` takes seconds."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from load.judge_quality.experiments import experiments, run
from load.judge_quality.pictures import detection_against_requests, detection_by_traffic
from load.judge_quality.tables import Row, as_text, pooled, row_of

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "load" / "results" / "judge-quality"
IMAGES = ROOT / "docs" / "images"
SEED = 20_261_122
"""Used by no run that a constant of the judge was chosen after."""


def main() -> int:
    """Run the experiments, print the tables, store results and pictures. 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m load.judge_quality", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few runs, nothing stored")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--table", help="run only this table's rows again and put them into the stored results")
    chosen = parser.parse_args()
    started = time.monotonic()
    planned = list(enumerate(experiments(chosen.quick)))
    rows: dict[int, Row] = {}
    if chosen.table:
        stored = json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))["rows"]
        rows = {number: stored[number] for number, each in planned if each.table != chosen.table}
    commit = _commit()
    with ProcessPoolExecutor(chosen.workers) as pool:
        for number, experiment in planned:
            if chosen.table not in (None, experiment.table):
                continue
            row = row_of(experiment, run(experiment, pool, SEED + number)) | {"commit": commit}
            rows[number] = row
            print(
                f"{time.monotonic() - started:6.0f} s  {row['rule']}: {row['change']}, {row['nodes']} nodes, "
                f"{row['requestsPerSecondAndNode']:g}/s: {row['rolledBack']} of {row['runs']}",
                file=sys.stderr,
                flush=True,
            )
            if not chosen.quick:
                _store([rows[each] for each in sorted(rows)], time.monotonic() - started)
    found = [rows[each] for each in sorted(rows)]
    print(as_text(found))
    return _misses(found)


def _commit() -> str:
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    return answer.stdout.strip()


def _store(rows: list[Row], seconds: float) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    result = {
        "command": "python -m load.judge_quality",
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "python": platform.python_version()},
        "seed": SEED,
        "seconds": round(seconds),
        "healthy": pooled(rows),
        "rows": rows,
    }
    (RESULTS / "results.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "tables.md").write_text(as_text(rows), encoding="utf-8")
    detection_against_requests(rows, IMAGES / "judge-detection.svg")
    detection_by_traffic(rows, IMAGES / "judge-traffic.svg")


def _misses(rows: list[Row]) -> int:
    """Targets: at most 1 % of healthy versions rolled back, each listed regression found in 99 % (published row)."""
    whole = pooled(rows)
    missed = [
        f"{r['change']}: {r['rate']:.1%}"
        for r in rows
        if r["table"] == "detection" and r["rule"] == "judge" and r["rate"] < 0.99
    ]
    if whole["rolledBack"] > 0.01 * whole["runs"]:
        missed.append(f"healthy: {whole['rolledBack']} of {whole['runs']} rolled back")
    for miss in missed:
        print(f"target missed: {miss}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
