"""The examples of docs/testing.md are run as they stand there."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "testing.md"


def examples() -> dict[str, Callable[..., Any]]:
    """The tests of the section about tests with real processes, by name."""
    section = PAGE.read_text().partition("## Real processes")[2].partition("\n## ")[0]
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        exec(compile(block, str(PAGE), "exec"), found)  # noqa: S102 (our own page)
    return {name: function for name, function in found.items() if name.startswith("test_")}


def test_there_is_an_example_for_harmless_tests_and_one_for_those_that_break_something():
    wanted = [name for function in examples().values() for name in inspect.signature(function).parameters]

    assert sorted(wanted) == ["environment", "shared"]


def test_the_example_on_the_shared_system_runs(shared: Any):
    examples()["test_a_version_of_mine_reaches_every_node_of_development"](shared)


@pytest.mark.long
def test_the_example_on_a_system_of_its_own_runs(environment: Any):
    examples()["test_a_node_that_dies_serves_again_when_it_is_back"](environment)
