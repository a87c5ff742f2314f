"""Hypothesis draws the same examples on every run, unless HYPOTHESIS_PROFILE asks for others."""

from __future__ import annotations

import gc
import io
import logging
import os
import sys
from collections.abc import Generator
from typing import Any
from unittest.mock import patch

import botocore.client
import pytest
from botocore.response import StreamingBody
from hypothesis import HealthCheck, settings

from chalicelib import observability
from infra.local.gateway import Gateway, HttpRequest, HttpResponse
from tests import canaries
from tests.security import fuzz_figures

settings.register_profile(
    "ci", derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """A test that lets a secret out anywhere fails, whatever else it proves. See tests/canaries.py."""
    report = (yield).get_result()
    leaks = [*_leaks(report), *canaries.found()]
    if leaks and report.outcome == "passed":
        report.outcome, report.longrepr = "failed", f"a secret of this test is in: {', '.join(leaks)}"


def _leaks(report: Any) -> list[str]:
    return [name for name, text in report.sections if canaries.is_in(text, task_tokens=True)]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker of pytest-xdist hands over what schemathesis asked in it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["fuzz"] = fuzz_figures.figures()


class FuzzFigures:
    """What the workers handed over, and the line at the end of the run."""

    def __init__(self) -> None:
        self.shares: list[Any] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.shares.append(
            getattr(node, "workeroutput", {}).get("fuzz", {"counted": {}, "operations": [], "fulfilled": []})
        )

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        line = fuzz_figures.sentence([*self.shares, fuzz_figures.figures()])
        if line:
            terminalreporter.write_line(line)


def pytest_collection_finish() -> None:
    """What is there by now stays to the end: the garbage collector need not walk through all of it again and again."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FuzzFigures(), "fuzz-figures")


class CurrentStdout:
    """What is standard output at the moment of writing: pytest gives every test another one."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture(autouse=True, scope="session")
def _logs_go_to_the_output_of_the_test_that_runs() -> None:
    """The logger keeps the stream it found when it was made, which is that of whichever test came first."""
    for handler in observability.logger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.stream = CurrentStdout()


@pytest.fixture(autouse=True, scope="session")
def _no_secret_goes_to_aws() -> Generator[None, None, None]:
    """Every call to AWS of the whole run is looked through, and what functions answer: the machine keeps it for 90 days."""
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def looked_through(self: Any, operation: str, parameters: Any) -> Any:
        service = self.meta.service_model.service_name
        canaries.require_absent(service, operation, parameters)
        answer = original(self, operation, parameters)
        if service == "lambda" and operation == "Invoke":
            content = answer["Payload"].read()
            canaries.look(f"the output of {parameters['FunctionName']}", content.decode(), task_tokens=True)
            answer["Payload"] = StreamingBody(io.BytesIO(content), len(content))
        return answer

    with patch.object(botocore.client.BaseClient, "_make_api_call", looked_through):
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_secret_is_in_an_answer_that_refuses() -> Generator[None, None, None]:
    """Every answer over HTTP of the whole run: of those that refuse, none holds a secret; none at all holds a task token."""
    original = Gateway.handle

    def looked_through(self: Gateway, request: HttpRequest) -> HttpResponse:
        answer = original(self, request)
        text = answer.body.decode(errors="replace") + repr(answer.headers)
        where = f"the answer {answer.status} to {request.method}"
        if answer.status >= 400 or canaries.has_task_token(text):
            canaries.look(where, text, task_tokens=True)
        return answer

    with patch.object(Gateway, "handle", looked_through):
        yield
