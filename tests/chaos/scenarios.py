"""What people want of the simulated installation while faults happen, and how each of it may end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.access import Caller, Role
from chalicelib.domain.analysis.policy import AnalysisPolicy
from chalicelib.domain.deployment import Deployment, Status
from chalicelib.domain.environment import Environment
from chalicelib.domain.hook import HookTarget, StageHooks
from chalicelib.domain.policy import ApprovalPolicy, HoldPolicy, HoldThen
from chalicelib.domain.rollout import Phase
from chalicelib.domain.strategies import Step, Strategy, StrategySpec
from chalicelib.domain.webhook import Webhook
from chalicelib.routes import requests_by_event
from chalicelib.usecases.ports import Add
from tests.builders import MODULE
from tests.usecases.scene import Scene, runs_already

BY_EVENT = requests_by_event.CALLER
DANA = Caller(name="dana", roles=frozenset({Role.DEPLOYER}))
CLEO = Caller(name="cleo", roles=frozenset({Role.DEPLOYER}))
ERIN = Caller(name="erin", roles=frozenset({Role.APPROVER}))
AMAL = Caller(name="amal", roles=frozenset({Role.APPROVER}))
WHERE = Environment.DEVELOPMENT
ONE_BY_ONE = StrategySpec(kind=Strategy.ROLLING, batch=1, bake_seconds=10)
DIRECT = StrategySpec(kind=Strategy.DIRECT, bake_seconds=10)
BLUE_GREEN = StrategySpec(kind=Strategy.BLUE_GREEN, bake_seconds=10)
CANARY = StrategySpec(kind=Strategy.CANARY, bake_seconds=60, steps=(Step(percent=34, bake_seconds=60),))


CROWD = tuple(Caller(name=f"deployer-{number}", roles=frozenset({Role.DEPLOYER})) for number in range(6))
RECEIVER = "https://hooks.example.com/ci"
CANCELLED = frozenset({Status.CANCELLED, Status.COMPLETED})
"""Completed too: whoever cancels may come too late."""
COMPLETED_OR_TURNED_AWAY = frozenset({Status.COMPLETED, Status.FAILED})


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`caller` wants `version`, from round `since` on, and says so again with the same key until it is answered."""

    caller: Caller
    version: str
    since: int = 0
    ends: frozenset[Status] = frozenset({Status.COMPLETED})
    """How it may end; a fault alone changes nothing about that."""

    @property
    def key(self) -> str:
        """Its Idempotency-Key."""
        return f"{self.caller.name}-{self.version}"


