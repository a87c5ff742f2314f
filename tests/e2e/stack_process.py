"""A control plane in a process of its own, for tests: it lives while somebody holds its lease, and no longer.

The lease is a shared lock on a file. The system gives a lock back however its holder dies, so that no stack outlives
the tests that use it, and several test processes may share one.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import signal
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from chalicelib import wiring
from infra.local.api_client import ApiClient
from infra.local.kernels import Kernels, LocalNode
from infra.local.stack import LocalStack, StackSettings
from infra.local.timers import RealTimers

LOOK_EVERY_S = 0.3
SHARED = "shared.json"
"""Where a stack is that several may use; it goes with the stack."""


class MovedTimers(RealTimers):
    """The clock of a machine that is off by as many milliseconds as stand in a file."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def now_ms(self) -> int:
        return super().now_ms() + (int(self._file.read_text() or 0) if self._file.exists() else 0)


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM, or until nobody holds the lease."""
    parser = argparse.ArgumentParser(prog="stack_process", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--api-port", type=int, required=True)
    parser.add_argument("--emulator-port", type=int, required=True)
    parser.add_argument("--downloads", default="", help="what links to artifacts begin with, if not with the emulator")
    parser.add_argument("--nodes", default="[]", help="JSON: [name, environment, port] of each node to run here")
    told = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    # Whoever comes to share this stack waits for the lease, and finds it gone altogether or alive.
    with (told.folder / "lease").open("r+") as lease:
        with ExitStack() as stack:
            _serve(stack, told)
            while not stop.wait(LOOK_EVERY_S) and not _is_forsaken(lease.fileno()):
                pass
        (told.folder / SHARED).unlink(missing_ok=True)
    return 0


def _serve(stack: ExitStack, told: argparse.Namespace) -> None:
    settings = StackSettings(
        data_dir=told.folder / "state", api_port=told.api_port, emulator_port=told.emulator_port, limits_percent=0
    )
    local = stack.enter_context(LocalStack(settings, timers=MovedTimers(told.folder / "clock-offset-ms")))
    if told.downloads:
        wiring.install(settings=replace(wiring.settings(), s3_endpoint=told.downloads))
    nodes = [LocalNode(name=name, environment=where, port=port) for name, where, port in json.loads(told.nodes)]
    if nodes:
        kernels = Kernels(control_plane=local.url, data_dir=told.folder / "nodes")
        stack.callback(kernels.stop)
        admin = local.client("ada")
        kernels.start([_with_token(node, admin) for node in nodes], name="kernel")


def _with_token(node: LocalNode, admin: ApiClient) -> LocalNode:
    token = admin.post(f"/api/v1/clusters/{node.environment}/nodes/enrol-tokens")["token"]
    return replace(node, token=token)


def _is_forsaken(descriptor: int) -> bool:
    """Whether the lease could be had alone: then nobody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
