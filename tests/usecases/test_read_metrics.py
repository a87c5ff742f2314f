"""What was measured comes back whole, in buckets as wide as one asks for."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import InvalidInput
from chalicelib.usecases.read_metrics import MOST_POINTS, MetricsQuestion, Point, read_metrics
from tests.builders import MODULE, NOW_MS
from tests.usecases.scene import Scene, a_scene, runs_already

MINUTE_MS = 60_000


def measured() -> Scene:
    """Three nodes, a thousand requests each every five seconds, for two minutes."""
    scene = a_scene()
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
    scene.beat_for(120)
    return scene


def ask(scene: Scene, **changes: Any) -> tuple[Point, ...]:
    given = {"environment": Environment.DEVELOPMENT, "from_ms": NOW_MS, "to_ms": NOW_MS + 3 * MINUTE_MS}
    return read_metrics(MetricsQuestion(**({"interval_ms": MINUTE_MS} | given | changes)), ports=scene.ports).points


@pytest.mark.parametrize("interval_ms", [10_000, MINUTE_MS, 3 * MINUTE_MS])
def test_nothing_is_lost_however_wide_the_buckets_are(interval_ms: int) -> None:
    points = ask(measured(), interval_ms=interval_ms)

    assert sum(point.window.requests for point in points) == 3 * 24 * 1_000
    assert [point.at_ms for point in points] == sorted({point.at_ms for point in points})
    assert all(point.at_ms % interval_ms == 0 and point.nodes == 3 for point in points)


@pytest.mark.parametrize(
    ("module", "digest", "found"), [(MODULE, None, True), ("other", None, False), (None, "?", False)]
)
def test_numbers_of_one_module_or_version_are_asked_for_by_name(
    module: str | None, digest: str | None, found: bool
) -> None:
    assert bool(ask(measured(), module=module, digest=digest)) is found


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"to_ms": NOW_MS}, "to"),
        ({"to_ms": NOW_MS - 1}, "to"),
        ({"to_ms": NOW_MS + MOST_POINTS * MINUTE_MS + 1}, "interval"),
    ],
)
def test_a_span_that_is_empty_or_cut_too_fine_is_refused(changes: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        ask(a_scene(), **changes)

    assert [violation.field for violation in refused.value.violations] == [field]
