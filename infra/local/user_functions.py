"""Users' functions as processes: the zip of each version unpacked once, and as many of its processes as calls run."""

from __future__ import annotations

import io
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid
import zipfile
from pathlib import Path
from typing import Any

_CHILD = Path(__file__).with_name("function_child.py")
MOST_IDLE = 4
"""Processes of one version kept for the next calls."""


class UserFunctions:
    """Runs the code of functions that are no part of HotSwap. Python only; `stop` ends every process.

    A process takes one event at a time, as in Lambda, and is kept warm for the next. It hears of the death of this
    program by the end of its standard input.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._unpacked: dict[str, Path] = {}
        self._idle: dict[str, list[subprocess.Popen[str]]] = {}
        self._all: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._took = threading.local()

    def took_ms(self) -> float | None:
        """How long the handler of the last call of this thread ran, without the start of its process, as AWS bills it;
        None where it did not end, or is one of ours."""
        ms: float | None = getattr(self._took, "ms", None)
        self._took.ms = None
        return ms

    def invoke(self, function: Any, event: Any) -> tuple[str, bool]:
        """The answer of moto's `function` as JSON text, and whether it is an error."""
        if not str(function.run_time).startswith("python"):
            return _problem("Runtime.NotHere", f"{function.run_time} does not run on this machine; Python does"), True
        key = f"{function.function_name}:{function.version}:{function.code_sha_256}"
        process = self._taken(key) or self._started(function)
        told = {
            "event": event,
            "context": {
                "functionName": function.function_name,
                "functionVersion": str(function.version),
                "arn": function.function_arn,
                "memoryMb": int(function.memory_size),
                "requestId": str(uuid.uuid4()),
                "timeoutS": float(function.timeout),
            },
        }
        line = _asked(process, json.dumps(told), float(function.timeout))
        if line is None:
            self._end(process)
            return _problem("Sandbox.Timedout", f"Task timed out after {float(function.timeout):.2f} seconds"), True
        if not line:
            self._end(process)
            return _problem("Runtime.ExitError", "the process ended before it answered"), True
        self._put_back(key, process)
        answer = json.loads(line)
        self._took.ms = float(answer["ms"])
        return json.dumps(answer["answer"]), bool(answer["failed"])

    def stop(self) -> None:
        """End every process and forget what was unpacked."""
        with self._lock:
            processes, self._all = list(self._all), set()
            self._idle.clear()
            self._unpacked.clear()
            folder, self._folder = self._folder, None
        for process in processes:
            _kill(process)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def _taken(self, key: str) -> subprocess.Popen[str] | None:
        with self._lock:
            idle = self._idle.get(key)
            return idle.pop() if idle else None

    def _put_back(self, key: str, process: subprocess.Popen[str]) -> None:
        with self._lock:
            idle = self._idle.setdefault(key, [])
            if process in self._all and len(idle) < MOST_IDLE:
                idle.append(process)
                return
        self._end(process)

    def _end(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            self._all.discard(process)
        _kill(process)

    def _started(self, function: Any) -> subprocess.Popen[str]:
        folder = self._code_of(function)
        own = {str(name): str(value) for name, value in (function.environment_vars or {}).items()}
        environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ},
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(function.version),
            "AWS_REGION": function.region,
            "LAMBDA_TASK_ROOT": str(folder),
            **own,
        }
        process = subprocess.Popen(
            [sys.executable, "-s", "-B", str(_CHILD), function.handler],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        with self._lock:
            self._all.add(process)
        return process

    def _code_of(self, function: Any) -> Path:
        with self._lock:
            known = self._unpacked.get(function.code_sha_256)
            if known is not None:
                return known
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="hotswap-functions-"))
            folder = self._folder / uuid.uuid4().hex
            with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as archive:
                archive.extractall(folder)
            self._unpacked[function.code_sha_256] = folder
            return folder


def _asked(process: subprocess.Popen[str], line: str, timeout_s: float) -> str | None:
    """The answer's line; empty when the process ended, None when it took too long."""
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("a function's process has no pipes")
    try:
        process.stdin.write(line + "\n")
        process.stdin.flush()
    except OSError:
        return ""
    # One answer a question: nothing of another line can be waiting in the reader's buffer.
    ready, _, _ = select.select([process.stdout], [], [], timeout_s)
    return process.stdout.readline() if ready else None


def _kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue


def _problem(kind: str, message: str) -> str:
    return json.dumps({"errorType": kind, "errorMessage": message})
