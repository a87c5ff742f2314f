"""The smoke test of an installation finds nothing wrong with one that works, and what is wrong with one that does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra import smoke
from infra.local.stack import LocalStack, StackSettings


@pytest.fixture
def stack(tmp_path):
    settings = StackSettings(data_dir=tmp_path, api_port=0, emulator_port=0, node_port=0)
    with LocalStack(settings) as stack:
        yield stack


def test_an_installation_that_works_passes_and_a_deployment_reaches_its_end(stack):
    said: list[str] = []

    failed = smoke.run(stack.url, username="ada", password=stack.passwords["ada"], say=said.append)

    assert failed == 0, said
    ended = [line.split()[1].rstrip(":") for line in said if line.startswith("        ")]
    assert len(ended) == 1
    assert ended[0] in smoke.ENDS


def test_an_answer_of_another_shape_is_found(monkeypatch):
    right = smoke.Answer(403, {"content-type": "application/json"}, '{"message": "Missing Authentication Token"}')
    monkeypatch.setattr(smoke, "ask", lambda *_args: replace(right))
    said: list[str] = []

    assert smoke.run("https://api.example.com/api", say=said.append) == 5
    assert said[-1].startswith("skipped")
