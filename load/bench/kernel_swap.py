"""How long a kernel takes to swap a version, and what requests in flight notice: a kernel process, real child processes,
requests without a pause. Wall time, so it means something on a quiet machine only."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from infra.local.traffic import REQUEST_TIMEOUT_S
from kernel.examples.build import build, new_signing_key
from load.bench.repeated import spread
from tests.kernel.conftest import CHARGE, free_port
from tests.kernel.fake_control_plane import FakeControlPlane, until

SWAPS = 20
CALLERS = 4
BETWEEN_S = 0.5
NODE = "production-01"
ROOT = Path(__file__).resolve().parents[2]


def measure() -> dict[str, Any]:
    """Swaps to a version that has to be started, and back to one that is parked."""
    with tempfile.TemporaryDirectory(prefix="hotswap-swap-") as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> dict[str, Any]:
    plane = FakeControlPlane(new_signing_key())
    await plane.start()
    versions = [plane.publish(build(version, folder / "artifacts", faults=())) for version in ("1.0.0", "2.0.0")]
    token, port = f"hse_{NODE}", free_port()
    plane.tokens.add(token)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kernel", "--control-plane", plane.url, "--data-dir", str(folder / "node")),
        *("--node", f"name={NODE},port={port},token={token}"),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ},
    )
    try:
        await until(lambda: plane.knows(NODE), "the node's enrolment")
        plane.order(NODE, 1, versions[0])
        await plane.settled(NODE, 1, versions[0])
        callers = Callers(f"http://127.0.0.1:{port}/payment-processor/charge")
        await callers.start()
        swaps = [await _swap(plane, versions, number) for number in range(2, SWAPS + 2)]
        await callers.stop()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()
        await plane.stop()
    started = [each for each in swaps if not each[0]]
    during = [ms for _, begun, took in swaps for ms in callers.between(begun, begun + took)]
    quiet = callers.outside([(begun, begun + took) for _, begun, took in swaps])
    return {
        "swaps": len(swaps),
        "requests": len(callers.latencies),
        "failedOrDropped": callers.failed,
        "swapMs": spread([1000 * took for _, _, took in started], 1),
        "swapToParkedMs": spread([1000 * took for parked, _, took in swaps if parked], 1),
        "latencyDuringSwapMs": _quantiles(during),
        "latencyOtherwiseMs": _quantiles(quiet),
    }


async def _swap(plane: FakeControlPlane, versions: list[str], number: int) -> tuple[bool, float, float]:
    """Whether the version was parked, when the order was given, and the seconds until the node said it was done.

    Three of four swaps park nothing, so the version is started anew.
    """
    await asyncio.sleep(BETWEEN_S)
    wanted, other = versions[(number + 1) % 2], versions[number % 2]
    parked = number % 4 == 3
    begun = time.perf_counter()
    plane.order(NODE, number, wanted, staged=(other,) if number % 4 == 2 else ())
    await plane.settled(NODE, number, wanted)
    return parked, begun, time.perf_counter() - begun


class Callers:
    """Requests one after the other from a few callers; every latency with the instant its request began."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.latencies: list[tuple[float, float]] = []
        self.failed = 0

    async def start(self) -> None:
        """Begin."""
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S))
        self._tasks = [asyncio.create_task(self._call()) for _ in range(CALLERS)]

    async def stop(self) -> None:
        """End with the answers that are out."""
        self._over.set()
        await asyncio.gather(*self._tasks)
        await self._session.close()

    async def _call(self) -> None:
        while not self._over.is_set():
            begun = time.perf_counter()
            try:
                async with self._session.post(self._url, json=CHARGE) as answer:
                    await answer.read()
                    self.failed += answer.status >= 500
            except (aiohttp.ClientError, TimeoutError):
                self.failed += 1
            self.latencies.append((begun, 1000 * (time.perf_counter() - begun)))

    def between(self, begin: float, end: float) -> list[float]:
        """Latencies of requests that overlap with this time."""
        return [ms for begun, ms in self.latencies if begun < end and begun + ms / 1000 > begin]

    def outside(self, times: list[tuple[float, float]]) -> list[float]:
        """Latencies of requests that overlap with none of these."""
        return [
            ms
            for begun, ms in self.latencies
            if not any(begun < end and begun + ms / 1000 > begin for begin, end in times)
        ]


def _quantiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]
    return {
        f"p{share}": round(ordered[min(len(ordered) * share // 100, len(ordered) - 1)], 1) for share in (50, 95, 99)
    } | {"max": round(ordered[-1], 1)}
