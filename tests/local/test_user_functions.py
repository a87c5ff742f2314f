"""Users' functions on this machine: processes that answer, fail, hang and die as they would in Lambda."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.user_functions import UserFunctions


@pytest.fixture
def functions() -> Iterator[UserFunctions]:
    functions = UserFunctions()
    yield functions
    functions.stop()


def a_function(code: str, **changes: Any) -> Any:
    """What moto knows of a function with this handler."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("work.py", code)
        archive.writestr("text.txt", "beside it")
    given = {
        "function_name": "theirs",
        "function_arn": "arn:aws:lambda:us-east-1:123456789012:function:theirs:1",
        "version": 1,
        "code_sha_256": str(hash(code)),
        "code_bytes": stream.getvalue(),
        "handler": "work.handle",
        "run_time": "python3.11",
        "timeout": 5,
        "memory_size": 128,
        "region": "us-east-1",
        "environment_vars": {"TABLE": "theirs"},
    }
    return SimpleNamespace(**(given | changes))


def answered(functions: UserFunctions, code: str, event: Any = None, **changes: Any) -> tuple[Any, bool]:
    text, failed = functions.invoke(a_function(code, **changes), event)
    return json.loads(text), failed


def test_the_handler_gets_event_and_context_and_the_files_of_its_zip(functions: UserFunctions) -> None:
    code = (
        "import os\ndef handle(event, context):\n"
        "    return [event, context.function_version, open('text.txt').read(), os.environ['TABLE']]\n"
    )

    assert answered(functions, code, {"a": 1}) == ([{"a": 1}, "1", "beside it", "theirs"], False)


def test_a_process_is_kept_for_the_next_call_and_each_version_has_its_own(functions: UserFunctions) -> None:
    code = "import os\ndef handle(event, context):\n    return os.getpid()\n"

    first, second = (answered(functions, code)[0] for _ in range(2))
    other, _ = answered(functions, code + "# 2\n", version=2)

    assert first == second
    assert len({first, other, os.getpid()}) == 3


def test_what_a_handler_raises_is_its_answer_and_the_process_goes_on(functions: UserFunctions) -> None:
    code = "def handle(event, context):\n    if event: raise KeyError('x')\n    return 'well'\n"

    problem, failed = answered(functions, code, 1)

    assert (problem["errorType"], failed) == ("KeyError", True)
    assert answered(functions, code, 0) == ("well", False)


def test_code_that_cannot_be_imported_fails_every_call(functions: UserFunctions) -> None:
    problem, failed = answered(functions, "import nothing_of_that_name\n")

    assert (problem["errorType"], failed) == ("ModuleNotFoundError", True)


def test_what_a_handler_prints_is_no_answer(functions: UserFunctions) -> None:
    assert answered(functions, "def handle(event, context):\n    print('{}')\n    return 7\n") == (7, False)


def test_a_handler_that_takes_too_long_is_ended(functions: UserFunctions) -> None:
    code = "import threading\ndef handle(event, context):\n    threading.Event().wait()\n"

    problem, failed = answered(functions, code, timeout=0.2)

    assert (problem["errorType"], failed) == ("Sandbox.Timedout", True)
    assert functions.took_ms() is None


def test_a_process_that_dies_fails_its_call_and_the_next_one_has_another(functions: UserFunctions) -> None:
    code = "import os\ndef handle(event, context):\n    os._exit(3) if event else None\n    return 'well'\n"

    problem, failed = answered(functions, code, 1)

    assert (problem["errorType"], failed) == ("Runtime.ExitError", True)
    assert answered(functions, code, 0) == ("well", False)


def test_a_runtime_that_is_not_here_says_so(functions: UserFunctions) -> None:
    problem, failed = answered(functions, "", run_time="nodejs22.x")

    assert (problem["errorType"], failed) == ("Runtime.NotHere", True)


def test_only_the_time_of_the_handler_counts_and_it_is_told_once(functions: UserFunctions) -> None:
    answered(functions, "def handle(event, context):\n    return 1\n")

    took = functions.took_ms()

    assert took is not None
    assert 0 <= took < 1_000
    assert functions.took_ms() is None


def test_nothing_is_left_when_it_stops(functions: UserFunctions) -> None:
    pid, _ = answered(functions, "import os\ndef handle(event, context):\n    return os.getpid()\n")

    functions.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
