"""The stack under load, in a process of its own: meters round every tenth request, a look at the process every second.

It says where it listens in one line of JSON, answers a line `table` with what the table holds, and ends with its input.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

import psutil
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from chalicelib.adapters.dynamodb.keys import ITEM_TYPE
from infra.local.cloud import REGION
from infra.local.stack import LocalStack, StackSettings
from load.meter import Meter

METERED_ONE_OF = 10
"""Meters round every request would take a tenth of the server's time themselves."""


def table_of() -> dict[str, dict[str, int]]:
    """How many items of how many bytes the one table holds, by the type of record."""
    (table,) = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].tables.values()
    held: dict[str, dict[str, int]] = {}
    for item in [item for partition in list(table.items.values()) for item in list(partition.values())]:
        kind = item.attrs[ITEM_TYPE].value if ITEM_TYPE in item.attrs else "Pointer"
        sums = held.setdefault(kind, {"items": 0, "bytes": 0})
        sums["items"] += 1
        sums["bytes"] += item.size()
    return held


def watch(stop: threading.Event, out: IO[str]) -> None:
    """A line a second: memory, threads, handles, processor time."""
    process = psutil.Process()
    while not stop.wait(1.0):
        with process.oneshot():
            cpu = process.cpu_times()
            line = {
                "second": int(time.time()),
                "memoryBytes": process.memory_info().rss,
                "threads": process.num_threads(),
                "handles": process.num_fds(),
                "cpuMs": round((cpu.user + cpu.system) * 1000),
            }
        out.write(json.dumps(line) + "\n")
        out.flush()


def say(what: Any) -> None:
    """A line to whoever started this."""
    print(json.dumps(what), flush=True)


def main() -> int:
    """Serve until the input ends; then write what the meters say."""
    parser = argparse.ArgumentParser(prog="python -m load.runs.server", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    folder = parser.parse_args().folder
    meter, stop = Meter(one_of=METERED_ONE_OF), threading.Event()
    with LocalStack(StackSettings.from_env(folder / "state")) as stack, (folder / "process.jsonl").open("w") as out:
        stack.server.gateway.around = meter.around_request
        stack.cloud.call_hook.around = meter.around_call
        watcher = threading.Thread(target=watch, args=(stop, out), daemon=True)
        watcher.start()
        say({"url": stack.url, "passwords": stack.passwords})
        for line in sys.stdin:
            if line.strip() == "table":
                say(table_of())
            elif line.strip() == "forget":
                meter.spent.clear()
                say({})
            elif line.strip() == "spent":
                say(meter.told())
        stop.set()
        watcher.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
