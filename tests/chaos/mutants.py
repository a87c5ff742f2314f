"""Defects planted in a copy of our own code, one at a time: the bounded part of chaos must find every one.

    python -m tests.chaos.mutants [name ...]

Each is one replacement of text that must occur exactly once, so that a defect which no longer fits says so. A defect is
caught when the explorer, in the copy, reports a violation; which invariant it was is printed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.defects import DEFECTS, Defect

ROOT = Path(__file__).parents[2]
COPIED = ("chalicelib", "docs", "infra", "kernel", "tests")
AT_MOST_S = 600


def planted(defect: Defect, copy: Path) -> None:
    """Change the copy.

    Raises:
        LookupError: the code has changed and the defect does not fit any more.
    """
    file = copy / defect.file
    text = file.read_text()
    if text.count(defect.old) != 1:
        raise LookupError(f"{defect.name}: its text occurs {text.count(defect.old)} times in {defect.file}")
    file.write_text(text.replace(defect.old, defect.new))


def found_by(defect: Defect | None) -> tuple[list[str], str]:
    """What the explorer says about a copy with this defect: the invariants violated, and all it printed."""
    with tempfile.TemporaryDirectory(prefix="hotswap-mutant-") as folder:
        copy = Path(folder)
        for name in COPIED:
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "app.py", copy)
        if defect is not None:
            planted(defect, copy)
        command = [sys.executable, "-m", "tests.chaos.explore", "--bounded", "--stop-at-first"]
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=AT_MOST_S
        )
    said = done.stdout + done.stderr
    violated = [line.split()[1].rstrip(":") for line in said.splitlines() if line.startswith("VIOLATED ")]
    if done.returncode not in (0, 1) or (done.returncode == 1 and not violated):
        raise RuntimeError(f"a copy that does not run proves nothing: {said[-2000:]}")
    return violated, said


def main(names: Sequence[str]) -> int:
    """0: every defect was caught."""
    chosen = [defect for defect in DEFECTS if not names or defect.name in names]
    violated, said = found_by(None)
    if violated:
        print(f"without any defect: {', '.join(violated)}; so nothing could be said of those\n{said[-2000:]}")
        return 1
    missed = []
    for number, defect in enumerate(chosen, start=1):
        begun = time.monotonic()
        violated, _ = found_by(defect)
        seconds = time.monotonic() - begun
        print(f"{number:2}. {defect.name}: {', '.join(violated) or 'NOT CAUGHT'} ({seconds:.0f} s)", flush=True)
        if not violated:
            missed.append(defect.name)
    print(f"{len(chosen) - len(missed)} of {len(chosen)} caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
