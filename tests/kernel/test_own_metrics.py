"""What a module says of itself: its document, and how it comes into the reports."""

from __future__ import annotations

import json

import pytest

from kernel.metrics import MOST_OWN, Meter
from kernel.own_metrics import MAX_BYTES, BadDocumentError, parse_own, since
from tests.kernel.conftest import Builder, Fleet
from tests.kernel.fake_control_plane import FakeControlPlane, until


def test_counts_are_whole_and_levels_are_told_in_millionths() -> None:
    own = parse_own(b'{"counts": {"charges": 7}, "levels": {"queueDepth": 4.5, "balance": -2}}')

    assert (own.counts, own.levels) == ({"charges": 7}, {"queueDepth": 4_500_000, "balance": -2_000_000})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"gauges": {}}',
        b'{"counts": []}',
        b'{"counts": {"a": -1}}',
        b'{"counts": {"a": 1.5}}',
        b'{"counts": {"a": true}}',
        b'{"counts": {"a b": 1}}',
        b'{"counts": {"a": 1}, "levels": {"a": 1}}',
        b'{"levels": {"a": NaN}}',
        b'{"levels": {"a": 1e400}}',
        b'{"levels": {"a": "4"}}',
        b'{"levels": {"a": 1000000001}}',
        json.dumps({"counts": {f"c{at}": 1 for at in range(MOST_OWN + 1)}}).encode(),
        b" " * (MAX_BYTES + 1),
        b"[" * 10_000,
    ],
)
def test_a_document_that_breaks_a_rule_says_nothing(body: bytes) -> None:
    with pytest.raises(BadDocumentError):
        parse_own(body)


def test_counts_are_what_came_since_and_one_that_fell_began_anew() -> None:
    assert since({"a": 5, "b": 5}, {"a": 7, "b": 2, "c": 3}) == {"a": 2, "b": 2, "c": 3}


def test_a_window_adds_counts_up_takes_the_mean_of_levels_and_begins_empty() -> None:
    meter = Meter("payment-processor", "sha256:00", 0)
    meter.said(counts={"charges": 2}, levels={"depth": 4})
    meter.said(counts={"charges": 3, "depth": 9}, levels={"depth": 8})

    window, after = meter.close(1_000), meter.close(2_000)

    assert (window.counts, window.levels) == ({"charges": 5}, {"depth": 6})
    assert (after.counts, after.levels) == ({}, {})


def test_names_that_change_with_every_reading_do_not_make_a_window_grow() -> None:
    meter = Meter("payment-processor", "sha256:00", 0)
    for at in range(100):
        meter.said(counts={f"c{at}": 1}, levels={f"l{at}": 1})

    window = meter.close(1_000)

    assert len(window.counts) + len(window.levels) == MOST_OWN


async def test_a_module_that_names_its_metrics_is_asked_and_its_counts_come_with_the_windows(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0", manifest={"metricsPath": "/metrics"}))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    node = control_plane.node(name)

    for _ in range(3):
        assert (await fleet.charge())[0] == 200

    def charges() -> int:
        windows = [w for r in node.reports.values() for w in r["windows"] if w["digest"] == digest]
        return sum(window.get("counts", {}).get("charges", 0) for window in windows)

    await until(lambda: charges() == 3, "three charges in the windows")


async def test_a_module_without_an_answer_is_reported_without_metrics_of_its_own(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0", manifest={"metricsPath": "/nothing-here"}))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    node = control_plane.node(name)

    await until(lambda: node.total(digest, "requests") == 0 and len(node.reports) > 3, "some reports")

    assert all("counts" not in window for report in node.reports.values() for window in report["windows"])
