"""What a node does when the control plane answers late, wrongly or not at all."""

import json
from pathlib import Path

import pytest

from tests.kernel.conftest import Builder, Fleet, WhileLoaded
from tests.kernel.fake_control_plane import FakeControlPlane, until


async def test_a_node_enrols_once_and_keeps_its_credential_to_itself(
    control_plane: FakeControlPlane, fleet: Fleet
) -> None:
    name = await fleet.start()
    await fleet.stop(name)
    await fleet.start()
    node = control_plane.node(name)
    await until(lambda: len(node.reports) > 1, "reports after the restart")

    folder = fleet.data_dir / name
    assert len(control_plane.nodes) == 1
    assert (node.address, node.labels) == (f"http://127.0.0.1:{fleet.ports[name]}", {"zone": "a"})
    assert (folder / "identity.json").stat().st_mode & 0o777 == 0o600
    assert (await fleet.describe())["nodeId"] == node.id


async def test_a_node_serves_on_and_catches_up_when_the_control_plane_was_away(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, while_loaded: WhileLoaded
) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.0.0"))
    name = await fleet.start()
    await fleet.runs(old, 1)
    node = control_plane.node(name)

    async def be_away() -> None:
        await control_plane.stop()
        for _ in range(40):
            assert (await fleet.charge())[0] == 200
        control_plane.order(name, 2, new)
        await control_plane.start()
        await control_plane.settled(name, 2, new)

    answers = await while_loaded(be_away)

    assert {status for status, _ in answers} == {200}
    charged = len(answers) + 40
    await until(
        lambda: node.total(old, "requests") + node.total(new, "requests") == charged,
        f"all {charged} requests in the windows",
    )


async def test_a_report_whose_answer_was_lost_is_sent_again_unchanged_and_counted_once(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    node = control_plane.node(name)

    control_plane.lose_answers = 3
    for _ in range(10):
        await fleet.charge()

    await until(lambda: len(node.repeats) >= 3, "three repeated reports")
    await until(lambda: node.total(digest, "requests") == 10, "ten requests")
    assert control_plane.violations == []


async def test_the_last_report_before_a_restart_is_repeated_and_its_number_goes_on(
    control_plane: FakeControlPlane, fleet: Fleet
) -> None:
    name = await fleet.start()
    node = control_plane.node(name)
    await until(lambda: len(node.reports) > 2, "a few reports")
    await fleet.stop(name)
    last = max(node.reports)

    await fleet.start()

    await until(lambda: max(node.reports) > last + 2, "reports after the restart")
    assert last in node.repeats


async def test_a_revoked_credential_does_not_stop_the_service(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    node = control_plane.node(name)

    credential, node.credential = node.credential, "another"
    seen = len(node.reports)
    assert (await fleet.charge())[0] == 200
    node.credential = credential

    await until(lambda: len(node.reports) > seen, "reports after the credential counts again")


async def test_a_report_that_is_refused_does_not_stand_in_the_way_of_the_next(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    node = control_plane.node(name)
    await until(lambda: node.reports, "the first report")

    control_plane.answer_status = 422
    number = json.loads(_report_on_disk(fleet, name))["interval"]
    await until(lambda: json.loads(_report_on_disk(fleet, name))["interval"] > number + 1, "later reports")
    control_plane.violations.clear()
    node.reports.clear()
    control_plane.answer_status = 200

    await fleet.runs(digest, 1)
    control_plane.violations.clear()


async def test_an_answer_that_is_not_one_changes_nothing(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    digest = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(digest, 1)
    node = control_plane.node(name)

    good = node.desired["payment-processor"]
    node.desired["payment-processor"] = good | {"fence": "seven"}
    await until(lambda: len(node.repeats) > 1, "the report repeated")
    assert (await fleet.charge())[0] == 200

    node.desired["payment-processor"] = good | {"fence": 7}
    await control_plane.settled(name, 7, digest)


def _report_on_disk(fleet: Fleet, name: str) -> bytes:
    path: Path = fleet.data_dir / name / "report.json"
    return path.read_bytes().partition(b"\n")[2]


async def test_an_order_is_logged_and_answered_with_what_it_belongs_to(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="kernel")
    digest = control_plane.publish(built("1.0.0"))
    control_plane.correlation_ids = {1: "pipeline-1234", 2: "a\r\nX-Evil: 1"}
    name = await fleet.start()
    await fleet.runs(digest, 1)
    await fleet.runs(digest, 2)
    reports = len(control_plane.node(name).reports)
    await until(lambda: len(control_plane.node(name).reports) > reports + 2, "more reports")

    lines = [json.loads(record.getMessage()) for record in caplog.records]
    orders = [(line["event"], line["fence"], line["correlation_id"]) for line in lines if "order_" in line["event"]]
    assert orders == [
        ("order_begun", 1, "pipeline-1234"),
        ("order_ended", 1, "pipeline-1234"),
        ("order_begun", 2, ""),
        ("order_ended", 2, ""),
    ]
    assert control_plane.told_of == ["pipeline-1234"]
