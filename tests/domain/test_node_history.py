"""A node's history: bounded, gap-free in its numbers; drift counts after ten seconds and ends when things are right."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.node import Ack, Drift, ModuleReport, NodeStatus
from chalicelib.domain.node_history import (
    DRIFT_AFTER_MS,
    MOST_KEPT,
    Happening,
    NodeChange,
    drift_between,
    health_between,
    is_drained,
    noted,
)
from tests.builders import MODULE, NOW_MS, OLD_DIGEST, a_node


@given(count=st.integers(0, 3 * MOST_KEPT))
def test_the_newest_changes_are_kept_each_in_a_place_that_its_predecessor_leaves(count: int) -> None:
    node, places = a_node(), dict[tuple[str, ...], NodeChange]()

    for number in range(count):
        node, entries = noted(node, Happening(what="Healthy", at_ms=NOW_MS + number))
        for entry in entries:
            before = places.get(entry.key)
            assert entry.revision == (0 if before is None else before.revision + 1)
            places[entry.key] = entry

    assert sorted(entry.seq for entry in places.values()) == list(range(max(count - MOST_KEPT, 0) + 1, count + 1))


@given(late=st.integers(0, 3 * DRIFT_AFTER_MS))
def test_a_difference_counts_once_it_has_lasted_and_healing_is_told_only_of_what_counted(late: int) -> None:
    first, said = drift_between((), {MODULE: "differs."}, now_ms=NOW_MS)
    second, later = drift_between(first, {MODULE: "differs."}, now_ms=NOW_MS + late)
    third, again = drift_between(second, {MODULE: "differs."}, now_ms=NOW_MS + late)
    healed, over = drift_between(third, {}, now_ms=NOW_MS + late + 1)

    counts = late >= DRIFT_AFTER_MS
    assert (first, said) == ((Drift(module=MODULE, since_ms=NOW_MS),), ())
    assert [each.what for each in later] == (["Drifted"] if counts else [])
    assert again == ()
    assert (healed, [each.what for each in over]) == ((), ["Healed"] if counts else [])


def test_silence_is_told_from_the_instant_it_began() -> None:
    before = a_node()
    after = replace(before, last_heartbeat_ms=NOW_MS + 60_000)

    silent, healthy = health_between(before, after)

    assert (silent.what, silent.at_ms) == ("Silent", NOW_MS + 10_000)
    assert (healthy.what, healthy.at_ms) == ("Healthy", NOW_MS + 60_000)


def test_where_health_does_not_change_nothing_happened() -> None:
    before = a_node(modules=(ModuleReport(module=MODULE, healthy=False),))

    assert health_between(before, replace(before, last_heartbeat_ms=NOW_MS + 1_000)) == ()


ENDED = Ack(fence=3, digest=OLD_DIGEST, action="deactivate", succeeded=True)
STILL = Ack(fence=3, digest=OLD_DIGEST, action="activate", succeeded=True)


@pytest.mark.parametrize(
    ("report", "over"),
    [
        (ModuleReport(module=MODULE, active=OLD_DIGEST), False),
        (ModuleReport(module=MODULE, staged=(OLD_DIGEST,)), False),
        (ModuleReport(module=MODULE, ack=STILL), False),
        (ModuleReport(module=MODULE, ack=ENDED), True),
        (ModuleReport(module=MODULE), True),
    ],
)
def test_a_node_is_drained_when_its_last_request_has_been_answered(report: ModuleReport, over: bool) -> None:
    node = a_node(modules=(report,))

    assert is_drained(replace(node, status=NodeStatus.DRAINING)) is over
    assert not is_drained(node)
