"""Races, decided: whatever order the table calls of several people fall in, it is as if one had come after the other."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.errors import AlreadyDecided, Conflict, DomainError, IllegalTransition
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.rollout import Phase
from chalicelib.domain.timeline import AuditRecord, Event, audit_hash
from chalicelib.domain.waiting import Wait, WaitState, answer
from chalicelib.usecases.advance_wave import advance_wave
from chalicelib.usecases.control_deployment import (
    cancel_deployment,
    pause_deployment,
    promote_deployment,
    resume_deployment,
)
from chalicelib.usecases.decide_approval import decide_approval, expire_approval
from chalicelib.usecases.ports import Ports
from chalicelib.usecases.reconcile import reconcile
from chalicelib.usecases.wait_for_token import wait_for_token
from tests.fakes import FakeBus, FakeClock, FakeExecutions, FakeStore
from tests.usecases.interleavings import Actor, Actors, GatedExecutions, GatedStore, Played, every_order
from tests.usecases.scene import DANA, Scene, a_scene, runs_already

HOUR_S = 3_600
Say = Callable[[str, Ports], object]


def person(name: str) -> Caller:
    return Caller(name=name, roles=frozenset({Role.ADMIN}))


def said(call: Callable[..., object], **given: Any) -> Say:
    return lambda deployment, ports: call(deployment, reason="", caller=DANA, ports=ports, **given)


SAYINGS: dict[str, Say] = {
    "approve": lambda d, ports: decide_approval(d, approved=True, reason="", caller=person("erin"), ports=ports),
    "reject": lambda d, ports: decide_approval(d, approved=False, reason="", caller=person("gus"), ports=ports),
    "expire": lambda d, ports: expire_approval(d, ports=ports),
    "cancel": said(cancel_deployment),
    "pause": said(pause_deployment),
    "resume": said(resume_deployment),
    "promote": said(promote_deployment),
    "judge": lambda d, ports: advance_wave(d, ports=ports),
    "wait": lambda d, ports: wait_for_token(d, WaitState.AWAIT_APPROVAL, run=0, token="a-new-token", ports=ports),
}
LATE = {"expire": HOUR_S, "judge": HOUR_S}
"""Who acts when time is up; everybody else was a moment earlier."""


@dataclass
class World:
    """The same moment each time, in records of its own."""

    deployment: str
    store: FakeStore
    executions: FakeExecutions
    ports: Ports

    def ports_for(self, name: str, actor: Actor | None) -> Ports:
        clock = FakeClock(self.ports.clock.machine_ms() + LATE.get(name, 0) * 1000)
        if actor is None:
            return replace(self.ports, clock=clock)
        gated: dict[str, Any] = {
            "store": GatedStore(self.store, actor),
            "executions": GatedExecutions(self.executions, actor),
        }
        return replace(self.ports, clock=clock, **gated)

    def now(self) -> Deployment:
        found = self.store.get(Deployment, self.deployment)
        assert found is not None
        return found


def copied(scene: Scene, deployment: Deployment) -> World:
    store = FakeStore()
    store._partitions = {name: dict(items) for name, items in scene.store._partitions.items()}
    store._order = {name: list(order) for name, order in scene.store._order.items()}
    store._indexes = {name: dict(items) for name, items in scene.store._indexes.items()}
    executions = FakeExecutions(started={deployment.execution_name: deployment.id})
    ports = replace(scene.ports, store=store, executions=executions, bus=FakeBus())
    return World(deployment.id, store, executions, ports)


@functools.cache
def asked() -> tuple[Scene, Deployment]:
    scene = a_scene()
    scene.set_policy(approval=ApprovalPolicy(required=True, expires_seconds=HOUR_S))
    runs_already(scene)
    return scene, scene.run(scene.create(), until=lambda d: d.status is Status.PENDING_APPROVAL)


@functools.cache
def baking() -> tuple[Scene, Deployment]:
    scene = a_scene()
    scene.set_policy()
    runs_already(scene)
    return scene, scene.run(scene.create(), until=lambda d: d.rollouts[0].phase is Phase.BAKING)


MOMENTS = {"asked": asked, "baking": baking}


def outcome(world: World, told: Mapping[str, Exception | None]) -> tuple[Any, ...]:
    """What everybody can see in the end."""
    approvals = world.store.list(Approval, world.deployment)
    events = tuple(str(event.type) for event in world.store.list(Event, world.deployment))
    phase = str(world.now().rollouts[0].phase)
    return (world.now().status, phase, tuple(a.status for a in approvals), events, tuple(map(verdict, told.values())))


def verdict(error: Exception | None) -> str:
    match error:
        case None:
            return "went through"
        case AlreadyDecided():
            return f"already {error.outcome}"
        case IllegalTransition():
            return f"is {error.status}"
        case _:
            raise AssertionError(f"told something else than who won: {error!r}") from error


def one_after_the_other(moment: str, names: tuple[str, ...]) -> set[tuple[Any, ...]]:
    """What can come of it when nobody gets in between."""
    outcomes = set()
    for order in itertools.permutations(names):
        world = copied(*MOMENTS[moment]())
        told: dict[str, Exception | None] = dict.fromkeys(names)
        for name in order:
            try:
                SAYINGS[name](world.deployment, world.ports_for(name, None))
            except DomainError as error:
                told[name] = error
        outcomes.add(outcome(world, told))
    return outcomes


def orders(moment: str, names: tuple[str, ...]) -> list[Played]:
    def actors(world: World, made: Mapping[str, Actor]) -> Actors:
        return {
            name: functools.partial(
                lambda world, name, ports: SAYINGS[name](world.deployment, ports),
                name=name,
                ports=world.ports_for(name, made[name]),
            )
            for name in names
        }

    return list(every_order(lambda: copied(*MOMENTS[moment]()), actors))


def races(size: int, *names: str) -> list[tuple[str, ...]]:
    return list(itertools.combinations(names, size))


RACES = [
    *(("asked", race) for race in races(2, "approve", "reject", "expire", "cancel", "pause")),
    *(("asked", race) for race in races(2, "approve", "reject", "expire", "cancel", "wait") if "wait" in race),
    *(("baking", race) for race in races(2, "pause", "resume", "promote", "cancel", "judge")),
]
LONG_RACES = [
    *(("asked", race) for race in races(3, "approve", "reject", "expire", "cancel", "pause")),
    *(("baking", race) for race in races(3, "pause", "promote", "cancel", "judge")),
]


@pytest.mark.parametrize(
    ("moment", "race"),
    [*RACES, *(pytest.param(*race, marks=[pytest.mark.long, pytest.mark.timeout(900)]) for race in LONG_RACES)],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_in_every_order_of_their_calls_it_is_as_if_one_came_after_the_other(moment: str, race: tuple[str, ...]) -> None:
    possible = one_after_the_other(moment, race)

    played = orders(moment, race)

    assert len(played) >= len(possible)
    for one in played:
        world: World = one.world
        assert outcome(world, one.told) in possible, one.order
        assert_the_token_was_sent_once(world, one.order)
        assert_the_chain_holds(world)


def assert_the_token_was_sent_once(world: World, order: tuple[str, ...]) -> None:
    """Who decided has sent it, or the reconciler does; nobody sends it twice."""
    wait = world.store.get(Wait, world.deployment)
    assert wait is not None
    late = replace(world.ports, clock=FakeClock(world.ports.clock.machine_ms()))
    due = answer(world.now(), wait.state, now_ms=late.clock.policy_ms())
    reconcile(ports=late)

    sent = [token for token, *_ in (*world.executions.answers, *world.executions.refusals)]
    assert len(set(sent)) == len(sent), order
    assert due is None or wait.token in sent, order


def assert_the_chain_holds(world: World) -> None:
    previous = ""
    for record in world.store.list(AuditRecord, world.deployment):
        assert (record.previous_hash, record.hash) == (previous, audit_hash(record))
        previous = record.hash


def test_of_approve_and_reject_exactly_one_wins_and_the_other_is_told_what_did() -> None:
    seen = set()
    for one in orders("asked", ("approve", "reject")):
        [approval] = one.world.store.list(Approval, one.world.deployment)
        told = [error for error in one.told.values() if error is not None]
        assert len(told) == 1
        assert isinstance(told[0], Conflict)
        assert len(approval.decisions) == 1
        seen.add(approval.status)

    assert seen == {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED}, "both can win"


def test_the_search_plays_orders_in_which_a_decision_was_overtaken() -> None:
    lengths = {len(one.order) for one in orders("asked", ("approve", "reject"))}

    assert len(lengths) > 1, "who is overtaken reads again, so some orders are longer"


def test_the_search_finds_what_a_table_without_conditions_would_let_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    possible = one_after_the_other("asked", ("approve", "reject"))
    monkeypatch.setattr(FakeStore, "_demand", lambda _self, _change: None)

    wrong = [one for one in orders("asked", ("approve", "reject")) if told_both(one) or seen(one) not in possible]

    assert wrong


def told_both(one: Played) -> bool:
    return all(error is None for error in one.told.values())


def seen(one: Played) -> tuple[Any, ...]:
    return outcome(one.world, one.told)
