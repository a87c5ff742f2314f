"""Whatever people, nodes, time and bad luck have done: one sweep puts right what can be put right, a second finds nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import event, given, settings
from hypothesis import strategies as st

from chalicelib.domain.approval import Approval, ApprovalStatus
from chalicelib.domain.deployment import Deployment
from chalicelib.domain.environment import Environment
from chalicelib.domain.errors import DomainError
from chalicelib.domain.policy import ApprovalPolicy
from chalicelib.domain.timeline import OutboxMessage
from chalicelib.domain.turn import Turn
from chalicelib.usecases.control_deployment import cancel_deployment, pause_deployment, resume_deployment
from chalicelib.usecases.decide_approval import decide_approval
from chalicelib.usecases.reconcile import GRACE_MS, Reconciled, reconcile
from tests.builders import MODULE
from tests.fakes import FakeBus
from tests.usecases.scene import DANA, ERIN, Scene, a_scene, runs_already

VERSIONS = ("2.0.0", "3.0.0")


@dataclass
class Luck:
    """A scene, and what may happen in it."""

    approval: bool
    bus: FakeBus = field(default_factory=FakeBus)
    created: list[Deployment] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.scene: Scene = a_scene(bus=self.bus)
        self.scene.set_policy(approval=ApprovalPolicy(required=self.approval, expires_seconds=120))
        runs_already(self.scene)
        self.away = list(self.scene.nodes)

    def somebody_deploys(self) -> None:
        with suppress(DomainError):  # what was taken back is in quarantine
            self.created.append(self.scene.create(VERSIONS[len(self.created) % 2], allow_downgrade=True))

    def the_machine_runs(self) -> None:
        self.scene.settle()

    def seconds_pass(self) -> None:
        self.scene.pass_time(5)

    def minutes_pass_and_nobody_reports(self) -> None:
        self.scene.clock.advance(seconds=65)

    def time_outs_happen(self) -> None:
        self.scene.driver.time_out()

    def an_execution_is_lost(self) -> None:
        self.scene.driver.lost |= {name for name in self.scene.driver.runs if self.scene.driver.is_running(name)}

    def nodes_report_for_longer_than_the_grace(self) -> None:
        self.scene.beat_for(GRACE_MS // 1000)

    def the_bus_is_away(self) -> None:
        self.bus.unavailable = True

    def a_node_falls_silent(self) -> None:
        if len(self.scene.nodes) > 1:
            self.scene.nodes.pop()

    def it_is_approved(self) -> None:
        self._latest(lambda each: decide_approval(each, approved=True, reason="", caller=ERIN, ports=self.scene.ports))

    def it_is_rejected(self) -> None:
        self._latest(lambda each: decide_approval(each, approved=False, reason="", caller=ERIN, ports=self.scene.ports))

    def it_is_cancelled(self) -> None:
        self._latest(lambda each: cancel_deployment(each, reason="", caller=DANA, ports=self.scene.ports))

    def it_is_paused(self) -> None:
        self._latest(lambda each: pause_deployment(each, reason="", caller=DANA, ports=self.scene.ports))

    def it_is_resumed(self) -> None:
        self._latest(lambda each: resume_deployment(each, reason="", caller=DANA, ports=self.scene.ports))

    def _latest(self, do: Callable[[str], object]) -> None:
        if self.created:
            with suppress(DomainError):
                do(self.created[-1].id)


HAPPENINGS = tuple(name for name in vars(Luck) if not name.startswith("_") and callable(getattr(Luck, name)))


BAD_LUCK = ("an_execution_is_lost", "the_bus_is_away", "a_node_falls_silent")
MISSED = (
    "nodes_report_for_longer_than_the_grace",
    "minutes_pass_and_nobody_reports",
    "it_is_cancelled",
    "it_is_approved",
)
STORIES = st.tuples(
    st.lists(st.sampled_from(HAPPENINGS), max_size=15),
    st.lists(st.sampled_from(BAD_LUCK), max_size=3),
    st.lists(st.sampled_from(MISSED), max_size=3),
).map(lambda parts: [happening for part in parts for happening in part])


@given(approval=st.booleans(), story=STORIES)
def test_a_second_sweep_changes_nothing_whatever_happened_before_the_first(approval: bool, story: list[str]) -> None:
    luck = Luck(approval)
    luck.somebody_deploys()
    for happening in story:
        getattr(luck, happening)()
    luck.bus.unavailable = False
    scene = luck.scene

    first = reconcile(ports=scene.ports)
    scene.settle()
    commits = len(scene.store.commits)
    second = reconcile(ports=scene.ports)

    event(", ".join(sorted(name for name, count in vars_of(first).items() if count)) or "nothing to do")
    assert second == Reconciled()
    assert len(scene.store.commits) == commits
    assert not scene.store.page(OutboxMessage, "open", "OUTBOX", limit=9).records


def vars_of(done: Reconciled) -> dict[str, int]:
    return {name: getattr(done, name) for name in Reconciled.__dataclass_fields__}


@settings(max_examples=25)
@given(approval=st.booleans(), story=STORIES)
def test_sweeps_and_time_alone_bring_everything_to_an_end_and_leave_no_orphan(approval: bool, story: list[str]) -> None:
    luck = Luck(approval)
    luck.somebody_deploys()
    for happening in story:
        getattr(luck, happening)()
    luck.bus.unavailable = False
    scene = luck.scene
    scene.nodes[:] = luck.away

    for _ in range(400):
        scene.pass_time(30)
        reconcile(ports=scene.ports)
        scene.settle()
        with suppress(DomainError):
            luck.it_is_resumed()
        if all(scene.now(each).has_ended for each in luck.created):
            break

    assert all(scene.now(each).has_ended for each in luck.created)
    reconcile(ports=scene.ports)
    scene.pass_time(30)
    assert reconcile(ports=scene.ports) == Reconciled()
    assert not [name for name in scene.driver.runs if scene.driver.is_running(name)]
    turn = scene.store.get(Turn, Environment.DEVELOPMENT, MODULE)
    assert turn is None or (turn.holder, turn.queue) == (None, ())
    assignment = scene.assignment()
    assert assignment is None or assignment.deployment_id is None
    asked = [a for each in luck.created for a in scene.store.list(Approval, each.id)]
    assert ApprovalStatus.PENDING not in {a.status for a in asked}
