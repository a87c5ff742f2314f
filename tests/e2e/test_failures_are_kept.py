"""The message of a failure names the folder where logs, audit and timelines are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.e2e.conftest import pytest_runtest_makereport
from tests.e2e.environment import TestEnvironment


def reported(item: Any, *, failed: bool) -> list[tuple[str, str]]:
    report = SimpleNamespace(failed=failed, sections=[])
    hook = pytest_runtest_makereport(item)
    next(hook)
    with pytest.raises(StopIteration):
        hook.send(SimpleNamespace(get_result=lambda: report))
    return list(report.sections)


def test_a_failed_test_names_the_folder_once_and_a_passed_one_keeps_nothing(tmp_path: Path):
    environment = TestEnvironment(tmp_path / "environment")
    environment.kept_in = tmp_path / "kept"
    (tmp_path / "environment").mkdir()
    (tmp_path / "environment" / "stack.log").write_text("what happened")
    item = SimpleNamespace(nodeid="tests/x.py::test_y", funcargs={"a": environment, "b": environment, "c": 1})

    (section,) = reported(item, failed=True)

    folder = tmp_path / "kept" / "tests-x.py-test_y"
    assert section == ("kept", f"logs, audit and timelines are in {folder}")
    assert (folder / "stack.log").read_text() == "what happened"
    assert reported(item, failed=False) == []
