"""Garbage is looked for rarely while a stack runs, and as before when it has ended."""

from __future__ import annotations

import gc

from infra.local.garbage import RARELY, garbage_is_looked_for_rarely


def test_the_collector_is_as_it_was_when_the_stack_has_ended():
    before, frozen = gc.get_threshold(), gc.get_freeze_count()

    with garbage_is_looked_for_rarely():
        during = (gc.get_threshold(), gc.get_freeze_count() > frozen)

    assert during == (RARELY, True)
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)


def test_what_was_made_lately_is_still_looked_through():
    looked: list[int] = []

    def note(_phase: str, info: dict[str, int]) -> None:
        looked.append(info["generation"])

    with garbage_is_looked_for_rarely():
        gc.callbacks.append(note)
        try:
            kept = [[] for _ in range(3 * RARELY[0])]
        finally:
            gc.callbacks.remove(note)

    assert 0 in looked
    assert len(kept) == 3 * RARELY[0]
