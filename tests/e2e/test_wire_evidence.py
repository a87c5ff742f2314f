"""The history that the log of a table tells is the history of the table, and the checker finds what is wrong with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.items import item_of, key_of
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.timeline import Event
from chalicelib.usecases.ports import Remove
from infra.local.write_ahead_log import WriteAheadLog
from tests.chaos.evidence import Evidence
from tests.chaos.history import History
from tests.e2e.wire_evidence import TableHistory, table_history, violations
from tests.usecases.scene import Scene, a_scene, runs_already


@pytest.fixture
def scene() -> Scene:
    """A deployment that ran to its end."""
    found = a_scene()
    found.set_policy()
    runs_already(found)
    found.run(found.create())
    return found


def written(scene: Scene, folder: Path, *, without: int = -1) -> TableHistory:
    """The commits of a scene as a stack would log them, but for one."""
    log = WriteAheadLog(folder / "state" / "tables")
    log.open()
    for number, changes in enumerate(scene.store.commits):
        if number != without:
            log.append(json.dumps([_logged(change) for change in changes]))
    log.close()
    return table_history(folder, folder)


def _logged(change: Any) -> list[Any]:
    item = item_of(change.record)
    key = key_of(change.record)
    return ["hotswap", list(key.values()), None if isinstance(change, Remove) else item]


def test_every_commit_and_what_stands_at_the_end_come_out_of_the_log(scene: Scene, tmp_path: Path):
    history = written(scene, tmp_path)

    (deployment,) = history.of(Deployment)
    assert scene.now(deployment) == deployment
    assert history.of(Event) == list(scene.store.list(Event, deployment.id))
    told = [[c.record for c in changes if not isinstance(c, Remove)] for changes in scene.store.commits]
    assert [[c.record for c in commit.changes] for commit in history.commits] == [each for each in told if each]
    assert history.removed, "what was told left the outbox"


def test_an_update_that_is_lost_is_found_in_the_log(scene: Scene, tmp_path: Path):
    at = next(
        number
        for number, changes in enumerate(scene.store.commits)
        if any(isinstance(c.record, Deployment) and c.record.revision == 3 for c in changes)
    )

    whole = Evidence(history=History(commits=written(scene, tmp_path / "whole").commits))
    torn = Evidence(history=History(commits=written(scene, tmp_path / "torn", without=at).commits))

    assert not any("lost" in found for found in violations(whole))
    assert any("transitions_are_legal" in found and "an update is lost" in found for found in violations(torn))


def test_a_run_without_load_proves_nothing():
    assert violations(Evidence()) == ["0 answers, 0 turns, 0 events: no load"]


def test_a_log_whose_beginning_is_gone_tells_nothing(scene: Scene, tmp_path: Path):
    written(scene, tmp_path)
    log = WriteAheadLog(tmp_path / "state" / "tables")
    log.open()
    log.compact("{}")
    log.close()

    with pytest.raises(AssertionError, match="its beginning is gone"):
        table_history(tmp_path, tmp_path)
