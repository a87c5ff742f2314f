"""Many deployments at once: in parallel where they may, in order where they must, and never in each other's data."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from chalicelib import wiring
from chalicelib.domain.assignment import Look
from chalicelib.domain.environment import Environment
from chalicelib.usecases.look_for_harm import MOST_LOOKS


def modules(count: int) -> list[str]:
    return [f"module-{number:02d}" for number in range(1, count + 1)]


def test_deployments_to_different_environments_run_in_parallel(world):
    for environment in ("Development", "QA"):
        world.has_nodes(environment, 2)
    world.runs("1.0.0", "Development")
    world.has_version("2.0.0")

    qa = world.deploy("1.0.0", "QA")
    development = world.deploy("2.0.0", "Development")

    world.until(
        lambda: all(world.events(each, "WaveStarted") for each in (qa, development)), "a wave in both environments"
    )
    assert world.run(qa)["status"] == "Completed"
    assert world.run(development)["status"] == "Completed"


def test_different_modules_on_one_environment_run_in_parallel(world):
    world.has_nodes("Development", 2)
    deployments = []
    for module in modules(4):
        world.has_version("1.0.0", module=module)
        deployments.append(world.deploy("1.0.0", "Development", module=module))

    world.settle()

    assert all(world.events(each, "WaveStarted") for each in deployments), "none waits for another"
    assert [world.run(each)["status"] for each in deployments] == ["Completed"] * 4
    assert all(world.running("Development", module=module) == ["1.0.0"] * 2 for module in modules(4))


def test_a_report_looks_for_harm_in_a_few_modules_and_the_next_in_those_that_wait_longer(world):
    world.has_nodes("Development", 1)
    [node] = world.nodes["Development"]
    node.stuck = True
    names = modules(MOST_LOOKS + 2)
    for module in names:
        world.has_version("1.0.0", module=module)
    deployments = [world.deploy("1.0.0", "Development", module=module) for module in names]
    world.until(lambda: all(world.events(each, "WaveStarted") for each in deployments), "all waves")

    def looked_at() -> set[str]:
        return {name for name in names if wiring.store().get(Look, Environment.DEVELOPMENT, name) is not None}

    assert looked_at() == set()
    node.beat(world.time.now_ms())
    assert len(looked_at()) == MOST_LOOKS
    node.beat(world.time.now_ms())
    assert looked_at() == set(names)


def test_the_same_module_and_environment_queue_in_order(world):
    world.has_nodes("Development", 2)
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        world.has_version(version)
    deployments = []
    for version in ("1.0.0", "1.0.1", "1.0.2"):
        deployments.append(world.deploy(version, "Development"))
        world.settle()

    queued = [world.events(each, "TurnQueued") for each in deployments]
    assert [events[0]["detail"]["position"] if events else 0 for events in queued] == [0, 1, 2]
    assert queued[1][0]["detail"]["holder"] == deployments[0]
    for deployment in deployments:
        assert world.run(deployment)["status"] == "Completed"

    granted = [world.events(each, "TurnGranted")[0] for each in deployments]
    fences = [event["detail"]["fence"] for event in granted]
    assert fences == sorted(fences)
    assert [event["at"] for event in granted] == sorted(event["at"] for event in granted)
    assert world.running("Development") == ["1.0.2"] * 2


def test_the_turn_is_handed_on_only_after_the_holder_is_restored(world):
    world.has_nodes("Development", 2)
    world.runs("1.0.0", "Development")
    world.has_version("2.0.0")
    world.has_version("3.0.0")
    first = world.deploy("2.0.0", "Development")
    world.until(lambda: world.events(first, "WaveStarted"), "the first wave")
    second = world.deploy("3.0.0", "Development")
    world.settle()

    world.ok("dana", "POST", f"/api/v1/deployments/{first}/cancel", {"reason": "story"})
    world.settle()
    assert not world.events(second, "TurnGranted"), "nodes are still being restored"

    assert world.run(first)["status"] == "Cancelled"
    assert world.run(second)["status"] == "Completed"


def test_no_deployment_sees_data_of_another(world):
    world.has_nodes("Development", 1)
    deployments = {}
    for number, module in enumerate(modules(3)):
        world.has_version("1.0.0", module=module)
        deployments[module] = world.deploy(
            "1.0.0", "Development", module=module, metadata={"number": str(number)}, description=f"for {module}"
        )

    for number, (module, deployment) in enumerate(deployments.items()):
        found = world.get(deployment)
        assert (found["moduleName"], found["metadata"], found["description"]) == (
            module,
            {"number": str(number)},
            f"for {module}",
        )


def test_status_queries_during_creates_are_answered(world):
    world.has_nodes("Development", 1)
    for module in modules(6):
        world.has_version("1.0.0", module=module)
    first = world.deploy("1.0.0", "Development", module="module-01")

    with ThreadPoolExecutor(6) as pool:
        created = [pool.submit(world.deploy, "1.0.0", "Development", module=each) for each in modules(6)[1:]]
        read = [pool.submit(world.get, first) for _ in range(10)]

    assert all(each.result() for each in created)
    assert {each.result()["executionId"] for each in read} == {first}


def test_twenty_at_once_all_end_and_none_is_lost_or_doubled(world):
    world.has_nodes("Development", 1)
    for module in modules(20):
        world.has_version("1.0.0", module=module)

    with ThreadPoolExecutor(8) as pool:
        created = list(pool.map(lambda each: world.deploy("1.0.0", "Development", module=each), modules(20)))

    assert len(set(created)) == 20
    assert {world.run(each)["status"] for each in created} == {"Completed"}
    assert all(world.running("Development", module=module) == ["1.0.0"] for module in modules(20))


def test_three_approvals_decided_at_once_all_count(world):
    world.has_nodes("Staging", 1)
    deployments = []
    for module in modules(3):
        world.has_version("1.0.0", module=module)
        deployments.append(world.deploy("1.0.0", "Staging", module=module))
    for each in deployments:
        world.until_status(each, "PendingApproval")

    with ThreadPoolExecutor(3) as pool:
        paths = [f"/api/v1/approvals/deployments/{each}/approve" for each in deployments]
        answers = list(pool.map(lambda path: world.as_user("amal", "POST", path, {}).status, paths))

    assert answers == [200, 200, 200]
    assert {world.run(each)["status"] for each in deployments} == {"Completed"}
