"""What runs in the process of a user's function: its handler, one event after the other. Standard library only.

Started as `python function_child.py HANDLER` in the unpacked zip. Each line on standard input is a JSON object with
`event` and `context`; each answer is one line on the pipe that was standard output. What the handler prints goes to
standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Context:
    """The attributes of AWS's own that handlers use."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.function_name = told["functionName"]
        self.function_version = told["functionVersion"]
        self.invoked_function_arn = told["arn"]
        self.memory_limit_in_mb = told["memoryMb"]
        self.aws_request_id = told["requestId"]
        self.log_group_name = self.log_stream_name = ""
        self.identity = self.client_context = None
        self._ends_s = time.monotonic() + told["timeoutS"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""
        return max(0, int((self._ends_s - time.monotonic()) * 1000))


def _ms_since(begun: float) -> float:
    return (time.perf_counter() - begun) * 1000


def _problem(error: Exception) -> dict[str, Any]:
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_tb(error.__traceback__),
    }


def _load(handler: str) -> Callable[[Any, Context], Any]:
    module, _, name = handler.rpartition(".")
    sys.path.insert(0, str(Path.cwd()))
    found: Callable[[Any, Context], Any] = getattr(importlib.import_module(module.replace("/", ".")), name)
    return found


def _refusing(broken: Exception) -> Callable[[Any, Context], Any]:
    def refuse(_event: Any, _context: Context) -> Any:
        raise broken

    return refuse


def main() -> None:
    """Answer until nobody asks any more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the handler prints is no answer
    try:
        handler = _load(sys.argv[1])
    except Exception as error:  # noqa: BLE001 (the caller gets it as data, with the first event, as in AWS)
        handler = _refusing(error)
    for line in sys.stdin:
        told = json.loads(line)
        begun = time.perf_counter()
        try:
            answer = handler(told["event"], Context(told["context"]))
            text = json.dumps({"failed": False, "answer": answer, "ms": _ms_since(begun)})
        except Exception as error:  # noqa: BLE001 (the caller gets it as data)
            text = json.dumps({"failed": True, "answer": _problem(error), "ms": _ms_since(begun)})
        answers.write(text + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
