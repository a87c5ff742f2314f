"""Real requests to every node, steadily, and an honest count of how they fared."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

REQUEST_TIMEOUT_S = 10
CARDS = ("4242424242424242", "5555555555554444", "378282246310005")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where requests go: a node's URL of one module, and what is sent there."""

    node: str
    environment: str
    url: str
    currencies: tuple[str, ...] = ("EUR", "USD")


@dataclass(kw_only=True)
class Tally:
    """What became of the requests.

    `failed`: the module itself answered 500 or above. `dropped`: no answer, or one by the node's proxy because no
    version was there to ask; neither may ever happen because of a swap. `seconds` are from request to answer.
    """

    sent: int = 0
    answered: int = 0
    failed: int = 0
    dropped: int = 0
    by_node: Counter[str] = field(default_factory=Counter)
    failed_by_node: Counter[str] = field(default_factory=Counter)
    dropped_reasons: Counter[str] = field(default_factory=Counter)


class Traffic:
    """Sends `per_second` requests to each target from a thread of its own until stopped. Randomness is seeded."""

    def __init__(self, targets: Sequence[Target], *, per_second: float, seed: int = 1) -> None:
        self._targets = tuple(targets)
        self._interval_s = 1 / per_second
        self._random = random.Random(seed)  # noqa: S311 (load, not secrets)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic", daemon=True)
        self.tally = Tally()

    def start(self) -> Traffic:
        """Begin to send, and return self."""
        self._thread.start()
        return self

    def stop(self) -> Tally:
        """Stop sending, wait for the answers that are still out, and return the tally."""
        self._stop.set()
        self._thread.join(REQUEST_TIMEOUT_S + 5)
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
        due = time.monotonic() + self._random.random() * self._interval_s
        async with asyncio.TaskGroup() as group:
            while not self._stop.is_set():
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                # A generator that fell behind does not make up for it with a burst.
                due = max(due + self._interval_s, time.monotonic())
                group.create_task(self._send(session, target))

    async def _send(self, session: aiohttp.ClientSession, target: Target) -> None:
        body = {
            "amount": self._random.randint(100, 50_000),
            "currency": self._random.choice(target.currencies),
            "card": self._random.choice(CARDS),
        }
        self.tally.sent += 1
        self.tally.by_node[target.node] += 1
        try:
            async with session.post(target.url, json=body) as response:
                content_type = response.headers.get("Content-Type", "")
                await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._dropped(type(error).__name__)
            return
        # The node's own proxy speaks problem+json; the module never does.
        if response.status >= 500 and content_type.startswith("application/problem+json"):
            self._dropped(f"HTTP {response.status} by the node")
        elif response.status >= 500:
            self.tally.failed += 1
            self.tally.failed_by_node[target.node] += 1
        else:
            self.tally.answered += 1

    def _dropped(self, reason: str) -> None:
        self.tally.dropped += 1
        self.tally.dropped_reasons[reason] += 1


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
