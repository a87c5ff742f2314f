"""`make demo`: the main job end to end, on real processes and real traffic, in about a minute."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from infra.local.kernel_demo import Demo
from infra.local.kernels import Kernels
from infra.local.lambda_demo import LambdaDemo
from infra.local.stack import LocalStack, StackSettings

DEMOS: dict[str, type[Demo]] = {"kernel": Demo, "lambda": LambdaDemo}


def main(arguments: list[str] | None = None) -> int:
    """0 only if the good version runs everywhere, the bad one was taken back everywhere it got, and no swap cost a request."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--target", choices=tuple(DEMOS), default="kernel", help="what versions are brought to")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the summary there")
    told = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
    started = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hotswap-demo-")))
        settings = StackSettings.from_env(folder / "state")
        local = stack.enter_context(LocalStack(settings))
        kernels = Kernels(control_plane=local.url, data_dir=folder / "nodes")
        stack.callback(kernels.stop)
        demo = DEMOS[told.target](console, local, folder)
        summary = demo.run(kernels)
        summary.seconds = round(time.monotonic() - demo.ready, 1)
        summary.set_up_seconds = round(demo.ready - started, 1)
    demo.print_summary(summary)
    if told.json:
        told.json.write_text(json.dumps(summary.as_json(), indent=2) + "\n")
    return 0 if summary.passed else 1


if __name__ == "__main__":
    sys.exit(main())
