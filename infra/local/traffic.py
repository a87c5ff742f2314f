"""Real requests to every node, steadily, and an honest count of how they fared."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp

_ROOT = Path(__file__).parents[2]
REQUEST_TIMEOUT_S = 10
CARDS = ("4242424242424242", "5555555555554444", "378282246310005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go: a node's URL of one module, or the call of a function's alias, and what is sent there."""

    node: str
    environment: str
    url: str
    currencies: tuple[str, ...] = ("EUR", "USD")
    per_second: float = 10.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Tally:
    """What became of the requests.

    `failed`: the module itself answered 500 or above, or a function ended with an error. `dropped`: no answer, or one by the node's proxy because no
    version was there to ask; neither may ever happen because of a swap. `seconds` are from request to answer.
    """

    sent: int = 0
    answered: int = 0
    failed: int = 0
    dropped: int = 0
    failed_by_node: dict[str, int] = field(default_factory=dict)
    dropped_reasons: dict[str, int] = field(default_factory=dict)


class Traffic:
    """Sends to each target at its own rate from a process of its own until stopped, so that it delays nobody here."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = tuple(targets)
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> Traffic:
        """Begin to send, and return self."""
        command = [sys.executable, "-m", "infra.local.traffic"]
        self._process = subprocess.Popen(
            command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        if self._process.stdin is None:
            raise RuntimeError("the traffic process takes no input")
        self._process.stdin.write(json.dumps([asdict(target) for target in self._targets]) + "\n")
        self._process.stdin.flush()
        return self

    def stop(self) -> Tally:
        """Stop sending, wait for the answers that are still out, and return the tally."""
        if self._process is None:
            return Tally()
        # The end of its input tells it to stop; so does the death of this process, however it dies.
        told, _ = self._process.communicate(timeout=REQUEST_TIMEOUT_S + 15)
        self._process = None
        return Tally(**json.loads(told))


class Generator:
    """What runs in the traffic process. Randomness is seeded."""

    def __init__(self, targets: Sequence[Target], stop: threading.Event, *, seed: int = 1) -> None:
        self._targets = tuple(targets)
        self._random = random.Random(seed)  # noqa: S311 (load, not secrets)
        self._stop = stop
        self.tally = Tally()

    def run(self) -> Tally:
        """Send until told to stop and every answer is in."""
        asyncio.run(self._run())
        return self.tally

    async def _run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as session,
            asyncio.TaskGroup() as group,
        ):
            for target in self._targets:
                group.create_task(self._pace(session, target))

    async def _pace(self, session: aiohttp.ClientSession, target: Target) -> None:
        interval_s = 1 / target.per_second
        due = time.monotonic() + self._random.random() * interval_s
        async with asyncio.TaskGroup() as group:
            while not self._stop.is_set():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                # A generator that fell behind does not make up for it with a burst.
                due = max(due + interval_s, time.monotonic())
                group.create_task(self._send(session, target))

    async def _send(self, session: aiohttp.ClientSession, target: Target) -> None:
        body = {
            "amount": self._random.randint(100, 50_000),
            "currency": self._random.choice(target.currencies),
            "card": self._random.choice(CARDS),
        }
        self.tally.sent += 1
        try:
            async with session.post(target.url, json=body, headers=target.headers) as response:
                content_type = response.headers.get("Content-Type", "")
                function_error = "X-Amz-Function-Error" in response.headers
                await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._dropped(type(error).__name__)
            return
        # The node's own proxy speaks problem+json; the module never does.
        if response.status >= 500 and content_type.startswith("application/problem+json"):
            self._dropped(f"HTTP {response.status} by the node")
        elif response.status == HTTPStatus.TOO_MANY_REQUESTS:
            self._dropped("HTTP 429: throttled")
        elif response.status >= 500 or function_error:
            self.tally.failed += 1
            count = self.tally.failed_by_node
            count[target.node] = count.get(target.node, 0) + 1
        else:
            self.tally.answered += 1

    def _dropped(self, reason: str) -> None:
        self.tally.dropped += 1
        count = self.tally.dropped_reasons
        count[reason] = count.get(reason, 0) + 1


def main() -> int:
    """Targets come as one line of JSON; the end of the input means stop; the tally goes out as JSON."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # whoever started it says when to stop
    told = [Target(**{**each, "currencies": tuple(each["currencies"])}) for each in json.loads(sys.stdin.readline())]
    stop = threading.Event()

    def until_the_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=until_the_end, daemon=True).start()
    print(json.dumps(asdict(Generator(told, stop).run())))
    return 0


def wait_until(true: Callable[[], Any], *, what: str, seconds: float, every_s: float = 0.1) -> Any:
    """The first true answer of `true`.

    Raises:
        TimeoutError: it was not so within `seconds`; says what was missing.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(every_s)
    raise TimeoutError(f"after {seconds:.0f} s still missing: {what}")


if __name__ == "__main__":
    sys.exit(main())
