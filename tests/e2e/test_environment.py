"""The framework itself: everything ends, in reverse order, whatever happens; what failed is kept; nobody meets anybody."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from chalicelib.domain.node import PendingNode
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.domain.turn import Turn
from tests.e2e.conditions import deployment_is, nodes_run
from tests.e2e.environment import TestEnvironment
from tests.e2e.generators import a_name
from tests.e2e.ports import is_free
from tests.e2e.real_nodes import processes_in
from tests.e2e.shared import shared_environment
from tests.e2e.stack_process import SHARED
from tests.e2e.waiting import Missing, wait_for
from tests.e2e.wire_evidence import table_history


def test_when_a_test_ends_no_process_port_file_execution_or_item_of_it_is_left(tmp_path: Path):
    environment = TestEnvironment(tmp_path / "environment")
    with environment:
        client, module = environment.client, a_name()
        node = environment.add_node("Development", "development-01")
        made = client.publish(module)
        deployment = client.deploy(module, made.version, "Development")
        wait_for(deployment_is(client, deployment, "Completed"), because="a deployment runs to its end")
        wait_for(nodes_run(client, "Development", module, made.digest), because="the node serves it")
        ran = processes_in(tmp_path)
        ports = [int(url.rsplit(":", 1)[1]) for url in (environment.url, environment.emulator_url, node.url)]
        executions = client.executions()
        assert len(ran) >= 3, "control plane, kernel and module are processes"
        assert not any(is_free(port) for port in ports)

    items = table_history(environment.folder, tmp_path)
    assert executions == {deployment: False}
    assert items.of(OutboxMessage) == []
    # What a rollback would have been owed is written with the wave, and the table forgets it by itself.
    assert {(row.position, row.expires_at_s > 0) for row in items.of(PendingNode)} <= {("Development#restore", True)}
    assert [(turn.holder, turn.queue) for turn in items.of(Turn)] == [(None, ())]
    wait_for(lambda: not processes_in(tmp_path) or Missing(f"the end of {processes_in(tmp_path)}"), because="all ends")
    assert all(is_free(port) for port in ports)
    assert not list((tmp_path / "environment" / "nodes" / node.name / "unpacked").glob("*"))
    assert not any(psutil.pid_exists(process.pid) and process.is_running() for process in ran)
    assert environment.undone == ["node development-01", "health monitor", "control plane", "lease", "ports"]


def test_everything_is_undone_in_reverse_order_also_when_some_of_it_fails(tmp_path: Path):
    environment, done = TestEnvironment(tmp_path), []

    def fail() -> None:
        raise OSError("no such thing")

    environment.defer("first", lambda: done.append("first"))
    environment.defer("second", fail)
    environment.defer("third", lambda: done.append("third"))

    with pytest.raises(ExceptionGroup) as caught:
        environment.stop()

    assert (done, environment.undone) == (["third", "first"], ["third", "second", "first"])
    assert [str(error) for error in caught.value.exceptions] == ["no such thing"]
    assert caught.value.exceptions[0].__notes__ == ["while undoing: second"]


@pytest.mark.long
def test_a_shared_system_ends_with_its_last_user_and_whoever_comes_later_gets_a_fresh_one(tmp_path: Path):
    folder, module = tmp_path / "shared", a_name()
    with shared_environment(folder) as first:
        with shared_environment(folder) as second:
            assert second.url == first.url
            made = first.client.publish(module)
        assert second.client.viewer.get(f"/api/v1/modules/{module}/versions/{made.version}")

    wait_for(lambda: not (folder / SHARED).exists() or Missing("its end"), because="nobody needs it any more")
    with shared_environment(folder) as third:
        assert third.client.viewer.get("/api/v1/modules")["modules"] == []
        deployment = third.client.deploy(module, third.client.publish(module).version, "Production")
        wait_for(
            deployment_is(third.client, deployment, "Completed", approve=True), because="it is as good as the first"
        )
    wait_for(lambda: not processes_in(folder) or Missing(f"the end of {processes_in(folder)}"), because="all ends")
