"""Deaths: of a child, and of the kernel itself by SIGKILL."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from kernel.resident import Pace
from tests.kernel.conftest import Builder, Fleet, free_port
from tests.kernel.fake_control_plane import FakeControlPlane, until

ROOT = Path(__file__).parents[2]


def children_of(data_dir: Path, name: str) -> list[int]:
    try:
        recorded = json.loads((data_dir / name / "children.json").read_bytes())["children"]
    except FileNotFoundError:
        return []
    return [child["pid"] for child in recorded]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_child_that_dies_is_counted_and_started_again(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start(pace=Pace(restart_min_s=0.3, health_every_s=0.2))
    await fleet.runs(digest, 1)
    node = control_plane.node(name)
    [pid] = children_of(fleet.data_dir, name)

    os.kill(pid, signal.SIGKILL)
    await until(lambda: not alive(pid), "the death of the child")
    status, body = await fleet.charge()

    assert (status, body["status"]) == (502, 502)
    assert body["type"] in ("/problems/ModuleDown", "/problems/NoAnswer")  # the latter on a connection it left behind
    await until(lambda: not node.module()["healthy"], "a report that says it is not healthy")
    await until(lambda: node.module()["healthy"], "a report that says it is healthy again")
    assert (await fleet.charge())[0] == 200
    assert children_of(fleet.data_dir, name) != [pid]
    await until(lambda: node.total(digest, "requests") == 2, "both requests in the windows")
    assert (node.total(digest, "crashes"), node.total(digest, "errors")) == (1, 1)


async def test_cpu_and_memory_of_the_child_are_measured(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    node = control_plane.node(name)

    for _ in range(60):
        await fleet.charge()

    await until(lambda: node.total(digest, "requests") == 60, "all requests in the windows")
    await until(lambda: node.total(digest, "cpuMs") >= 60, "a millisecond of CPU time per request")
    assert node.last["windows"][-1]["memoryBytes"] > 5_000_000


class KernelProcess:
    """The program as an operator starts it."""

    def __init__(self, control_plane: FakeControlPlane, data_dir: Path, name: str) -> None:
        self.control_plane, self.data_dir, self.name = control_plane, data_dir, name
        self.port = free_port()
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        node = f"name={self.name},port={self.port},token=hse_once,label.zone=a"
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kernel", "--control-plane", self.control_plane.url),
            *("--data-dir", str(self.data_dir), "--node", node),
            cwd=ROOT,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def end(self, number: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 15)


@pytest.fixture
async def kernel_process(control_plane: FakeControlPlane, tmp_path: Path) -> AsyncIterator[Callable[[], KernelProcess]]:
    started: list[KernelProcess] = []

    def make() -> KernelProcess:
        control_plane.tokens.add("hse_once")
        started.append(KernelProcess(control_plane, tmp_path, "production-01"))
        return started[-1]

    yield make
    for kernel in started:
        if kernel.process is not None:
            await kernel.end(signal.SIGTERM)


async def describe(fleet: Fleet, kernel: KernelProcess) -> dict[str, Any] | None:
    try:
        async with fleet.session.get(f"http://127.0.0.1:{kernel.port}/") as answer:
            body: dict[str, Any] = await answer.json()
            return body
    except OSError:
        return None


async def serves(fleet: Fleet, kernel: KernelProcess, digest: str) -> dict[str, Any]:
    """Wait until the node says this version is active and healthy."""
    for _ in range(1500):
        body = await describe(fleet, kernel)
        modules = body["modules"] if body else []
        if modules and modules[0]["active"] == digest and modules[0]["healthy"]:
            found: dict[str, Any] = modules[0]
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within 15 s: {digest} active and healthy; the node says {body}")


async def test_after_kill_9_a_node_runs_what_it_should_while_the_control_plane_is_away(
    control_plane: FakeControlPlane,
    fleet: Fleet,
    built: Builder,
    kernel_process: Callable[[], KernelProcess],
) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.0.0"))
    kernel = kernel_process()
    await kernel.start()
    await until(lambda: control_plane.knows("production-01"), "enrolment")
    control_plane.order("production-01", 3, old)
    await control_plane.settled("production-01", 3, old)
    control_plane.order("production-01", 3, old, staged=(new,))
    await control_plane.settled("production-01", 3, new)
    before = children_of(kernel.data_dir, kernel.name)
    sockets = Path(json.loads((kernel.data_dir / kernel.name / "children.json").read_bytes())["sockets"])
    await control_plane.stop()

    assert await kernel.end(signal.SIGKILL) == -signal.SIGKILL
    if sys.platform == "linux":
        await until(lambda: not any(alive(pid) for pid in before), "the end of the children of the killed kernel")
    await kernel.start()
    module = await serves(fleet, kernel, old)

    fleet.ports["production-01"] = kernel.port
    assert (await fleet.charge())[0] == 200
    assert (module["fence"], module["version"]) == (3, "1.0.0")
    assert not any(alive(pid) for pid in before)
    assert not sockets.exists()

    await control_plane.start()
    control_plane.order("production-01", 4, new)
    await control_plane.settled("production-01", 4, new)
    assert control_plane.downloads == [old, new]


async def test_a_kept_zip_that_was_changed_is_not_run_but_asked_for_again(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    await fleet.stop(name)
    [kept] = (fleet.data_dir / name / "artifacts").glob("*.zip")
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")

    await fleet.start()

    node = control_plane.node(name)
    await until(lambda: control_plane.downloads == [digest, digest], "a second download")
    await until(lambda: node.module().get("active") == digest and node.module()["healthy"], "the version running")
    assert (await fleet.charge())[0] == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_stop_the_kernel_ends_its_children_and_says_zero(
    control_plane: FakeControlPlane,
    built: Builder,
    kernel_process: Callable[[], KernelProcess],
    number: signal.Signals,
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    kernel = kernel_process()
    await kernel.start()
    await until(lambda: control_plane.knows("production-01"), "enrolment")
    control_plane.order("production-01", 1, digest)
    await control_plane.settled("production-01", 1, digest)
    children = children_of(kernel.data_dir, kernel.name)

    assert await kernel.end(number) == 0

    assert children
    assert not any(alive(pid) for pid in children)
    assert not (kernel.data_dir / kernel.name / "children.json").exists()


async def test_two_kernels_never_run_the_same_node(
    control_plane: FakeControlPlane, fleet: Fleet, kernel_process: Callable[[], KernelProcess]
) -> None:
    kernel = kernel_process()
    await kernel.start()
    await until(lambda: control_plane.knows("production-01"), "enrolment")

    second = kernel_process()
    await second.start()

    assert second.process is not None
    assert await asyncio.wait_for(second.process.wait(), 15) == 1
    assert await describe(fleet, kernel) is not None


async def test_a_kernel_that_was_killed_still_knows_which_keys_were_revoked(
    control_plane: FakeControlPlane,
    fleet: Fleet,
    built: Builder,
    kernel_process: Callable[[], KernelProcess],
) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.0.0"))
    kernel = kernel_process()
    await kernel.start()
    await until(lambda: control_plane.knows("production-01"), "enrolment")
    control_plane.order("production-01", 1, old)
    await control_plane.settled("production-01", 1, old)
    control_plane.revoked_keys = [control_plane.artifacts[old]["keyId"]]
    kept = kernel.data_dir / kernel.name / "revoked-keys.json"
    await until(kept.exists, "the revocation on the disk")

    await kernel.end(signal.SIGKILL)
    control_plane.revoked_keys = []
    await kernel.start()
    await serves(fleet, kernel, old)
    control_plane.order("production-01", 2, new)
    ack = await control_plane.settled("production-01", 2, new)

    assert (ack["outcome"], ack["reason"]) == ("failed", "ARTIFACT_KEY_REVOKED")
    assert control_plane.downloads == [old]
