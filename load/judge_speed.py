"""`python -m load.judge_speed`: verdicts a second by the size of the evidence, beside scipy's rank test."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.stats import mannwhitneyu

from chalicelib.domain.canary_analysis import AnalysisPolicy, find_harm, judge
from chalicelib.domain.statistics.ranks import mann_whitney
from load.judge_quality.world import Change, Deployment, World

ROOT = Path(__file__).resolve().parents[1]
STORED = ROOT / "load" / "results" / "judge-quality" / "speed.json"
SECONDS = 1.0


def per_second(call: Callable[[], object]) -> float:
    """How often `call` runs in a second of processor time."""
    call()
    started, count = time.process_time(), 0
    while time.process_time() - started < SECONDS:
        call()
        count += 1
    return count / (time.process_time() - started)


def main() -> None:
    """Measure, print and store."""
    rows: list[dict[str, float]] = []
    policy = AnalysisPolicy()
    for nodes, windows in ((1, 30), (10, 6), (10, 30), (20, 30), (100, 30)):
        deployment = Deployment(World(nodes=nodes, requests_per_second=50.0), Change(), np.random.default_rng(1))
        deployment.bake(0)
        evidence = deployment.evidence(0, windows)
        requests = sum(w.requests for n in (*evidence.canary, *evidence.control) for w in n.during)
        rows.append(
            {
                "nodes": nodes,
                "windows": nodes * windows,
                "requests": requests,
                "looks": per_second(lambda e=evidence: find_harm(e, policy)),  # type: ignore[misc]
                "verdicts": per_second(lambda e=evidence: judge(e, policy)),  # type: ignore[misc]
            }
        )
    print(
        "| nodes | windows in the bake | requests | looks/s (find_harm) | verdicts/s (judge) |\n|---|---|---|---|---|"
    )
    for row in rows:
        print(
            f"| {row['nodes']} | {row['windows']} | {row['requests']:,} | {row['looks']:.0f} | {row['verdicts']:.0f} |"
        )
    ranks = _ranks()
    print("\n| samples on each side | ours/s | scipy/s, same method |\n|---|---|---|")
    for rank in ranks:
        print(f"| {rank['samples']} | {rank['ours']:.0f} | {rank['scipy']:.0f} |")
    _store({"verdicts": rows, "rankTests": ranks})


def _ranks() -> list[dict[str, float]]:
    generator, found = np.random.default_rng(2), []
    for size in (10, 30, 100, 1_000, 10_000):
        first, second = generator.standard_normal(size).tolist(), generator.standard_normal(size).tolist()
        method = "exact" if size <= 30 else "asymptotic"
        found.append(
            {
                "samples": size,
                "ours": per_second(lambda a=first, b=second: mann_whitney(a, b)),  # type: ignore[misc]
                "scipy": per_second(lambda a=first, b=second, m=method: mannwhitneyu(a, b, method=m)),  # type: ignore[misc]
            }
        )
    return found


def _store(measured: dict[str, object]) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607
    STORED.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "command": "python -m load.judge_speed",
        "commit": commit.stdout.strip(),
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "python": platform.python_version()},
        **measured,
    }
    STORED.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
