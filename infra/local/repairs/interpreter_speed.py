"""The interpreter keeps what it builds: clients, parsed definitions, parsed paths. And it keeps no dead threads."""

# mypy: disable-error-code="attr-defined,arg-type"
# (moto is typed in parts)
from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from moto.stepfunctions.parser import models as parser_models  # noqa: F401 (loads every module that is patched below)
from moto.stepfunctions.parser import utils as parser_utils
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path

_CACHED_PARSES = 4096


def _remembered(build: Callable[..., Any]) -> Callable[..., Any]:
    """`build` once per arguments, by one thread at a time: what it uses inside is not thread-safe either."""
    lock = threading.Lock()
    cached = functools.lru_cache(maxsize=_CACHED_PARSES)(build)

    def get(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return cached(*args, **kwargs)

    return get


def _modules_holding(name: str, value: Any) -> list[ModuleType]:
    """Interpreter modules that imported `value` by its name."""
    return [
        module
        for module_name, module in list(sys.modules.items())
        if module_name.startswith("moto.stepfunctions.parser") and getattr(module, name, None) is value
    ]


@contextmanager
def tasks_share_one_client_per_service() -> Iterator[None]:
    """Repair: one boto3 client per service and region. moto makes one per task: slow, and not thread-safe."""
    make = boto_client.boto_client_for
    shared = _remembered(lambda region, service: make(region=region, service=service))

    def client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001
        return shared(region, service)

    with ExitStack() as patches:
        for module in _modules_holding("boto_client_for", make):
            patches.enter_context(patch.object(module, "boto_client_for", client_for))
        yield


_parse_definition = _remembered(AmazonStateLanguageParser.parse)
_parse_json_path = _remembered(json_path.parse)
_parse_result_path = _remembered(result_path.parse)


@contextmanager
def parsed_definitions_and_paths_are_kept() -> Iterator[None]:
    """Repair: a definition and a JSONPath are parsed once in a process, however many clouds it starts. moto parses at
    each use, with caches that are not thread-safe. What a parse gives back is never changed by running it: every state
    of a run lies in its environment.
    """
    with (
        patch.object(AmazonStateLanguageParser, "parse", staticmethod(_parse_definition)),
        patch.object(json_path, "parse", _parse_json_path),
        patch.object(result_path, "parse", _parse_result_path),
    ):
        yield


class _Forgetful(list[Any]):
    """A list that keeps nothing."""

    def append(self, item: Any) -> None:
        """Let it go."""


@contextmanager
def ended_threads_are_not_kept() -> Iterator[None]:
    """Repair: moto appends every thread of every execution to a list that nobody reads or empties."""
    kept = parser_utils.TMP_THREADS
    with ExitStack() as patches:
        for module in _modules_holding("TMP_THREADS", kept):
            patches.enter_context(patch.object(module, "TMP_THREADS", _Forgetful()))
        yield


@contextmanager
def handled_failures_are_not_printed() -> Iterator[None]:
    """Repair: a failing state is the business of its Retry and Catch. moto prints the text of the whole program tree,
    at level ERROR, for each failure and at each level of the tree; building that text costs more than the state.
    """

    def say_nothing(self: Any, *args: Any, **kwargs: Any) -> None:
        """The history of the execution says it."""

    with (
        patch.object(EvalComponent, "_log_evaluation_step", say_nothing),
        patch.object(EvalComponent, "_log_failure_event_exception", say_nothing),
        patch.object(EvalComponent, "_log_exception", say_nothing),
    ):
        yield