Signal = Callable[[Deployment], bool]
"""When somebody gives a signal: as soon as this is so."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """An installation of `nodes` nodes that `prepare` made ready, and what people want of it."""

    name: str
    wishes: tuple[Wish, ...]
    nodes: int = 2
    prepare: Callable[[Scene], None]
    cancel: Signal | None = None
    pause: Signal | None = None
    resume: Signal | None = None
    roll_back: Signal | None = None
    deciders: tuple[tuple[Caller, bool], ...] = ((ERIN, True),)
    """Who answers an approval, in this order, and whether with yes."""
    is_told: bool = False
    """Whether events have somebody to go to: a webhook, and a hook that is asked before the deployment."""


def _approved(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE, approval=ApprovalPolicy(required=True))
    runs_already(scene)


def _nobody_approves(scene: Scene) -> None:
    scene.set_policy(strategy=DIRECT, approval=ApprovalPolicy(required=True, expires_seconds=60))
    runs_already(scene)


def _first_install(scene: Scene) -> None:
    scene.set_policy(strategy=BLUE_GREEN)


def _blue_green(scene: Scene) -> None:
    scene.set_policy(strategy=BLUE_GREEN)
    runs_already(scene)


def _direct(scene: Scene) -> None:
    scene.set_policy(strategy=DIRECT)
    runs_already(scene)


def _direct_cannot_start(scene: Scene) -> None:
    _direct(scene)
    scene.nodes[1].cannot_start = {scene.digests["2.0.0"]}


def _narrow_queue(scene: Scene) -> None:
    scene.set_policy(strategy=DIRECT, queue_limit=2)
    runs_already(scene)


def _asks_and_tells(scene: Scene) -> None:
    _direct(scene)
    webhook = Webhook(id="whk", url=RECEIVER, event_types=("*",), created_by="ada", created_at_ms=0)
    hooks = StageHooks(scope=MODULE, test=HookTarget(url=RECEIVER))
    scene.store.commit(Add(webhook), Add(hooks))


def _one_by_one(scene: Scene) -> None:
    scene.set_policy(strategy=ONE_BY_ONE)
    runs_already(scene)


def _one_cannot_start_it(scene: Scene) -> None:
    _one_by_one(scene)
    scene.nodes[1].cannot_start = {scene.digests["2.0.0"]}


def _canary(scene: Scene) -> None:
    # Held for a minute at most: whoever waits longer for numbers waits for a person.
    hold = HoldPolicy(step_seconds=30, max_holds=2)
    scene.set_policy(strategy=CANARY, analysis=AnalysisPolicy(), hold=hold)
    runs_already(scene)
    for node in scene.nodes:
        node.requests = 1_000
    scene.beat_for(60)


def _does_harm(scene: Scene) -> None:
    _canary(scene)
    for node in scene.nodes:
        node.errors = {scene.digests["2.0.0"]: 300}


def _has_no_numbers(scene: Scene) -> None:
    hold = HoldPolicy(step_seconds=30, max_holds=1, then=HoldThen.ROLLBACK)
    scene.set_policy(strategy=CANARY, analysis=AnalysisPolicy(), hold=hold)
    runs_already(scene)


def _bakes(wave: int) -> Signal:
    def so(deployment: Deployment) -> bool:
        current = deployment.current
        return current is not None and current.phase is Phase.BAKING and current.wave == wave

    return so


def _is_paused(deployment: Deployment) -> bool:
    return deployment.status is Status.PAUSED


def _completed(deployment: Deployment) -> bool:
    return deployment.status is Status.COMPLETED


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            name="two-want-the-turn",
            wishes=(Wish(caller=DANA, version="2.0.0"), Wish(caller=CLEO, version="3.0.0", since=1)),
            prepare=_approved,
        ),
        Scenario(name="blue-green-first-install", wishes=(Wish(caller=DANA, version="2.0.0"),), prepare=_first_install),
        Scenario(
            name="one-node-cannot-start-it",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.ROLLED_BACK})),),
            prepare=_one_cannot_start_it,
        ),
        Scenario(
            name="canary-does-harm",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.ROLLED_BACK})),),
            nodes=3,
            prepare=_does_harm,
            cancel=_is_paused,
        ),
        Scenario(
            name="cancelled",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=CANCELLED),),
            prepare=_one_by_one,
            cancel=_bakes(0),
        ),
        Scenario(name="direct", wishes=(Wish(caller=DANA, version="2.0.0"),), prepare=_direct),
        Scenario(
            name="direct-taken-back",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.ROLLED_BACK})),),
            prepare=_direct_cannot_start,
        ),
        Scenario(
            name="blue-green-cancelled-after-the-switch",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=CANCELLED),),
            prepare=_blue_green,
            cancel=_bakes(1),
        ),
        Scenario(
            name="canary",
            wishes=(Wish(caller=DANA, version="2.0.0"),),
            nodes=3,
            prepare=_canary,
            # What cannot be judged pauses and waits for a person: where a fault brought that about, one comes.
            cancel=_is_paused,
        ),
        Scenario(
            name="canary-without-numbers",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.ROLLED_BACK})),),
            nodes=3,
            prepare=_has_no_numbers,
        ),
        Scenario(
            name="paused-and-resumed",
            wishes=(Wish(caller=DANA, version="2.0.0"),),
            # Three waves: what holds of the first and of the last must hold of one between, too.
            nodes=3,
            prepare=_one_by_one,
            pause=_bakes(0),
            resume=_is_paused,
        ),
        Scenario(
            name="nobody-approves",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.EXPIRED})),),
            prepare=_nobody_approves,
            deciders=(),
        ),
        Scenario(
            name="approved-and-rejected",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.COMPLETED, Status.REJECTED})),),
            prepare=_approved,
            deciders=((AMAL, True), (ERIN, False)),
        ),
        Scenario(
            name="rejected",
            wishes=(Wish(caller=DANA, version="2.0.0", ends=frozenset({Status.REJECTED})),),
            prepare=_approved,
            deciders=((ERIN, False),),
        ),
        Scenario(
            name="asked-by-event",
            wishes=(Wish(caller=BY_EVENT, version="2.0.0"), Wish(caller=DANA, version="3.0.0", since=20)),
            prepare=_asks_and_tells,
            is_told=True,
        ),
        Scenario(
            name="a-crowd",
            wishes=tuple(
                Wish(caller=each, version="2.0.0" if number % 2 else "3.0.0", ends=COMPLETED_OR_TURNED_AWAY)
                for number, each in enumerate(CROWD)
            ),
            prepare=_narrow_queue,
        ),
        Scenario(
            name="rolled-back-later",
            wishes=(Wish(caller=DANA, version="2.0.0"),),
            prepare=_one_by_one,
            roll_back=_completed,
        ),
    )
}
