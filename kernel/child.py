"""One running process of a module version, reached over a Unix socket."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from kernel.logs import log
from kernel.reasons import OrderError, Reason

GUARD = Path(__file__).with_name("child_guard.py")
PASSED_ON = ("PATH", "LANG", "TZ", "HOME")
# Shorter than the idle time of every usual server, so that a request rarely meets a connection being closed.
KEEP_CONNECTION_S = 1.0
ANSWER_LIMIT_S = 60.0
HEALTH_ANSWER_LIMIT_S = 2.0
_TAIL_BYTES = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """What to start, where, and what to tell it."""

    command: tuple[str, ...]
    folder: Path
    socket: Path
    told: Mapping[str, str]


class Child:
    """A started process. It ends by itself or by `stop`; either way `ended` completes with its exit code."""

    def __init__(self, process: Process, spec: ChildSpec) -> None:
        self._process = process
        self._tail = b""
        self._output = asyncio.create_task(self._read_output(str(spec.folder)))
        self.pid = process.pid
        self.cpu_s_seen = 0.0
        # What it has counted so far; None when it was not known for a while, so that growth has no known time.
        self.counts_seen: Mapping[str, int] | None = {}
        self.complaint = ""
        self.ended = asyncio.create_task(self._wait())
        self.session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(str(spec.socket), limit=0, keepalive_timeout=KEEP_CONNECTION_S),
            timeout=aiohttp.ClientTimeout(total=None, sock_read=ANSWER_LIMIT_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    @property
    def output(self) -> str:
        """The last words of the process, for the detail of a failure."""
        return self._tail.decode(errors="replace").strip()

    async def status_of(self, path: str) -> int | None:
        """The status of one GET, or None when there was no answer in time."""
        limit = aiohttp.ClientTimeout(total=HEALTH_ANSWER_LIMIT_S)
        try:
            async with self.session.get(f"http://module{path}", timeout=limit, allow_redirects=False) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def read(self, path: str, *, limit_bytes: int, limit_s: float) -> bytes | None:
        """The body of one GET that is answered 200, at most one byte more than the limit; None otherwise."""
        limit = aiohttp.ClientTimeout(total=limit_s)
        try:
            async with self.session.get(f"http://module{path}", timeout=limit, allow_redirects=False) as answer:
                if answer.status != 200:
                    return None
                body = b""
                while len(body) <= limit_bytes and (part := await answer.content.read(limit_bytes + 1 - len(body))):
                    body += part
                return body
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def become_healthy(self, path: str, timeout_ms: int) -> None:
        """Return when the health path answers 200.

        Raises:
            OrderError: START_FAILED when the process ended before, HEALTH_CHECK_FAILED when time is up.
        """
        pause_s, status = 0.01, None
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                while not self.ended.done():
                    status = await self.status_of(path)
                    if status == 200:
                        return
                    await asyncio.wait((self.ended,), timeout=pause_s)
                    pause_s = min(pause_s * 1.5, 0.25)
        except TimeoutError as error:
            last = "no answer" if status is None else f"the last was {status}"
            raise OrderError(
                Reason.HEALTH_CHECK_FAILED, f"no 200 from {path} within {timeout_ms} ms, {last}"
            ) from error
        await asyncio.wait((self._output,), timeout=0.2)
        raise OrderError(
            Reason.START_FAILED, f"ended with {self.ended.result()} before it was healthy: {self.output}".rstrip(": ")
        )

    async def stop(self, grace_ms: int) -> None:
        """SIGTERM, and SIGKILL to all it started when it has not ended in time. Returns when it has ended."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)
            await asyncio.wait((self.ended,), timeout=grace_ms / 1000)
        await self._end_group()

    def kill(self) -> None:
        """SIGKILL to it and all it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _end_group(self) -> None:
        self.kill()
        await asyncio.wait((self.ended,))
        self._output.cancel()
        await self.session.close()

    async def _wait(self) -> int:
        code = await self._process.wait()
        self.kill()  # what it started must not outlive it
        return code

    async def _read_output(self, where: str) -> None:
        assert self._process.stdout is not None  # noqa: S101  asked for with PIPE
        while chunk := await self._process.stdout.read(4096):
            self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
            log("child_said", pid=self.pid, folder=where, text=chunk.decode(errors="replace").rstrip())


async def start_child(spec: ChildSpec) -> Child:
    """Start the command in a process group of its own that dies with the kernel.

    Raises:
        OrderError: START_FAILED.
    """
    # A program that is not there is reported by the guard, which then ends before it is healthy.
    command = [sys.executable if spec.command[0] == "python3" else spec.command[0], *spec.command[1:]]
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(GUARD), str(os.getpid())),
            *command,
            cwd=spec.folder,
            env=environment | dict(spec.told) | {"HOTSWAP_SOCKET": str(spec.socket)},
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise OrderError(Reason.START_FAILED, f"could not be started: {error.strerror}") from error
    return Child(process, spec)
