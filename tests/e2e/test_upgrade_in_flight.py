"""What earlier releases left in the middle, today's code finishes: from every state, with the old machine file and with the new."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from chalicelib.adapters.dynamodb.items import item_of, record_of
from chalicelib.adapters.dynamodb.keys import ITEM_TYPE, LAYOUTS
from chalicelib.adapters.dynamodb.table import DynamoStore
from chalicelib.domain.assignment import Assignment
from chalicelib.domain.environment import Environment
from chalicelib.domain.timeline import Event, OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.usecases.reconcile import GRACE_MS
from infra.local.cloud import LocalCloud
from infra.local.virtual_time import VirtualTime
from tests.builders import MODULE
from tests.e2e.finishing import play_on
from tests.e2e.in_flight import FOLDER, SCENARIOS, Moment, Recording, record, recordings, scene_at, this_release
from tests.local.worlds import STORES
from tests.usecases.driver import STATES
from tests.usecases.scene import Scene

_KINDS = {layout.item_type: kind for kind, layout in LAYOUTS.items()}
RELEASES = sorted(file.name.removesuffix(".json.xz") for file in FOLDER.glob("*.json.xz"))
CASES = [(release, scenario) for release in RELEASES for scenario in SCENARIOS]


@cache
def known() -> dict[tuple[str, str], Recording]:
    return {(each.release, each.scenario): each for each in recordings()}


def finish(recording: Recording, moment: Moment, *, execution_is_lost: bool, store: Any = None) -> None:
    scene = scene_at(recording, moment, store=store)
    if execution_is_lost:
        scene.driver.lost |= set(scene.driver.runs)
        scene.beat_for(GRACE_MS // 1000)

    ended = {each.id: str(each.status) for each in play_on(scene)}

    assert ended[recording.deployment_id] == recording.ended, moment.at
    _nothing_is_left(scene, moment.at)


def _nothing_is_left(scene: Scene, at: str) -> None:
    stable = scene.store.get(Assignment, Environment.DEVELOPMENT, MODULE)
    assert {node.active for node in scene.nodes} == {stable.stable_digest}, at
    turn = scene.store.get(Turn, Environment.DEVELOPMENT, MODULE)
    assert turn is None or (turn.holder, turn.queue) == (None, ()), at
    assert not scene.store.page(OutboxMessage, "open", "OUTBOX", limit=9).records, at
    for name in {run.data["deploymentId"] for run in scene.driver.runs.values()}:
        seen = [event.seq for event in scene.store.list(Event, name)]
        assert seen == list(range(1, len(seen) + 1)), at


@pytest.mark.parametrize(("release", "scenario"), CASES)
def test_an_execution_goes_on_from_every_state_with_the_machine_file_it_was_started_with(release: str, scenario: str):
    recording = known()[release, scenario]

    for moment in recording.moments:
        finish(recording, moment, execution_is_lost=False)


@pytest.mark.parametrize(("release", "scenario"), CASES)
def test_an_execution_that_is_gone_is_continued_from_every_state_by_one_of_todays_machine(release: str, scenario: str):
    recording = known()[release, scenario]

    for moment in recording.moments:
        finish(recording, moment, execution_is_lost=True)


@pytest.mark.long
@pytest.mark.parametrize(("release", "scenario"), CASES)
def test_what_lies_in_the_table_itself_is_finished_too(release: str, scenario: str):
    recording = known()[release, scenario]
    for moment in recording.moments[::6]:
        with LocalCloud(timers=VirtualTime(), resources=STORES, handlers={}) as cloud:
            table = cloud.client("dynamodb")
            for item in moment.items:
                table.put_item(TableName=STORES.tables[0].name, Item=item)
            store = DynamoStore(table, STORES.tables[0].name)

            finish(recording, moment, execution_is_lost=True, store=store)


@pytest.mark.parametrize(("release", "scenario"), CASES)
def test_todays_code_finds_earlier_items_where_they_are_and_writes_them_to_the_same_places(release: str, scenario: str):
    for moment in known()[release, scenario].moments:
        for item in moment.items:
            kind = _KINDS.get(item[ITEM_TYPE]["S"])
            if kind is None:
                continue  # a pointer
            again = item_of(record_of(kind, item))
            places = {name for name in (*again, *item) if name.endswith(("pk", "sk"))}
            assert {name: again.get(name) for name in places} == {name: item.get(name) for name in places}


def test_this_release_is_recorded_at_every_step_of_its_machine():
    assert this_release() in RELEASES, "run `make recordings`"
    of_today = [each for (release, _), each in known().items() if release == this_release()]
    seen = Counter(moment.at for each in of_today for moment in each.moments)
    tasks = {name for name, state in STATES.items() if state["Type"] == "Task"}
    waits = {name for name in tasks if STATES[name]["Resource"].endswith("waitForTaskToken")}
    # These wait for a hook, where somebody configured one; the answer of all others is there at once.
    waits -= {"Build", "Test", "Validate"}

    assert {f"before {name}" for name in tasks} <= set(seen)
    assert {f"{name} waits" for name in waits} <= set(seen)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_recording_that_is_made_now_can_be_finished_now(scenario: str):
    made = record(scenario, release="now")
    again = Recording(**{**vars(made), "moments": [Moment(**json.loads(json.dumps(vars(m)))) for m in made.moments]})

    finish(again, again.moments[len(again.moments) // 2], execution_is_lost=False)
    assert len(again.moments) >= 15


def test_what_a_release_cannot_read_is_found():
    recording = known()[RELEASES[0], "canary"]
    moment = recording.moments[-1]
    spoilt = [
        {**item, "status": {"S": "Flying"}} if item[ITEM_TYPE]["S"] == "Deployment" else item for item in moment.items
    ]

    with pytest.raises(KeyError, match="Flying"):
        finish(recording, Moment(**{**vars(moment), "items": spoilt}), execution_is_lost=False)
