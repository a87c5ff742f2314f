"""Hypothesis draws the same examples on every run, unless HYPOTHESIS_PROFILE asks for others."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Generator
from typing import Any

import botocore.client
import pytest
from hypothesis import HealthCheck, settings

from chalicelib import observability
from tests import canaries
from tests.security import fuzz_figures

settings.register_profile(
    "ci", derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("explore", max_examples=2_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, None]:
    """A test that writes a secret anywhere fails, whatever else it proves. See tests/canaries.py."""
    report = (yield).get_result()
    leaks = _leaks(report)
    if leaks and report.outcome == "passed":
        report.outcome, report.longrepr = "failed", f"a secret of this test is in: {', '.join(leaks)}"


def _leaks(report: Any) -> list[str]:
    return [name for name, text in report.sections if canaries.is_in(text)]


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
        self.shares.append(getattr(node, "workeroutput", {}).get("fuzz", {"counted": {}, "operations": []}))

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
    """Every call to AWS of the whole run is looked through."""
    original = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def looked_through(self: Any, operation: str, parameters: Any) -> Any:
        canaries.require_absent(self.meta.service_model.service_name, operation, parameters)
        return original(self, operation, parameters)

    botocore.client.BaseClient._make_api_call = looked_through  # type: ignore[attr-defined]
    yield
    botocore.client.BaseClient._make_api_call = original  # type: ignore[attr-defined]
