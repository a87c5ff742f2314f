"""Runs Artillery, always bounded in time, and reads what its virtual users counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from load.runs.latencies import Latencies
from load.runs.scenarios import Phase

LOAD = Path(__file__).resolve().parents[1]
SCRIPTS = LOAD / "artillery"
ARTILLERY = LOAD / "node_modules" / ".bin" / "artillery"
MORE_S = 120
"""What a run may take longer than its phases: requests that are out, and Artillery's own start and end."""


@dataclass(kw_only=True)
class Heard:
    """What became of the requests: by second, and by name. `cpu_share` is Artillery's own, of one core."""

    seconds: dict[int, Latencies] = field(default_factory=dict)
    names: dict[str, Latencies] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    cpu_share: float = 0.0

    @property
    def first_second(self) -> int:
        """When the first answer came."""
        return min(self.seconds, default=0)


def run(script: str, phases: Sequence[Phase], *, url: str, targets: Path, folder: Path) -> Heard:
    """Run one script to its end.

    Raises:
        RuntimeError: Artillery itself failed; what it said is in the message.
    """
    folder.mkdir(parents=True, exist_ok=True)
    raw = folder / "artillery.json"
    overrides = json.dumps({"config": {"target": url, "phases": list(phases)}})
    command = [str(ARTILLERY), "run", "--quiet", "--overrides", overrides, "--output", str(raw)]
    environment = {
        **os.environ,
        # Node came into the virtual environment.
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "ARTILLERY_DISABLE_TELEMETRY": "true",
        "HOTSWAP_LOAD_TARGETS": str(targets.resolve()),
        "HOTSWAP_LOAD_OUT": str(folder.resolve()),
    }
    bound = sum(int(str(phase["duration"])) for phase in phases) + MORE_S
    with (folder / "artillery.log").open("w") as log:
        process = subprocess.Popen(
            [*command, str(SCRIPTS / f"{script}.yml")], cwd=LOAD, env=environment, stdout=log, stderr=log
        )
        share = _watch(process, bound)
    if process.returncode != 0 or not raw.exists():
        raise RuntimeError(
            f"Artillery ended with {process.returncode}: {(folder / 'artillery.log').read_text()[-2_000:]}"
        )
    heard = Heard(cpu_share=share)
    heard.counters = dict(json.loads(raw.read_text())["aggregate"]["counters"])
    for file in sorted(folder.glob("seconds-*.jsonl")):
        for line in file.read_text().splitlines():
            told = json.loads(line)
            heard.seconds.setdefault(told.pop("second"), Latencies()).add(told)
    for file in sorted(folder.glob("names-*.json")):
        names: Mapping[str, Any] = json.loads(file.read_text())
        for name, told in names.items():
            heard.names.setdefault(name, Latencies()).add(told)
    for file in sorted(folder.glob("created-*.txt")):
        heard.created += file.read_text().split()
    return heard


def _watch(process: subprocess.Popen[bytes], bound_s: float) -> float:
    """Wait for the end, and return what share of a core the process took."""
    watched, begun, cpu = psutil.Process(process.pid), time.monotonic(), 0.0
    while process.poll() is None:
        try:
            times = [each.cpu_times() for each in (watched, *watched.children(recursive=True))]
            cpu = sum(each.user + each.system for each in times)
        except psutil.Error:
            continue  # one of them has just ended
        if time.monotonic() - begun > bound_s:
            process.kill()
            break
        time.sleep(0.5)
    process.wait()
    return round(cpu / max(time.monotonic() - begun, 0.1), 2)
