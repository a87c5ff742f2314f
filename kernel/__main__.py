"""Run the nodes named on the command line until SIGTERM or SIGINT."""

import asyncio
import contextlib
import logging
import signal
import sys

from kernel.control_plane import ControlPlane
from kernel.logs import log
from kernel.node import Node
from kernel.settings import KernelSettings, parse_arguments
from kernel.usage import ProcessTable


async def run_kernel(settings: KernelSettings) -> None:
    """Run all nodes in this process; when cancelled, end their children and return.

    Raises:
        BlockingIOError: another kernel runs one of the nodes.
        OSError: a port or a folder cannot be used.
    """
    control_plane, table = ControlPlane(settings.control_plane), ProcessTable()
    try:
        nodes = [Node(node, settings, control_plane, table) for node in settings.nodes]
        async with asyncio.TaskGroup() as tasks:
            for node in nodes:
                tasks.create_task(node.run())
    finally:
        await control_plane.close()


async def _until_told_to_stop(settings: KernelSettings) -> None:
    running = asyncio.ensure_future(run_kernel(settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    log("kernel_ended")


def main() -> int:
    """0 after a clean end, 1 when the kernel could not run."""
    settings = parse_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    code = 0
    try:
        asyncio.run(_until_told_to_stop(settings))
    except* OSError as group:
        log("kernel_failed", errors=[str(error) for error in group.exceptions])
        code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
