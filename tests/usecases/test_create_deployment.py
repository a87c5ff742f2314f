"""Creating a deployment: everything or nothing, once per key."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.access import Caller
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import IdempotencyMismatch, NotFound, StaleWrite, TurnTaken
from chalicelib.domain.policy import Concurrency
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Strategy
from chalicelib.domain.timeline import AuditRecord, Event, OutboxMessage, audit_hash
from chalicelib.usecases.choose_environment import choose_environment
from chalicelib.usecases.control_deployment import cancel_deployment
from chalicelib.usecases.create_deployment import (
    IDEMPOTENCY_SECONDS,
    DeploymentRequest,
    create_deployment,
    request_hash,
)
from chalicelib.usecases.retry_deployment import retry_deployment
from chalicelib.usecases.run_stage import build
from tests.builders import MODULE
from tests.fakes import FakeBus, FakeExecutions
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already, with_store
from tests.usecases.stores import InterruptedStore

DEV = Environment.DEVELOPMENT


def a_request(**changes: Any) -> DeploymentRequest:
    return DeploymentRequest(**({"module": MODULE, "version": "2.0.0", "target": DEV} | changes))


def create(
    scene: Scene, request: DeploymentRequest | None = None, *, key: str = "k", caller: Caller = DANA
) -> Deployment:
    return create_deployment(request or a_request(), caller=caller, idempotency_key=key, ports=scene.ports)


def quiet_scene(**others: Any) -> Scene:
    return a_scene(nodes=0, executions=FakeExecutions(), **others)


def everything(scene: Scene) -> int:
    return len(scene.store.commits)


def test_a_deployment_is_recorded_with_its_event_its_audit_record_and_the_order_to_start_in_one_write() -> None:
    scene = quiet_scene(bus=FakeBus(unavailable=True))
    before = everything(scene)

    deployment = create(scene, a_request(description="why", metadata={"ticket": "PAY-17"}))

    assert everything(scene) - before == 1
    assert scene.now(deployment) == deployment
    [event] = scene.store.list(Event, deployment.id)
    [audit] = scene.store.list(AuditRecord, deployment.id)
    assert (event.type, event.detail["requestedBy"]) == ("DeploymentCreated", "dana")
    assert (audit.actor, audit.hash) == ("dana", audit_hash(audit))
    assert len(scene.store.page(OutboxMessage, "open", "OUTBOX", limit=9).records) == 2


def test_the_machine_is_started_and_the_world_is_told() -> None:
    executions, bus = FakeExecutions(), FakeBus()
    scene = a_scene(executions=executions, bus=bus)

    deployment = create(scene)

    assert executions.started == {deployment.id: deployment.id}
    assert [message["id"] for message in bus.published] == [f"{deployment.id}#00000001"]
    assert not scene.store.page(OutboxMessage, "open", "OUTBOX", limit=9).records


def test_a_deployment_passes_every_environment_up_to_its_target_under_the_policy_of_now() -> None:
    scene = quiet_scene()
    policy = scene.set_policy(environment=Environment.QA)

    deployment = create(scene, a_request(target=Environment.STAGING))

    assert [(r.environment, r.phase) for r in deployment.rollouts] == [
        (Environment.DEVELOPMENT, Phase.PENDING),
        (Environment.QA, Phase.PENDING),
        (Environment.STAGING, Phase.PENDING),
    ]
    assert [r.policy_revision for r in deployment.rollouts] == [0, policy.revision, 0]
    assert deployment.rollouts[0].strategy is Strategy.DIRECT


def test_everything_the_caller_sent_is_kept() -> None:
    sent = {"requester_email": "d@example.com", "description": "why", "metadata": {"a": "b"}, "require_approval": True}

    deployment = create(quiet_scene(), a_request(**sent))

    assert {name: getattr(deployment, name) for name in sent} == sent
    assert (deployment.status, deployment.requested_by) == (Status.PENDING, "dana")


def test_the_environments_a_hotfix_jumps_are_skipped_and_a_second_person_is_asked() -> None:
    request = a_request(target=Environment.QA, skip=(DEV,), hotfix_reason="payments are down")

    deployment = create(quiet_scene(), request)

    assert [rollout.phase for rollout in deployment.rollouts] == [Phase.SKIPPED, Phase.PENDING]
    assert deployment.rollouts[0].message == "Jumped by a hotfix: payments are down"
    assert deployment.require_approval


def test_the_same_key_and_request_give_the_same_deployment_and_write_nothing() -> None:
    scene = quiet_scene()
    first = create(scene)
    before = everything(scene)

    again = create(scene)

    assert again == first
    assert everything(scene) == before


@pytest.mark.parametrize(
    "changes", [{"version": "3.0.0"}, {"target": Environment.QA}, {"metadata": {"a": "b"}}, {"require_approval": True}]
)
def test_the_same_key_with_another_request_is_refused(changes: dict[str, Any]) -> None:
    scene = quiet_scene()
    create(scene)

    with pytest.raises(IdempotencyMismatch):
        create(scene, a_request(**changes))


def test_keys_belong_to_their_callers() -> None:
    scene = quiet_scene()

    assert create(scene, caller=DANA).id != create(scene, caller=ERIN).id


def test_without_a_key_every_request_is_a_new_one() -> None:
    scene = quiet_scene()

    assert create(scene, key="").id != create(scene, key="").id


@pytest.mark.parametrize(("seconds", "same"), [(IDEMPOTENCY_SECONDS - 1, True), (IDEMPOTENCY_SECONDS, False)])
def test_a_key_is_remembered_for_a_day_and_may_be_used_anew_afterwards(seconds: int, same: bool) -> None:
    scene = quiet_scene()
    first = create(scene)
    scene.clock.advance(seconds=seconds)

    again = create(scene)

    assert (again.id == first.id) is same
    assert create(scene) == again


def test_the_order_of_metadata_makes_no_other_request() -> None:
    one, other = a_request(metadata={"a": "1", "b": "2"}), a_request(metadata={"b": "2", "a": "1"})

    assert request_hash(one) == request_hash(other)


def test_of_many_at_once_with_one_key_one_is_created_and_all_get_it() -> None:
    scene = quiet_scene()

    with ThreadPoolExecutor(16) as threads:
        created = list(threads.map(lambda _: create(scene), range(32)))

    assert len({deployment.id for deployment in created}) == 1
    assert len(scene.store.page(Deployment, "lists", "DEPLOYMENTS", limit=99).records) == 1


def test_whoever_was_overtaken_with_the_same_key_gets_what_the_other_created() -> None:
    scene = quiet_scene()
    others: list[Deployment] = []
    other = replace(scene.ports)

    def meanwhile() -> None:
        others.append(create_deployment(a_request(), caller=DANA, idempotency_key="k", ports=other))

    with_store(scene, InterruptedStore(scene.store, call="commit", meanwhile=meanwhile, when=lambda *_: True))

    created = create(scene)

    assert [created] == others


def test_an_id_that_was_given_before_is_refused() -> None:
    scene = quiet_scene(new_id=lambda: "01J0")
    create(scene, key="")

    with pytest.raises(StaleWrite):
        create(scene, key="")


def test_a_version_nobody_registered_cannot_be_deployed() -> None:
    scene = quiet_scene()
    before = everything(scene)

    with pytest.raises(NotFound):
        create(scene, a_request(version="9.9.9"))

    assert everything(scene) == before


def test_a_policy_that_rejects_refuses_a_second_deployment_and_names_the_first() -> None:
    scene = a_scene()
    scene.set_policy(concurrency=Concurrency.REJECT)
    first = scene.create()
    scene.settle()

    with pytest.raises(TurnTaken) as refused:
        scene.create("3.0.0")

    assert refused.value.holder == first.id
    scene.run(first)
    assert scene.create("3.0.0").status is Status.PENDING


def test_a_retry_of_a_hotfix_jumps_what_the_hotfix_jumped_and_not_what_ran_the_version_already() -> None:
    scene = a_scene()
    runs_already(scene, "2.0.0")
    asked = scene.create("2.0.0", Environment.STAGING, skip=(Environment.QA,), hotfix_reason="fire")
    choosing = build(asked.id, ports=scene.ports)
    choose_environment(choosing.id, ports=scene.ports)
    before = scene.now(asked)
    assert [rollout.phase for rollout in before.rollouts[:2]] == [Phase.SKIPPED, Phase.SKIPPED]
    ended = cancel_deployment(asked.id, reason="", caller=DANA, ports=scene.ports)
    assert ended.has_ended

    retried = retry_deployment(asked.id, reason="", caller=DANA, ports=scene.ports)

    assert [rollout.is_jumped for rollout in retried.rollouts] == [False, True, False]
    assert [rollout.phase for rollout in retried.rollouts] == [Phase.PENDING, Phase.SKIPPED, Phase.PENDING]
