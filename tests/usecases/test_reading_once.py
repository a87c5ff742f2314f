"""Whoever reads once sees what the store has, asks it for nothing twice, and reads anew after a write."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.access import ANONYMOUS
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.policy import Policy
from chalicelib.domain.turn import Turn
from chalicelib.usecases.create_deployment import DeploymentRequest, create_deployment
from chalicelib.usecases.ports import Add, Replace
from chalicelib.usecases.reading_once import ReadOnce
from tests.builders import DEPLOYMENT_ID, MODULE, a_deployment, a_policy, a_turn
from tests.fakes import FakeStore
from tests.usecases.scene import a_scene

TURN = (Turn, ("Production", "payment-processor"))


class Asked:
    """A store, and what it was asked for: each record, and each list."""

    def __init__(self, store: FakeStore) -> None:
        self._store = store
        self.reads: list[Any] = []
        self.calls = 0

    def get(self, kind: Any, *key: str) -> Any:
        self.calls += 1
        self.reads.append((kind, key))
        return self._store.get(kind, *key)

    def get_many(self, *wanted: Any) -> Any:
        self.calls += bool(wanted)
        self.reads += wanted
        return self._store.get_many(*wanted)

    def list(self, kind: Any, *prefix: str, **named: Any) -> Any:
        self.calls += 1
        self.reads.append((kind, prefix, tuple(named.items())))
        return self._store.list(kind, *prefix, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def a_store() -> tuple[Asked, ReadOnce]:
    store = FakeStore()
    store.commit(Add(a_deployment()), Add(a_turn()), Add(a_policy(revision=1)), Add(a_policy(revision=2)))
    asked = Asked(store)
    return asked, ReadOnce(asked)


def test_a_record_is_read_once_alone_or_among_others_and_so_is_one_that_is_not_there():
    asked, once = a_store()

    for _ in range(2):
        assert once.get(Deployment, DEPLOYMENT_ID) == a_deployment()
        assert once.get_many(TURN, (Deployment, (DEPLOYMENT_ID,)), TURN) == (a_turn(), a_deployment(), a_turn())
        assert once.get(Deployment, "unknown") is None
        assert once.get(Turn, *TURN[1]) == a_turn()

    assert asked.reads == [(Deployment, (DEPLOYMENT_ID,)), TURN, (Deployment, ("unknown",))]


def test_a_list_is_read_once_for_each_question_and_its_records_are_known():
    asked, once = a_store()
    environment = a_policy().environment

    for _ in range(2):
        assert [each.revision for each in once.list(Policy, environment, newest_first=True, limit=1)] == [2]
        assert [each.revision for each in once.list(Policy, environment)] == [1, 2]
        assert once.get(Policy, environment, "00000002") == a_policy(revision=2)

    assert asked.calls == 2


def test_a_write_is_seen():
    _, once = a_store()
    once.get_many(TURN)

    once.commit(Replace(a_turn(fence=9, revision=1)))

    assert once.get_many(TURN) == (a_turn(fence=9, revision=1),)


def test_a_deployment_through_four_environments_is_accepted_without_reading_anything_twice():
    scene = a_scene()
    for environment in Environment:
        scene.store.commit(Add(a_policy(environment=environment, revision=1)))
    asked = Asked(scene.store)

    create_deployment(
        DeploymentRequest(module=MODULE, version="2.0.0", target=Environment.PRODUCTION),
        caller=ANONYMOUS,
        idempotency_key="k",
        ports=replace(scene.ports, store=asked),
    )

    assert len(asked.reads) == len(set(asked.reads))
    # The answer of before, the version, a policy and a configuration of each environment, and the rest of them at once.
    assert asked.calls == 1 + 1 + 4 * 2 + 1
