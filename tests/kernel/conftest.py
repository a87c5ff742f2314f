"""Fixtures: artifacts built once, a fake control plane, and nodes in this process."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.__main__ import run_kernel
from kernel.examples.build import BuiltArtifact, build, new_signing_key
from kernel.resident import Pace
from kernel.settings import KernelSettings, NodeSettings, Patience
from tests.kernel.fake_control_plane import FakeControlPlane, until

CHARGE = {"amount": 1999, "currency": "EUR", "card": "4242424242424242"}

Builder = Callable[..., BuiltArtifact]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def signing_key() -> Ed25519PrivateKey:
    return new_signing_key()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """Build a version of the payment processor; quick to end, because tests end many."""
    out = tmp_path_factory.mktemp("artifacts")

    def make(version: str, **options: Any) -> BuiltArtifact:
        manifest = {"startTimeoutMs": 8000, "shutdownGraceMs": 1000} | options.pop("manifest", {})
        return build(version, out, manifest=manifest, **options)

    return make


@pytest.fixture
async def control_plane(signing_key: Ed25519PrivateKey) -> AsyncIterator[FakeControlPlane]:
    """A control plane; at the end of the test it must have seen nothing against the contract."""
    fake = FakeControlPlane(signing_key)
    await fake.start()
    yield fake
    await fake.stop()
    assert fake.violations == []


class Fleet:
    """Nodes in this process, each started and stopped by its name."""

    def __init__(self, control_plane: FakeControlPlane, data_dir: Path) -> None:
        self.control_plane, self.data_dir = control_plane, data_dir
        self.ports: dict[str, int] = {}
        self.session = aiohttp.ClientSession()
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str = "production-01", **settings: Any) -> str:
        """Start a node and wait until it has reported; returns its name."""
        self.control_plane.tokens.add(f"hse_{name}")
        port = self.ports.setdefault(name, free_port())
        told = KernelSettings(
            control_plane=self.control_plane.url,
            data_dir=self.data_dir,
            nodes=(NodeSettings(name=name, port=port, token=f"hse_{name}", labels={"zone": "a"}),),
            patience=Patience(retry_min_s=0.05, retry_max_s=0.2, revoked_s=0.1),
            pace=settings.pop("pace", Pace(restart_min_s=0.05, health_every_s=0.2)),
            **settings,
        )
        self._running[name] = asyncio.create_task(run_kernel(told))
        knows = self.control_plane.knows
        await until(lambda: self._failed(name) or knows(name), f"enrolment of {name}")
        return name

    def _failed(self, name: str) -> bool:
        task = self._running[name]
        if task.done():
            task.result()
        return False

    async def stop(self, name: str) -> None:
        """End a node as SIGTERM would."""
        task = self._running.pop(name)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def close(self) -> None:
        for name in list(self._running):
            await self.stop(name)
        await self.session.close()

    def url(self, path: str = "", name: str = "production-01") -> str:
        return f"http://127.0.0.1:{self.ports[name]}/{path}"

    async def charge(self, name: str = "production-01", **other: Any) -> tuple[int, dict[str, Any]]:
        """Charge a card through the node; status and body."""
        url = self.url("payment-processor/charge", name)
        async with self.session.post(url, json=CHARGE | other) as answer:
            return answer.status, await answer.json(content_type=None)

    async def describe(self, name: str = "production-01") -> dict[str, Any]:
        async with self.session.get(self.url(name=name)) as answer:
            body: dict[str, Any] = await answer.json()
            return body

    async def runs(self, digest: str, fence: int, name: str = "production-01") -> None:
        """Order a version and wait until it serves."""
        self.control_plane.order(name, fence, digest)
        ack = await self.control_plane.settled(name, fence, digest)
        assert ack["outcome"] == "succeeded", ack


@pytest.fixture
async def fleet(control_plane: FakeControlPlane, tmp_path: Path) -> AsyncIterator[Fleet]:
    fleet = Fleet(control_plane, tmp_path)
    yield fleet
    await fleet.close()


WhileLoaded = Callable[[Callable[[], Awaitable[None]]], Awaitable[list[tuple[int, dict[str, Any]]]]]


@pytest.fixture
def while_loaded(fleet: Fleet) -> WhileLoaded:
    """Run something while callers charge without a pause; returns all answers, exceptions included as status 0."""

    async def run(change: Callable[[], Awaitable[None]]) -> list[tuple[int, dict[str, Any]]]:
        answers: list[tuple[int, dict[str, Any]]] = []
        over = asyncio.Event()

        async def caller(number: int) -> None:
            while not over.is_set():
                try:
                    answers.append(await fleet.charge(amount=1000 + number))
                except aiohttp.ClientError as error:
                    answers.append((0, {"error": repr(error)}))

        callers = [asyncio.create_task(caller(number)) for number in range(8)]
        try:
            await until(lambda: len(answers) >= 20, "the first 20 answers under load")
            await change()
            seen = len(answers)
            await until(lambda: len(answers) >= seen + 20, "20 answers after the change")
        finally:
            over.set()
            await asyncio.gather(*callers)
        return answers

    return run
