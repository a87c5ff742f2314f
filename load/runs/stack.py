"""Starts and ends the stack of a run, and asks it about itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
END_WITHIN_S = 60


class Stack:
    """`load.runs.server` as a child. Use it as a context manager."""

    def __init__(self, folder: Path, *, limits_percent: int) -> None:
        self._folder = folder
        self._environment = {**os.environ, "HOTSWAP_LIMITS_PERCENT": str(limits_percent)}
        self._process: subprocess.Popen[str]
        self.url = ""
        self.passwords: dict[str, str] = {}

    def __enter__(self) -> Stack:
        command = [sys.executable, "-m", "load.runs.server", "--folder", str(self._folder)]
        self._log = (self._folder / "server.log").open("w")
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            start_new_session=True,
        )
        told = self._answer()
        self.url, self.passwords = told["url"], told["passwords"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, word: str) -> Any:
        """What the server answers to a word."""
        if self._process.stdin is None:
            raise RuntimeError("the server takes no words")
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        if self._process.stdout is None:
            raise RuntimeError("the server says nothing")
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the stack ended: {(self._folder / 'server.log').read_text()[-2_000:]}")
        return json.loads(line)

    def process(self) -> list[dict[str, int]]:
        """What was seen of the process, second by second."""
        return [json.loads(line) for line in (self._folder / "process.jsonl").read_text().splitlines()]
