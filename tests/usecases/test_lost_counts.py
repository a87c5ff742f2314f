"""An answer that was kept is counted, whoever was about to count it; a report of many modules settles some at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.deployment import Status
from chalicelib.usecases import report_heartbeat as heartbeat
from tests.usecases.scene import a_scene, runs_already


def test_a_crash_between_a_failed_answer_and_its_count_loses_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    deployment = scene.create()
    scene.settle()
    scene.nodes[0].cannot_start = {scene.digests["2.0.0"]}

    def crash(*_args: Any, **_kwargs: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(heartbeat, "after_acknowledgement", crash)
        with pytest.raises(SystemExit):
            scene.nodes[0].beat()
    before = scene.now(deployment)
    ended = scene.run(deployment)

    assert before.rollouts[0].current.failed_nodes == 0
    assert ended.status is Status.ROLLED_BACK
    assert "NodeFailed" in scene.events(ended)
    assert ended.failure is not None
    assert replace(ended.failure, message="").code == "NODES_FAILED"
