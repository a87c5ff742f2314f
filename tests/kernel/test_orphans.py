"""Ending what a killed kernel left running, where the system did not do it already."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from kernel.orphans import MAX_SOCKET_PATH, ChildRecords, end_orphans

SLEEP = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
SPAWN = [
    sys.executable,
    "-c",
    "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print(p.pid, flush=True)",
]


@pytest.fixture
def sockets(tmp_path: Path) -> Path:
    folder = tmp_path / "hs-1234"
    folder.mkdir()
    return folder


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        # Whatever it started is in its session, and would keep the pipe open.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        if process.stdout is not None:
            process.stdout.close()


def start(command: list[str], sockets: Path) -> subprocess.Popen[bytes]:
    environment = {"HOTSWAP_SOCKET": str(sockets / "1.s")}
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE)


def _wait_for_its_environment(process: psutil.Process) -> None:
    """A program that is just being loaded has none for a moment, and nobody can tell whose it is."""
    deadline = time.monotonic() + 10
    while "HOTSWAP_SOCKET" not in process.environ():
        assert time.monotonic() < deadline, "the grandchild never got its environment"


def record(folder: Path, sockets: Path, pid: int, started_at: float) -> None:
    children = [{"pid": pid, "startedAt": started_at}]
    (folder / "children.json").write_text(json.dumps({"sockets": str(sockets), "children": children}))


def test_a_recorded_child_is_ended_and_its_sockets_go(
    tmp_path: Path, sockets: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    child = start(SLEEP, sockets)
    processes.append(child)
    record(tmp_path, sockets, child.pid, psutil.Process(child.pid).create_time())

    assert end_orphans(tmp_path) == 1

    assert child.wait(timeout=10) == -9
    assert not sockets.exists()
    assert end_orphans(tmp_path) == 0


def test_a_pid_that_belongs_to_somebody_else_now_is_left_alone(
    tmp_path: Path, sockets: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    stranger = start(SLEEP, tmp_path / "elsewhere")
    processes.append(stranger)
    record(tmp_path, sockets, stranger.pid, psutil.Process(stranger.pid).create_time() - 3600)

    assert end_orphans(tmp_path) == 0

    assert stranger.poll() is None


def test_what_a_dead_child_had_started_is_ended_too(
    tmp_path: Path, sockets: Path, processes: list[subprocess.Popen[bytes]]
) -> None:
    child = start(SPAWN, sockets)
    processes.append(child)
    assert child.stdout is not None
    grandchild = psutil.Process(int(child.stdout.readline()))
    child.wait(timeout=10)
    _wait_for_its_environment(grandchild)
    record(tmp_path, sockets, child.pid, 0.0)

    assert end_orphans(tmp_path) == 1

    gone, alive = psutil.wait_procs([grandchild], timeout=10)
    assert (len(gone), len(alive)) == (1, 0)


def test_sockets_have_short_paths_however_long_the_temporary_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))

    records = ChildRecords(tmp_path)

    assert len(str(records.next_socket())) < MAX_SOCKET_PATH
    records.close()
    assert not records.sockets.exists()
