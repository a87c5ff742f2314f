"""A version with its configuration: given to the child as a file, exchanged like code, there again after a restart."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

from tests.kernel.conftest import Fleet
from tests.kernel.fake_control_plane import FakeControlPlane, until
from tests.kernel.test_proxy import echo_artifact

FIRST: dict[str, Any] = {"feeBp": 290, "rate": 0.5, "name": "Zürich"}
SECOND: dict[str, Any] = {"feeBp": 310}


async def told(fleet: Fleet) -> dict[str, str]:
    """What the child of the echo module finds in its environment."""
    async with fleet.session.get(fleet.url("echo")) as answer:
        environment: dict[str, str] = (await answer.json(content_type=None))["environment"]
        return environment


async def test_the_child_reads_its_configuration_from_a_file_that_only_the_node_may_read(
    control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path
) -> None:
    digest = control_plane.publish(echo_artifact("1.0.0", tmp_path))
    control_plane.configurations = {3: FIRST}
    name = await fleet.start()

    control_plane.order(name, 1, f"{digest}+3", module="echo")
    ack = await control_plane.settled(name, 1, f"{digest}+3", "echo")

    environment = await told(fleet)
    path = Path(environment["HOTSWAP_CONFIGURATION"])
    assert (ack["outcome"], environment["HOTSWAP_CONFIGURATION_REVISION"]) == ("succeeded", "3")
    assert json.loads(path.read_text()) == FIRST
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert control_plane.node(name).module("echo")["active"] == f"{digest}+3"


async def test_without_a_configuration_the_child_is_told_of_none(
    control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path
) -> None:
    digest = control_plane.publish(echo_artifact("1.0.0", tmp_path))
    name = await fleet.start()

    control_plane.order(name, 1, digest, module="echo")
    await control_plane.settled(name, 1, digest, "echo")

    assert not [key for key in await told(fleet) if key.startswith("HOTSWAP_CONFIGURATION")]


async def test_a_new_configuration_of_the_same_digest_is_a_swap_that_downloads_nothing_and_can_be_taken_back(
    control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path
) -> None:
    digest = control_plane.publish(echo_artifact("1.0.0", tmp_path))
    control_plane.configurations = {3: FIRST, 4: SECOND}
    name = await fleet.start()
    old, new = f"{digest}+3", f"{digest}+4"
    control_plane.order(name, 1, old, module="echo")
    await control_plane.settled(name, 1, old, "echo")

    control_plane.order(name, 2, new, staged=(old,), module="echo")
    await control_plane.settled(name, 2, new, "echo")
    changed = await told(fleet)
    node = control_plane.node(name)
    await until(lambda: node.module("echo")["staged"] == [old], "the old edition parked")
    control_plane.order(name, 3, old, module="echo")
    await control_plane.settled(name, 3, old, "echo")
    back = await told(fleet)

    assert json.loads(Path(changed["HOTSWAP_CONFIGURATION"]).parent.joinpath("echo-3.json").read_text()) == FIRST
    assert [each["HOTSWAP_CONFIGURATION_REVISION"] for each in (changed, back)] == ["4", "3"]
    assert len(control_plane.downloads) == 1
    await until(lambda: node.total(new, "requests") == 1, "requests counted for each edition by itself")


async def test_after_a_restart_a_node_runs_its_edition_again_without_asking(
    control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path
) -> None:
    digest = control_plane.publish(echo_artifact("1.0.0", tmp_path))
    control_plane.configurations = {3: FIRST}
    name = await fleet.start()
    control_plane.order(name, 1, f"{digest}+3", module="echo")
    await control_plane.settled(name, 1, f"{digest}+3", "echo")
    await fleet.stop(name)

    control_plane.configurations = {}
    reports = len(control_plane.node(name).reports)
    await fleet.start()
    await until(lambda: len(control_plane.node(name).reports) > reports, "a report after the restart")

    environment = await told(fleet)
    assert json.loads(Path(environment["HOTSWAP_CONFIGURATION"]).read_text()) == FIRST


async def test_a_kept_configuration_that_is_gone_is_asked_for_again(
    control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path
) -> None:
    digest = control_plane.publish(echo_artifact("1.0.0", tmp_path))
    control_plane.configurations = {3: FIRST}
    name = await fleet.start()
    control_plane.order(name, 1, f"{digest}+3", module="echo")
    await control_plane.settled(name, 1, f"{digest}+3", "echo")
    path = Path((await told(fleet))["HOTSWAP_CONFIGURATION"])
    await fleet.stop(name)
    path.unlink()

    await fleet.start()

    await until(lambda: path.exists(), "the configuration, fetched again")
    await until(lambda: control_plane.node(name).module("echo").get("active") == f"{digest}+3", "the edition again")


async def test_told_to_run_nothing_a_node_answers_when_its_last_request_has_been_answered(
    control_plane: FakeControlPlane, fleet: Fleet, tmp_path: Path
) -> None:
    digest = control_plane.publish(echo_artifact("1.0.0", tmp_path))
    name = await fleet.start()
    control_plane.order(name, 1, digest, module="echo")
    await control_plane.settled(name, 1, digest, "echo")
    slow = asyncio.create_task(_status(fleet, "echo/slow/700"))
    total = control_plane.node(name).total
    async with fleet.session.get(fleet.url("echo")):
        await until(lambda: total(digest, "requests") == 1, "a request after the slow one counted")
    node = control_plane.node(name)
    control_plane.order(name, 2, None, module="echo")
    await until(lambda: node.module("echo")["active"] is None, "the module out of service")
    acted_before_the_answer = (node.module("echo").get("ack") or {}).get("action")
    status = await slow
    await until(lambda: (node.module("echo").get("ack") or {}).get("action") == "deactivate", "the answer")

    assert (status, acted_before_the_answer) == (200, "activate")


async def _status(fleet: Fleet, path: str) -> int:
    async with fleet.session.get(fleet.url(path)) as answer:
        await answer.read()
        return answer.status


async def test_a_node_whose_enrolment_got_no_answer_asks_again_with_the_same_nonce(
    control_plane: FakeControlPlane, fleet: Fleet
) -> None:
    control_plane.lose_enrolments = 2

    name = await fleet.start()

    await until(lambda: control_plane.node(name) and len(control_plane.enrolments) == 3, "three tries")
    assert len(set(control_plane.enrolments)) == 1
    assert (fleet.data_dir / name / "identity.json").exists()
