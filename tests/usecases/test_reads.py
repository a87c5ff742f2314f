"""What people look up: lists, timelines, clusters, and whether an audit chain is whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.domain.assignment import Assignment
from chalicelib.domain.deployment import Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import NotFound
from chalicelib.domain.node import ModuleReport, NodeStatus
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.timeline import AuditRecord, audit_hash
from chalicelib.usecases.ports import Add, Ports
from chalicelib.usecases.read_audit import READ_AT_ONCE, read_day, read_subject, verify_chain
from chalicelib.usecases.read_clusters import read_cluster
from chalicelib.usecases.read_timeline import read_timeline
from chalicelib.usecases.reads import (
    DeploymentFilter,
    get_approval,
    get_version,
    list_deployments,
    list_modules,
    list_signing_keys,
    list_versions,
    pending_approvals,
)
from tests.builders import MODULE, NEW_DIGEST, OLD_DIGEST, a_deployment, a_node, an_assignment, an_audit_record
from tests.fakes import FakeAuditKeys, fake_ports
from tests.usecases.scene import Scene, a_scene, runs_already

PRODUCTION = Environment.PRODUCTION


def with_deployments(count: int) -> Ports:
    """Every second one has failed, every third is of another module."""
    ports = fake_ports()
    for number in range(count):
        status = Status.FAILED if number % 2 else Status.RUNNING
        module = "another-module" if number % 3 == 0 else MODULE
        ports.store.commit(Add(a_deployment(id=f"01J{number:03d}", status=status, module=module)))
    return ports


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (DeploymentFilter(), [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
        (DeploymentFilter(module=MODULE), [11, 10, 8, 7, 5, 4, 2, 1]),
        (DeploymentFilter(status=Status.FAILED), [11, 9, 7, 5, 3, 1]),
        (DeploymentFilter(environment=PRODUCTION), []),
    ],
)
@pytest.mark.parametrize("limit", [1, 3, 50])
def test_pages_of_a_filtered_list_show_each_once_newest_first(
    wanted: DeploymentFilter, expected: list[int], limit: int
) -> None:
    ports = with_deployments(12)
    shown: list[str] = []
    cursor: str | None = None
    for _ in range(20):
        page = list_deployments(wanted, limit=limit, cursor=cursor, ports=ports)
        shown += [deployment.id for deployment in page.records]
        cursor = page.cursor
        if cursor is None:
            break

    assert shown == [f"01J{number:03d}" for number in expected]


def test_modules_versions_and_keys_are_listed() -> None:
    ports = a_scene().ports

    assert [version.version for version in list_versions(MODULE, ports=ports)] == ["1.0.0", "2.0.0", "3.0.0"]
    assert [version.module for version in list_modules(limit=9, cursor=None, ports=ports).records] == [MODULE]
    assert get_version(MODULE, "2.0.0", ports=ports).version == "2.0.0"
    assert [key.owner for key in list_signing_keys(ports=ports)] == ["ci"]


def test_what_nobody_registered_is_not_found() -> None:
    ports = fake_ports()

    with pytest.raises(NotFound):
        list_versions(MODULE, ports=ports)
    with pytest.raises(NotFound):
        get_version(MODULE, "2.0.0", ports=ports)


def test_open_questions_are_listed_until_their_time_is_up() -> None:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True, expires_seconds=60))
    deployment = scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)

    [question] = pending_approvals(limit=9, cursor=None, ports=scene.ports).records
    scene.clock.advance(seconds=60)

    assert question == get_approval(deployment.id, ports=scene.ports)
    assert pending_approvals(limit=9, cursor=None, ports=scene.ports).records == ()


def test_a_deployment_that_never_asked_has_no_approval() -> None:
    scene = a_scene()

    with pytest.raises(NotFound):
        get_approval(scene.create().id, ports=scene.ports)


def timeline(scene: Scene, deployment_id: str, after: int, wait_seconds: int = 0, pauses: list[float] | None = None):  # type: ignore[no-untyped-def]
    waited = [] if pauses is None else pauses
    return read_timeline(deployment_id, after=after, wait_seconds=wait_seconds, pause=waited.append, ports=scene.ports)


def test_a_timeline_goes_on_behind_a_number_and_knows_when_it_is_over() -> None:
    scene = a_scene()
    scene.set_policy()
    done = scene.run(scene.create())

    first, rest = timeline(scene, done.id, 0), timeline(scene, done.id, done.event_seq, wait_seconds=20)

    assert [event.seq for event in first.events] == list(range(1, done.event_seq + 1))
    assert (first.next_after, first.ended, first.status) == (done.event_seq, True, "Completed")
    assert (rest.events, rest.next_after, rest.ended) == ((), done.event_seq, True)


def test_whoever_waits_for_something_new_waits_no_longer_than_they_said() -> None:
    scene = a_scene()
    pauses: list[float] = []

    answer = timeline(scene, scene.create().id, 1, wait_seconds=3, pauses=pauses)

    assert (answer.events, answer.ended) == ((), False)
    assert sum(pauses) == pytest.approx(3)
    assert max(pauses) <= 1


def test_a_chain_that_is_whole_says_so_and_one_that_was_touched_says_where() -> None:
    ports = a_scene().ports
    previous = ""
    for seq in range(1, READ_AT_ONCE + 2):
        record = an_audit_record(seq=seq, previous_hash=previous)
        record = replace(record, hash=audit_hash(record))
        ports.store.add_many([record])
        previous = record.hash
    whole = verify_chain(an_audit_record().subject, keys=FakeAuditKeys(), ports=ports)
    third = ports.store.list(AuditRecord, an_audit_record().subject)[2]
    ports.store.add_many([replace(third, actor="mallory")])

    touched = verify_chain(an_audit_record().subject, keys=FakeAuditKeys(), ports=ports)

    assert (whole.is_whole, whole.records, whole.last_hash) == (True, READ_AT_ONCE + 1, previous)
    assert (touched.is_whole, touched.broken_at) == (False, 3)


def test_audit_records_are_found_by_subject_and_by_day() -> None:
    scene = a_scene()
    deployment = scene.create()

    [by_subject] = read_subject(deployment.id, after=0, limit=9, ports=scene.ports)

    assert read_day("2026-09-21", limit=9, cursor=None, ports=scene.ports).records == (by_subject,)
    assert read_subject(deployment.id, after=1, limit=9, ports=scene.ports) == ()


def test_a_cluster_tells_who_is_silent_who_is_unwell_and_who_drifted() -> None:
    ports = fake_ports()
    runs = (ModuleReport(module=MODULE, active=OLD_DIGEST),)
    sick = (ModuleReport(module=MODULE, active=NEW_DIGEST, healthy=False),)
    for name, changes in {
        "well": {"modules": runs},
        "sick": {"modules": sick},
        "mute": {"modules": runs, "last_heartbeat_ms": 0},
        "gone": {"status": NodeStatus.REMOVED},
    }.items():
        ports.store.commit(Add(a_node(id=f"p-{name}", name=name, **changes)))
    ports.store.commit(Add(an_assignment()))

    cluster = read_cluster(PRODUCTION, ports=ports)

    assert [node.name for node in cluster.nodes] == ["mute", "sick", "well"]
    assert (cluster.silent, cluster.unhealthy) == (("mute",), ("sick",))
    assert (cluster.healthy, cluster.health) == (1, "degraded")
    assert [(module.assignment.module, module.drifted) for module in cluster.modules] == [(MODULE, ("sick",))]


@pytest.mark.parametrize(("nodes", "health"), [(0, "empty"), (2, "healthy")])
def test_a_cluster_has_one_word_for_its_health(nodes: int, health: str) -> None:
    assert read_cluster(Environment.DEVELOPMENT, ports=a_scene(nodes=nodes).ports).health == health


def test_nodes_that_have_not_followed_yet_are_no_drift_while_a_rollout_leaves_them_alone() -> None:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    scene.run(scene.create(), until=lambda d: d.rollouts[0].bake_until_ms is not None)

    cluster = read_cluster(Environment.DEVELOPMENT, ports=scene.ports)

    assert isinstance(cluster.modules[0].assignment, Assignment)
    assert cluster.modules[0].drifted == ()


def test_when_nobody_is_heard_of_a_cluster_is_unhealthy() -> None:
    scene = a_scene()
    scene.clock.advance(seconds=3_600)

    assert read_cluster(Environment.DEVELOPMENT, ports=scene.ports).health == "unhealthy"
