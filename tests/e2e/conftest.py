"""Systems for tests: `shared` for harmless ones, `environment` for those that break something. What failed is kept."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.environment import TestEnvironment
from tests.e2e.shared import SharedEnvironment, shared_environment

AT_MOST_S = 600
"""For a test with real processes on a machine that does other things besides; waits fail much earlier, with words."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests in this folder that say nothing else get more time than others."""
    for item in items:
        if Path(__file__).parent in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(AT_MOST_S))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[TestEnvironment]:
    """A system of the test's own, to break."""
    with TestEnvironment(tmp_path / "environment") as found:
        yield found


@pytest.fixture
def environment_with_proxied_downloads(tmp_path: Path) -> Iterator[TestEnvironment]:
    """The same, whose links to artifacts go through a proxy."""
    with TestEnvironment(tmp_path / "environment", downloads_through_proxy=True) as found:
        yield found


@pytest.fixture(scope="session")
def shared_system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedEnvironment]:
    folder = tmp_path_factory.getbasetemp()
    # Workers of pytest-xdist have folders of their own in one of the run.
    run = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    with shared_environment(run / "shared-environment") as found:
        yield found


@pytest.fixture
def shared(shared_system: SharedEnvironment) -> Iterator[SharedEnvironment]:
    """The system all harmless tests share."""
    with shared_system.watched():
        yield shared_system


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """A failure names the folder with logs, audit and timelines."""
    report = (yield).get_result()
    if not report.failed:
        return
    # A fixture and the one it is made of may give the same system.
    for found in {id(each): each for each in getattr(item, "funcargs", {}).values()}.values():
        if isinstance(found, TestEnvironment | SharedEnvironment):
            report.sections.append(("kept", f"logs, audit and timelines are in {found.keep(item.nodeid)}"))
