"""Orders carried out by real child processes behind a real port."""

from kernel.examples.build import BuiltArtifact
from tests.kernel.conftest import Builder, Fleet, WhileLoaded
from tests.kernel.fake_control_plane import FakeControlPlane, until


async def test_a_swap_under_load_fails_no_request(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, while_loaded: WhileLoaded
) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.0.0"))
    node = await fleet.start()
    await fleet.runs(old, 1)

    async def swap_thrice() -> None:
        await fleet.runs(new, 2)
        await fleet.runs(old, 3)
        await fleet.runs(new, 4)

    answers = await while_loaded(swap_thrice)

    assert {status for status, _ in answers} == {200}
    assert {"feeBreakdown" in body for _, body in answers} == {False, True}
    total = control_plane.node(node).total
    await until(
        lambda: total(old, "requests") + total(new, "requests") == len(answers),
        f"all {len(answers)} requests in the windows, each once",
    )


async def test_a_staged_version_is_tested_and_serves_only_when_activated(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.0.0"))
    name = await fleet.start()
    await fleet.runs(old, 1)

    control_plane.order(name, 2, old, staged=(new,))
    staged = await control_plane.settled(name, 2, new)
    node = control_plane.node(name)

    assert (staged["action"], staged["outcome"]) == ("stage", "succeeded")
    assert (node.module()["active"], node.module()["staged"]) == (old, [new])
    assert "feeBreakdown" not in (await fleet.charge())[1]

    control_plane.order(name, 2, new, staged=(old,))
    await until(lambda: (node.ack(2, new) or {}).get("action") == "activate", "the ack of the switch")

    assert "feeBreakdown" in (await fleet.charge())[1]
    assert node.module()["staged"] == [old]
    assert control_plane.downloads == [old, new]


async def test_a_parked_predecessor_takes_over_again_without_a_start(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.1.0"))
    name = await fleet.start()
    await fleet.runs(old, 1)
    control_plane.order(name, 2, new, staged=(old,))
    await control_plane.settled(name, 2, new)
    children = (fleet.data_dir / name / "children.json").read_text()

    control_plane.order(name, 2, old)
    node = control_plane.node(name)
    await control_plane.settled(name, 2, old)

    assert (await fleet.charge())[0] == 200
    pids_left = (fleet.data_dir / name / "children.json").read_text()
    await until(lambda: node.module()["staged"] == [], "the new version ended")
    assert control_plane.downloads == [old, new]
    assert pids_left.split('"pid": ')[1] == children.split('"pid": ')[1], "the old version was started again"


async def test_a_version_that_does_not_become_healthy_never_replaces_the_old(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder, while_loaded: WhileLoaded
) -> None:
    old = control_plane.publish(built("1.0.0"))
    sick = control_plane.publish(built("2.0.1", faults=["unhealthy"], manifest={"startTimeoutMs": 600}))
    name = await fleet.start()
    await fleet.runs(old, 1)

    async def try_the_sick_one() -> None:
        control_plane.order(name, 2, sick)
        ack = await control_plane.settled(name, 2, sick)
        assert (ack["action"], ack["outcome"], ack["reason"]) == ("activate", "failed", "HEALTH_CHECK_FAILED")
        assert "503" in ack["detail"]

    answers = await while_loaded(try_the_sick_one)

    assert {status for status, _ in answers} == {200}
    report = control_plane.node(name).module()
    assert (report["active"], report["fence"], report["healthy"]) == (old, 2, True)


async def test_a_version_that_ends_at_its_start_says_its_last_words(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    dying = control_plane.publish(built("2.0.2", faults=["dies_at_start"]))
    name = await fleet.start()

    control_plane.order(name, 1, dying)
    ack = await control_plane.settled(name, 1, dying)

    assert (ack["outcome"], ack["reason"]) == ("failed", "START_FAILED")
    assert "risk-limits.json" in ack["detail"]
    assert control_plane.node(name).module()["active"] is None


async def test_a_command_that_is_not_there_is_a_start_failure(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    nothing = control_plane.publish(built("2.0.3", manifest={"command": ["./no-such-program"]}))
    name = await fleet.start()

    control_plane.order(name, 1, nothing)
    ack = await control_plane.settled(name, 1, nothing)

    assert (ack["reason"], "no-such-program" in ack["detail"]) == ("START_FAILED", True)


async def test_a_staged_version_must_pass_its_smoke_test(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    old = control_plane.publish(built("1.0.0"))
    untested = control_plane.publish(built("2.0.4", manifest={"smokePath": "/no-such-page"}))
    name = await fleet.start()
    await fleet.runs(old, 1)

    control_plane.order(name, 2, old, staged=(untested,))
    ack = await control_plane.settled(name, 2, untested)

    assert (ack["action"], ack["reason"]) == ("stage", "SMOKE_TEST_FAILED")
    assert control_plane.node(name).module()["staged"] == []


async def test_a_smaller_fence_is_ignored(control_plane: FakeControlPlane, fleet: Fleet, built: Builder) -> None:
    old, new = control_plane.publish(built("1.0.0")), control_plane.publish(built("2.0.0"))
    name = await fleet.start()
    await fleet.runs(new, 7)
    node = control_plane.node(name)
    reported = len(node.reports)

    control_plane.order(name, 6, old)
    await until(lambda: len(node.reports) > reported + 3, "reports after the old order")

    assert (node.module()["active"], node.module()["fence"]) == (new, 7)
    assert control_plane.downloads == [new]


async def test_a_newer_order_replaces_one_under_way(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    old = control_plane.publish(built("1.0.0"))
    slow = control_plane.publish(built("2.0.5", faults=["unhealthy"], manifest={"startTimeoutMs": 60_000}))
    name = await fleet.start()
    await fleet.runs(old, 1)
    control_plane.order(name, 2, slow)
    await until(lambda: slow in control_plane.downloads, "the download of the slow version")

    control_plane.order(name, 2, old)
    ack = await control_plane.settled(name, 2, old)

    assert (ack["action"], ack["outcome"]) == ("activate", "succeeded")


async def test_a_module_is_taken_away_when_nothing_is_wanted(
    control_plane: FakeControlPlane, fleet: Fleet, built: Builder
) -> None:
    old = control_plane.publish(built("1.0.0"))
    name = await fleet.start()
    await fleet.runs(old, 1)

    control_plane.order(name, 2, None)
    ack = await control_plane.settled(name, 2, old)

    assert (ack["action"], ack["outcome"]) == ("deactivate", "succeeded")
    assert control_plane.node(name).module()["active"] is None
    assert (await fleet.charge())[0] == 404


async def test_modules_are_swapped_independently(control_plane: FakeControlPlane, fleet: Fleet, built: Builder) -> None:
    artifacts: list[BuiltArtifact] = [built("1.0.0", name=name) for name in ("billing", "fraud-check")]
    name = await fleet.start()

    for artifact in artifacts:
        control_plane.order(name, 1, control_plane.publish(artifact), module=artifact.name)
    for artifact in artifacts:
        await control_plane.settled(name, 1, artifact.digest, artifact.name)

    described = await fleet.describe()
    assert {module["module"]: module["active"] for module in described["modules"]} == {
        artifact.name: artifact.digest for artifact in artifacts
    }
