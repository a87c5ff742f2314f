"""`python -m load.judge_quality`: how good the judge is, measured in a simulated fleet. `--quick` takes seconds."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from load.judge_quality.experiments import DECLARING, experiments, run
from load.judge_quality.pictures import detection_against_requests, detection_by_traffic
from load.judge_quality.tables import Row, as_text, is_of, pooled, row_of

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "load" / "results" / "judge-quality"
IMAGES = ROOT / "docs" / "images"
SEED = 20_261_123
"""Used by no run that a constant of the judge was chosen after."""


def main() -> int:
    """Run the experiments, print the tables, store results and pictures. 1 where a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m load.judge_quality", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few runs, nothing stored")
    parser.add_argument("--times", type=float, default=1.0, help="this many times the runs of every row")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", action="store_true", help="keep stored rows of the same code and count")
    chosen = parser.parse_args()
    started = time.monotonic()
    kept = _stored() if chosen.resume else []
    rows: list[Row] = []
    with ProcessPoolExecutor(chosen.workers) as pool:
        for experiment in experiments(chosen.quick, chosen.times):
            row = next((row for row in kept if is_of(row, experiment)), None)
            if row is None:
                began = time.monotonic()
                row = row_of(experiment, run(experiment, pool, SEED))
                row |= {"commit": _commit(), "code": CODE, "seconds": round(time.monotonic() - began)}
                print(
                    f"{time.monotonic() - started:6.0f} s  {row['rule']}: {row['change']}, {row['nodes']} nodes, "
                    f"{row['requestsPerSecondAndNode']:g}/s: {row['rolledBack']} of {row['runs']}",
                    file=sys.stderr,
                    flush=True,
                )
            rows.append(row)
            if not chosen.quick:
                _store(rows)
    print(as_text(rows))
    return _misses(rows)


def _stored() -> list[Row]:
    if not (RESULTS / "results.json").exists():
        return []
    result = json.loads((RESULTS / "results.json").read_text(encoding="utf-8"))
    return [row for row in result["rows"] if row.get("code") == CODE] if result["seed"] == SEED else []


def _code() -> str:
    """The digest of all code that a row's numbers come from: rows of the same code and seed are the same numbers."""
    made_by = ("chalicelib.domain", *(f"load.judge_quality.{each}" for each in ("world", "rules", "experiments")))
    loaded = {name: module.__file__ for name, module in sys.modules.items() if name.startswith(made_by)}
    files = [Path(file) for _, file in sorted(loaded.items()) if file]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


CODE = _code()


def _commit() -> str:
    answer = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    return answer.stdout.strip()


def _store(rows: list[Row]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    result = {
        "command": "python -m load.judge_quality",
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "python": platform.python_version()},
        "seed": SEED,
        "seconds": sum(row["seconds"] for row in rows),
        "healthy": pooled(rows),
        "healthyWithDeclared": pooled(rows, DECLARING),
        "rows": rows,
    }
    (RESULTS / "results.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "tables.md").write_text(as_text(rows), encoding="utf-8")
    detection_against_requests(rows, IMAGES / "judge-detection.svg")
    detection_by_traffic(rows, IMAGES / "judge-traffic.svg")


def _misses(rows: list[Row]) -> int:
    """Targets: at most 1 % of healthy versions rolled back, each listed regression found in 99 % (published row)."""
    missed = [
        f"{r['change']}: {r['rate']:.1%}"
        for r in rows
        if r["table"] == "detection" and r["rule"] == "judge" and r["rate"] < 0.99
    ]
    for whole in (pooled(rows), pooled(rows, DECLARING)):
        if whole["rolledBack"] > 0.01 * whole["runs"]:
            missed.append(f"healthy: {whole['rolledBack']} of {whole['runs']} rolled back")
    for miss in missed:
        print(f"target missed: {miss}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
