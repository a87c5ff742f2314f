"""Two runs at once, with two workers each and in different random orders, do not touch each other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HARMLESS = ("tests/e2e/test_shared_scenarios.py", "tests/e2e/test_ports.py", "tests/e2e/test_documented_example.py")
DESTRUCTIVE = ("tests/e2e/test_environment.py",)


def a_run(folder: Path, seed: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-m", "not long"]
    command += [f"--randomly-seed={seed}", f"--basetemp={folder}", *HARMLESS, *DESTRUCTIVE]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_runs_in_parallel_and_in_different_orders_pass(tmp_path: Path):
    runs = [a_run(tmp_path / str(seed), seed) for seed in (1, 2)]

    said = [run.communicate(timeout=800)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0], "\n".join(said)[-6000:]
    assert all(" passed" in each and "failed" not in each for each in said)
